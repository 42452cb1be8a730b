// Farms that agree on certificates, over the in-memory network on a virtual clock, for tests: nodes with disks that outlive
// them and writes that a crash cuts off; every certificate that becomes final anywhere is noted, and two in one place fail.
import { strict as assert } from "node:assert";
import type { Address } from "../../../protocol/address.ts";
import { type ChainHead, type MembershipStatement, type ReadCertificate, signAsOwner } from "../../../protocol/certificate.ts";
import { createGrant } from "../../../protocol/grant.ts";
import type { MembershipStatus } from "../../../protocol/node-status.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import { peerIdFromPublicKey } from "../../../protocol/peer-id.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { type Random, seededRandom } from "../../../runtime/random.ts";
import {
  allLive,
  createWorld,
  genesis,
  kill,
  type Member,
  nodeKey,
  ownerKey,
  startMember,
  stopAll,
  until,
  type World,
} from "../membership-fixture.ts";
import { type MembershipLimits, membershipLimits } from "../membership-limits.ts";
import type { CertificateLimits } from "./certificate-limits.ts";
import { type CertificateStore, createMemoryCertificateStore } from "./certificate-store.ts";
import type { Certificates } from "./certificates.ts";

/** Everything a few times faster, so that runs are short; the proportions are those of a farm. */
export const fastCertificates: Partial<CertificateLimits> = {
  tickMs: 100,
  joinAfterMs: 1_000,
  lostAfterMs: 4_000,
  settleMs: 300,
  takeOverMs: 500,
  retryMs: 200,
  retryMaxMs: 2_000,
  requestTimeoutMs: 1_000,
  exchangeEveryMs: 1_000,
};
const fastMembership: MembershipLimits = { ...membershipLimits, confirmQuietMs: 1_000, redialMaxMs: 500 };

export type CertifiedFarm = {
  readonly world: World;
  /** Running nodes by number. */
  readonly running: Map<number, Member>;
  /** Starts nodes, new ones or ones that ran before, with what their disks have. */
  start(...numbers: readonly number[]): Promise<void>;
  /** Starts a node that the owner granted nothing. */
  startStranger(number: number): Promise<void>;
  /** Starts one that is no node and only listens, as gateways and commands do, with what its disk has. */
  follow(number: number, store: CertificateStore): Promise<Member>;
  /** Ends nodes as kill -9 would, in the middle of whatever they write. */
  kill(...numbers: readonly number[]): Promise<void>;
  /** The owner's first certificate for these nodes, handed to the first of them. */
  found(...numbers: readonly number[]): Promise<void>;
  /** The owner declares nodes lost, to one node. */
  declareLost(to: number, ...numbers: readonly number[]): Promise<ReadCertificate>;
  certificates(number: number): Certificates;
  head(number: number): ChainHead;
  status(number: number): MembershipStatus;
  /** Cuts the running nodes in two. */
  partition(left: readonly number[], right: readonly number[]): void;
  /** Waits until every running node has exactly these confirmed, at one head. */
  agreed(limitMs: number, ...numbers: readonly number[]): Promise<number>;
  /** A node that does not run loses its chain, not what it signed. */
  loseChain(number: number): Promise<void>;
  stop(): Promise<void>;
};

export const peerOf = (number: number): PeerId => peerIdFromPublicKey(nodeKey(number).publicKey);
export const peersOf = (numbers: readonly number[]): readonly PeerId[] => numbers.map(peerOf).sort();
const grantOf = (number: number): Uint8Array => createGrant(genesis, ownerKey, { peerId: peerOf(number), notAfterMs: 0 });

type Disk = { readonly store: CertificateStore; life: number };

/** A farm without nodes. */
export function createCertifiedFarm(seed = 1): CertifiedFarm {
  const world = createWorld(seed);
  const random = seededRandom(seed + 1_000);
  const running = new Map<number, Member>();
  const disks = new Map<number, Disk>();
  const starts = new Map<number, number>();
  const addresses = new Map<number, Member["address"]>();
  const finals = new Map<Address, Address>();

  const certificates = (number: number): Certificates => {
    const found = running.get(number)?.membership.certificates;
    assert.ok(found !== undefined, `node ${number} does not run`);
    return found;
  };
  const startOne = async (number: number, grant: Uint8Array | null = grantOf(number)): Promise<void> => {
    const disk = disks.get(number) ?? { store: createMemoryCertificateStore(), life: 0 };
    disks.set(number, disk);
    starts.set(number, (starts.get(number) ?? 0) + 1);
    const member = await startMember(world, number, {
      startCounter: starts.get(number) ?? 1,
      founder: true,
      limits: fastMembership,
      certificates: { store: diskOf(disk, world.clock, random), grant: () => grant, limits: fastCertificates },
    });
    running.set(number, member);
    addresses.set(number, member.address);
    member.membership.certificates?.onChange((_, certificate) => noteFinal(finals, certificate));
  };
  const start = async (...numbers: readonly number[]): Promise<void> => {
    await world.clock.runUntil(Promise.all(numbers.map((number) => startOne(number))));
    for (const number of numbers) running.get(number)?.membership.bootstrap([...addresses.values()]);
  };
  return {
    world,
    running,
    start,
    startStranger: async (number) => {
      await world.clock.runUntil(startOne(number, null));
      running.get(number)?.membership.bootstrap([...addresses.values()]);
    },
    follow: async (number, store) => {
      const certificatePart = { store, grant: () => null, limits: fastCertificates };
      const options = { listensOnly: true, limits: fastMembership, certificates: certificatePart };
      const follower = await world.clock.runUntil(startMember(world, number, options));
      follower.membership.bootstrap([...addresses.values()]);
      return follower;
    },
    kill: async (...numbers) => {
      for (const number of numbers) {
        const disk = disks.get(number);
        if (disk !== undefined) disk.life += 1;
        const member = running.get(number);
        running.delete(number);
        if (member !== undefined) void kill(world, member);
      }
      await world.clock.advance(1);
    },
    ...ownersWord(world, certificates),
    certificates,
    head: (number) => certificates(number).head(),
    status: (number) => certificates(number).status(),
    partition: (left, right) => world.network.partition(left.map(peerOf), right.map(peerOf)),
    agreed: (limitMs, ...numbers) => until(world, limitMs, `agreed on ${numbers.join()}`, () => isAgreed([...running.values()], numbers)),
    loseChain: async (number) => {
      assert.ok(!running.has(number));
      await disks.get(number)?.store.saveChain([]);
    },
    stop: async () => {
      await world.clock.runUntil(stopAll([...running.values()]));
    },
  };
}

/** What the owner signs, handed to a node as news. */
function ownersWord(world: World, certificates: CertifiedFarm["certificates"]): Pick<CertifiedFarm, "found" | "declareLost"> {
  const owned = async (to: number, statement: MembershipStatement): Promise<ReadCertificate> => {
    const certificate = signAsOwner(genesis, ownerKey, statement);
    const offered = await world.clock.runUntil(certificates(to).offer(certificate.bytes));
    assert.equal(offered.kind, "fresh");
    return certificate;
  };
  return {
    found: async (...numbers) => {
      const [first = 1] = numbers;
      await owned(first, { sequence: 1, previous: genesis.networkId, joining: peersOf(numbers), leaving: [] });
    },
    declareLost: (to, ...numbers) => {
      const { id, sequence } = certificates(to).head();
      return owned(to, { sequence: sequence + 1, previous: id, joining: [], leaving: peersOf(numbers) });
    },
  };
}

function isAgreed(members: readonly Member[], numbers: readonly number[]): boolean {
  const wanted = peersOf(numbers).join();
  const heads = members.map(({ membership }) => membership.certificates?.head());
  return heads.every((head) => head?.id === heads[0]?.id && [...(head?.confirmed ?? [])].sort().join() === wanted) && allLive(members);
}

/** What the whole mechanism is for: the nodes never make two certificates final in one place of the chain. */
function noteFinal(finals: Map<Address, Address>, { statement, approval, id }: ReadCertificate): void {
  if (approval.kind === "owner") return;
  const before = finals.get(statement.previous) ?? id;
  finals.set(statement.previous, before);
  assert.equal(id, before, `two certificates follow ${statement.previous}`);
}

/** A disk that takes its time; what a crash meets on the way is not written, and nobody hears of it. */
function diskOf(disk: Disk, clock: Clock, random: Random): CertificateStore {
  const { life } = disk;
  const write = async (action: () => Promise<void>): Promise<void> => {
    await clock.sleep(1 + 20 * random.fraction());
    if (disk.life !== life) return new Promise(() => {});
    await action();
    await clock.sleep(5 * random.fraction());
    if (disk.life !== life) return new Promise(() => {});
  };
  return {
    loadChain: disk.store.loadChain,
    loadVotes: disk.store.loadVotes,
    saveChain: (certificates) => write(() => disk.store.saveChain(certificates)),
    saveVotes: (bytes) => write(() => disk.store.saveVotes(bytes)),
  };
}
