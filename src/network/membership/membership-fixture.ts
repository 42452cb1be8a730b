// Whole memberships over the in-memory network on a virtual clock, for tests: start a farm, wait for a condition, look.
import { strict as assert } from "node:assert";
import { createGenesis, type Genesis } from "../../protocol/genesis.ts";
import { hash } from "../../protocol/hash.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import type { LeavingProof } from "../../protocol/messages/goodbye.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type StopStatement, type StopWitness, signStopStatement, signStopWitness } from "../../protocol/safe-to-stop.ts";
import type { NodeViewState } from "../../protocol/states.ts";
import { type WitnessCandidate, witnessFor } from "../../protocol/stop-decision.ts";
import type { Clock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createMemoryNetwork, type MemoryNetwork } from "../in-memory/memory-network.ts";
import type { Peers } from "../peers.ts";
import type { CertificatePart } from "./certificates/certificates.ts";
import { createMembership, type Membership } from "./membership.ts";
import { type MembershipLimits, membershipLimits } from "./membership-limits.ts";
import type { OwnRecordDraft } from "./own-node.ts";

const gib: number = 2 ** 30;
const seedOf = (number: number, kind: number): Uint8Array => {
  const seed = new Uint8Array(32).fill(kind);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
};
export const nodeKey = (number: number): SigningKey => signingKeyFromSeed(seedOf(number, 1));
const vaultKey = (number: number): SigningKey => signingKeyFromSeed(seedOf(number, 2));
const copies: { min: number; target: number; max: number } = { min: 4, target: 5, max: 8 };
export const ownerKey: SigningKey = signingKeyFromSeed(seedOf(0, 3));
export const genesis: Genesis = createGenesis({ name: "test", copies, placeUnit: gib, createdAt: 0 }, ownerKey);

export type Member = { readonly number: number; readonly peers: Peers; readonly membership: Membership; readonly address: NodeAddress };
export type World = { readonly clock: VirtualClock; readonly network: MemoryNetwork };
export type StartOptions = {
  startCounter?: number;
  founder?: boolean;
  listensOnly?: boolean;
  clock?: Clock;
  certificates?: CertificatePart;
  limits?: MembershipLimits;
};

export const createWorld = (seed = 1): World => {
  const clock = createVirtualClock();
  return { clock, network: createMemoryNetwork({ clock, random: seededRandom(seed), faults: { delayMs: [1, 3] } }) };
};

const draftOf = (number: number, addresses: readonly NodeAddress[]): OwnRecordDraft => ({
  addresses,
  domain: { region: "", zone: `zone-${number % 3}`, host: `host-${number}` },
  software: "test",
  vaults: [{ key: vaultKey(number), capacity: 32 * gib, used: 0, chunks: 0, state: "active", wallet: null }],
});

export async function startMember({ clock, network }: World, number: number, options: StartOptions = {}): Promise<Member> {
  const peers = network.createPeers(seedOf(number, 1), { listen: options.listensOnly !== true });
  const own = { key: nodeKey(number), startCounter: options.startCounter ?? 1, founder: options.founder ?? false };
  const membership = createMembership(
    {
      peers,
      genesis,
      clock: options.clock ?? clock,
      random: seededRandom(number),
      log: silentLog,
      ...(options.listensOnly === true ? {} : { own }),
      ...(options.certificates === undefined ? {} : { certificates: options.certificates }),
    },
    options.limits ?? membershipLimits,
  );
  await peers.start();
  const [address = { ip: "127.0.0.1", libp2p: 0, lane: 0, heartbeat: 0 }] = peers.addresses();
  if (options.listensOnly !== true) membership.announce(draftOf(number, peers.addresses()));
  await membership.start();
  return { number, peers, membership, address };
}

/** Signs and publishes a member's next record; nothing in it has changed. */
export const announceAnew = ({ number, peers, membership }: Member): void => membership.announce(draftOf(number, peers.addresses()));

export async function startFarm(world: World, count: number): Promise<readonly Member[]> {
  const first = await startMember(world, 1, { founder: true });
  const rest = await Promise.all(Array.from({ length: count - 1 }, (_, i) => startMember(world, i + 2)));
  for (const { membership } of rest) membership.bootstrap([first.address]);
  return [first, ...rest];
}

/** Moves time on until the condition holds; fails after `limitMs` of virtual time. Returns how long it took. */
export async function until({ clock }: World, limitMs: number, what: string, holds: () => boolean): Promise<number> {
  const startMs = clock.monotonicMs();
  while (!holds()) {
    assert.ok(clock.monotonicMs() - startMs < limitMs, `${what}: not within ${limitMs} ms`);
    await clock.advance(10);
  }
  return clock.monotonicMs() - startMs;
}

export const stateAt = (at: Member, peer: PeerId): NodeViewState | undefined => at.membership.directory.node(peer)?.state;
const liveAt = (at: Member): number => at.membership.directory.nodes().filter(({ state }) => state === "live").length;
export const allLive = (members: readonly Member[]): boolean => members.every((member) => liveAt(member) === members.length);
export const stopAll = (members: readonly Member[]): Promise<unknown> =>
  Promise.all(members.map(({ membership, peers }) => membership.stop().then(() => peers.stop())));
export const kill = async ({ network }: World, member: Member): Promise<void> => {
  network.crash(member.peers.self);
  await member.membership.stop();
};

/** What a leaver shows: its statement and the word of the second source whose turn it is; what tests spoil is changed. */
export function leavingProof(
  { clock }: World,
  leaver: Member,
  members: readonly Member[],
  change: { readonly statement?: Partial<StopStatement>; readonly word?: Partial<StopWitness> } = {},
): LeavingProof {
  const leftAtMs = clock.wallMs();
  const digest = new Uint8Array(32);
  const seen = { membership: digest, inventory: digest, count: 9, short: 0 };
  const statement = signStopStatement(genesis.networkId, nodeKey(leaver.number), {
    ...{ startCounter: 1, purpose: "removal", stayers: members.length - 1, bytesLeft: 0, estimateSeconds: 0, statedAtMs: leftAtMs },
    ...seen,
    ...change.statement,
  });
  const candidateOf = ({ peers, number }: Member): WitnessCandidate => ({ peerId: peers.self, host: `host-${number}` });
  const live = members.filter(({ peers }) => stateAt(leaver, peers.self) === "live");
  const turn = witnessFor(statement, candidateOf(leaver), live.map(candidateOf));
  const witness = members.find(({ peers }) => peers.self === turn?.peerId) ?? assert.fail("nobody may be the second source");
  const word = { ...seen, statement: hash(statement), audited: 0, failed: 0, statedAtMs: leftAtMs, ...change.word };
  return { statement, witness: signStopWitness(genesis.networkId, nodeKey(witness.number), word), leftAtMs };
}
