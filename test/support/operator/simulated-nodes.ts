// Vault nodes as the operator meets them, without processes: a status on the health port, and the real admin handler over a
// small model of chunks with copies. What they sign is signed with real keys, so that the real decision reads it.

import type { CertificateOffer } from "../../../src/network/membership/certificates/confirmed-book.ts";
import type { NetworkKeys } from "../../../src/operator/manifests/network-secret.ts";
import type { CallMember, HttpReply } from "../../../src/operator/node-access/http-call.ts";
import type { Address } from "../../../src/protocol/address.ts";
import { textBytes } from "../../../src/protocol/bytes.ts";
import { emptyChain, judgeCertificate, readCertificate } from "../../../src/protocol/certificate.ts";
import { hash } from "../../../src/protocol/hash.ts";
import type { SigningKey } from "../../../src/protocol/keys.ts";
import { signingKeyFromSeed } from "../../../src/protocol/keys.ts";
import { checkLeaving } from "../../../src/protocol/leaving.ts";
import { lowCopies } from "../../../src/protocol/node-figures.ts";
import { type MembersStatus, membersToldMax, type NodeStatus, type SeenVault } from "../../../src/protocol/node-status.ts";
import { type PeerId, peerIdFromPublicKey } from "../../../src/protocol/peer-id.ts";
import { adminPort, healthPort } from "../../../src/protocol/ports.ts";
import {
  copiesNeeded,
  readStopStatement,
  type StopPurpose,
  signStopStatement,
  signStopWitness,
} from "../../../src/protocol/safe-to-stop.ts";
import type { DesiredState } from "../../../src/protocol/states.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import type { HttpHandler } from "../../../src/runtime/http-server.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { seededRandom } from "../../../src/runtime/random.ts";
import { createAdminHandler } from "../../../src/vault-node/admin/admin-server.ts";
import type { StopJob } from "../../../src/vault-node/safe-to-stop/stop-jobs.ts";

/** What is on a volume. */
export type Volume = {
  key: SigningKey;
  granted: boolean;
  admin: DesiredState;
  starts: number;
  confirmed: boolean;
  readonly chunks: Set<number>;
};

export type RunningNode = {
  readonly name: string;
  readonly ip: string;
  readonly host: string;
  readonly founder: boolean;
  readonly capacity: number;
  readonly vaults: number;
  readonly startedMs: number;
  readonly volume: Volume;
  readonly networkId: Address;
  readonly told: Set<string>;
  readonly handler: HttpHandler;
  leaves: boolean;
  /** Does not answer. */
  silent: boolean;
  /** Does not answer on its health port, while all else goes on. */
  unheard: boolean;
  /** Goodbyes for good that it will refuse yet. */
  refusals: number;
  /** Publishes no figures of copies, as nodes of an older version. */
  older: boolean;
};

export type NodeStart = Pick<RunningNode, "name" | "ip" | "host" | "founder" | "capacity" | "vaults"> & {
  readonly volume: string;
  readonly keys: NetworkKeys;
};

export type SimulatedNodes = {
  readonly running: ReadonlyMap<string, RunningNode>;
  /** By the claim's uid. */
  readonly volumes: ReadonlyMap<string, Volume>;
  /** Names of nodes that said goodbye for good, and how nodes stopped: chunks that then had fewer than min copies. */
  readonly left: readonly string[];
  readonly stopped: readonly { readonly name: string; readonly short: number }[];
  start(node: NodeStart): void;
  stop(name: string): void;
  dropVolume(uid: string): void;
  /** Statuses asked for so far. */
  polls(): number;
  /** From its next start another identity is on the node's volume. */
  changeIdentity(name: string): void;
  isReady(name: string): boolean;
  /** Stores so many chunks more. */
  store(chunks: number): void;
  /** Lets the network make copies and meet. */
  pass(): void;
  /** From now on no copies are made, or they are again. */
  setIdle(idle: boolean): void;
  /** Live copies of each chunk. */
  copies(): readonly number[];
  readonly call: CallMember;
};

type World = {
  readonly clock: Clock;
  readonly running: Map<string, RunningNode>;
  readonly volumes: Map<string, Volume>;
  readonly left: string[];
  readonly stopped: { readonly name: string; readonly short: number }[];
  policy: NetworkKeys["genesis"]["copies"];
  chunks: number;
  seeds: number;
  polls: number;
  /** Networks whose first members are confirmed. */
  readonly certified: Set<string>;
  idle: boolean;
  readonly customers: boolean;
};

const ids = new WeakMap<SigningKey, PeerId>();

export function idOf({ key }: Pick<Volume, "key">): PeerId {
  const id = ids.get(key) ?? peerIdFromPublicKey(key.publicKey);
  ids.set(key, id);
  return id;
}

/** Vaults that a node tells of, as a real one limits them. */
const seenMax = 64;

// What a node has seen of the vaults of the others of its network: with names as long as real ones, so that they cost what those do.
function seenBy(world: World, node: RunningNode): readonly SeenVault[] {
  const others = [...world.running.values()].filter(
    (other) => other !== node && other.networkId === node.networkId && other.volume.granted && isReady(world, other),
  );
  const vaults = others.flatMap(({ volume, vaults: count }) =>
    Array.from({ length: count }, (_, i) => {
      const peerId = idOf(volume);
      return { peerId, vault: `${i}${peerId}`.padEnd(64, "0").slice(0, 64), score: 0.9, conduct: 1, goodDays: 30, age: 0.8, faults: {} };
    }),
  );
  return vaults.slice(0, seenMax);
}

/** What customers have stored in each vault before, and up to how many chunks more are there at one look than at another. */
const stored = { chunks: 26_624, chunkBytes: 4096, more: 16 } as const;

/** `customers`: each status differs from the last, as while customers store and remove, by far less than a figure that is shown. */
export function createSimulatedNodes(clock: Clock, { customers = false }: { readonly customers?: boolean } = {}): SimulatedNodes {
  const policy = { min: 4, target: 5, max: 8 };
  const world: World = {
    ...{
      clock,
      policy,
      running: new Map(),
      volumes: new Map(),
      left: [],
      stopped: [],
      chunks: 0,
      seeds: 0,
      polls: 0,
      certified: new Set(),
      idle: false,
      customers,
    },
  };
  const { running, volumes } = world;
  return {
    running,
    volumes,
    left: world.left,
    stopped: world.stopped,
    start: (node) => start(world, node),
    stop: (name) => {
      const node = running.get(name);
      running.delete(name);
      if (node === undefined) return;
      if (node.leaves) world.left.push(name);
      const short = [...node.volume.chunks].filter((chunk) => copiesOf(world, chunk, node) < world.policy.min).length;
      world.stopped.push({ name, short });
    },
    dropVolume: (uid) => volumes.delete(uid),
    polls: () => world.polls,
    changeIdentity: (name) => {
      const volume = running.get(name)?.volume;
      for (const [uid, one] of volumes) if (one === volume) volumes.set(uid, { ...one, key: freshVolume(world).key });
    },
    isReady: (name) => {
      const node = running.get(name);
      return node !== undefined && isReady(world, node);
    },
    store: (chunks) => {
      world.chunks += chunks;
    },
    pass: () => makeCopies(world),
    setIdle: (idle) => {
      world.idle = idle;
    },
    copies: () => Array.from({ length: world.chunks }, (_, chunk) => copiesOf(world, chunk)),
    call: async (asked) => {
      const node = [...running.values()].find(({ ip }) => ip === asked.ip);
      if (node === undefined || node.silent) return undefined;
      if (asked.port === healthPort) world.polls += 1;
      if (asked.port === healthPort && node.unheard) return undefined;
      if (asked.port === healthPort) return reply(200, textBytes(JSON.stringify(statusOf(world, node))));
      if (asked.port !== adminPort) return undefined;
      const headers = asked.headers ?? {};
      const { pathname, searchParams } = new URL(asked.path, "http://node");
      const answer = await node.handler({
        ...{ method: asked.method, target: asked.path, path: pathname, query: searchParams },
        body: asked.body ?? new Uint8Array(),
        header: (name) => headers[name],
      });
      const body = typeof answer.body === "string" ? textBytes(answer.body) : (answer.body as Uint8Array);
      return reply(answer.status, body, answer.headers);
    },
  };
}

function reply(status: number, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return { status, body, header: (name) => headers[name] };
}

function start(world: World, { volume: uid, keys, ...node }: NodeStart): void {
  const { clock, running, volumes } = world;
  world.policy = keys.genesis.copies;
  const volume = volumes.get(uid) ?? freshVolume(world);
  volumes.set(uid, volume);
  volume.starts += 1;
  const parts = { networkId: keys.genesis.networkId, genesis: keys.genesis, adminKey: keys.admin.publicKey, nodeKey: volume.key };
  const commands = commandsOf(world, node.name, volume, parts);
  const handler = createAdminHandler({ ...parts, ...commands, peerId: idOf(volume), clock, log: silentLog });
  const startedMs = clock.monotonicMs();
  const { networkId } = keys.genesis;
  running.set(node.name, {
    ...node,
    volume,
    networkId,
    startedMs,
    told: new Set(),
    handler,
    leaves: false,
    silent: false,
    unheard: false,
    refusals: 0,
    older: false,
  });
}

function freshVolume(world: World): Volume {
  world.seeds += 1;
  const key = signingKeyFromSeed(seededRandom(world.seeds).bytes(32));
  return { key, granted: false, admin: "active", starts: 0, confirmed: false, chunks: new Set() };
}

type Keys = Pick<NetworkKeys, "genesis">;

function commandsOf(world: World, name: string, volume: Volume, { genesis }: Keys) {
  const asked = new Set<StopPurpose>();
  const { networkId, copies } = genesis;
  const witness = async (bytes: Uint8Array): Promise<StopJob> => {
    const read = readStopStatement(networkId, bytes);
    const leaver = read.ok ? [...world.volumes.values()].find((one) => idOf(one) === read.value.node) : undefined;
    if (!read.ok || leaver === undefined) return { kind: "failed", why: "of nobody known" };
    const { membership, inventory, count, short, statedAtMs } = findings(world, leaver, read.value.purpose);
    const word = { statement: hash(bytes), membership, inventory, count, short, audited: count, failed: 0, statedAtMs };
    return { kind: "done", bytes: signStopWitness(networkId, volume.key, word) };
  };
  return {
    store: { addresses: () => [] },
    setGrant: async () => {
      volume.granted = true;
    },
    setDesired: async (state: DesiredState) => {
      volume.admin = state;
    },
    addPeers: (addresses: readonly { readonly ip: string }[]) => {
      for (const { ip } of addresses) world.running.get(name)?.told.add(ip);
    },
    offerCertificate: async (bytes: Uint8Array): Promise<CertificateOffer> => {
      const read = readCertificate(networkId, bytes);
      const verdict = read.ok
        ? judgeCertificate(genesis, emptyChain(networkId), read.value)
        : ({ ok: false, code: "gap", why: "" } as const);
      if (!verdict.ok) return { kind: "refused", code: verdict.code, why: verdict.why };
      world.certified.add(networkId);
      for (const one of world.volumes.values()) one.confirmed = true;
      return { kind: "known" };
    },
    stops: {
      // The first asking of a purpose takes longer, as with many chunks.
      state: async (purpose: StopPurpose): Promise<StopJob> => {
        if (!asked.delete(purpose)) {
          asked.add(purpose);
          return { kind: "working" };
        }
        const bytes = signStopStatement(networkId, volume.key, { ...findings(world, volume, purpose), purpose });
        return { kind: "done", bytes };
      },
      witness,
      // Its own farm is the whole network, and the operator asks whose turn it is there.
      confirm: witness,
    },
    leaving: {
      offer: (statement: Uint8Array, witness: Uint8Array) => {
        const node = world.running.get(name);
        if (node !== undefined && node.refusals > 0) {
          node.refusals -= 1;
          return { ok: false as const, why: "the statement is of another start" };
        }
        const proof = { statement: new Uint8Array(statement), witness: new Uint8Array(witness), leftAtMs: world.clock.wallMs() };
        const departure = { kind: "leaving", proof } as const;
        const known = serving(world).map((one) => ({ peerId: idOf(one.volume), host: one.host, live: one.volume.admin !== "draining" }));
        const goodbye = { peerId: idOf(volume), startCounter: volume.starts, sequence: 0, departure };
        const verdict = checkLeaving({ networkId, copies, goodbye, firstHand: true, host: node?.host ?? "", known });
        if (node !== undefined && verdict.ok) node.leaves = true;
        return verdict;
      },
    },
  };
}

function isReady({ clock, running }: World, node: RunningNode): boolean {
  const met = node.founder || [...running.values()].some((other) => other !== node && (node.told.has(other.ip) || other.told.has(node.ip)));
  return met && clock.monotonicMs() - node.startedMs >= 1000;
}

function serving(world: World): readonly RunningNode[] {
  return [...world.running.values()].filter((node) => node.volume.granted && !node.silent && isReady(world, node));
}

function copiesOf(world: World, chunk: number, without?: RunningNode): number {
  return serving(world).filter((node) => node !== without && node.volume.chunks.has(chunk)).length;
}

function makeCopies(world: World): void {
  if (world.idle) return;
  const nodes = serving(world);
  for (let chunk = 0; chunk < world.chunks; chunk += 1) {
    const staying = nodes.filter(({ volume }) => volume.admin === "active" && volume.chunks.has(chunk)).length;
    const takers = nodes.filter(({ volume }) => volume.admin === "active" && !volume.chunks.has(chunk));
    const fewest = [...takers].sort((a, b) => a.volume.chunks.size - b.volume.chunks.size);
    for (const { volume } of fewest.slice(0, Math.max(0, world.policy.target - staying))) volume.chunks.add(chunk);
  }
}

// What is true of a node that would stop, as it and every other one sees it.
function findings(world: World, volume: Volume, purpose: StopPurpose) {
  const others = serving(world).filter((node) => node.volume !== volume && node.volume.admin !== "draining");
  const needed = copiesNeeded(purpose, world.policy, others.length);
  const chunks = [...volume.chunks].sort((a, b) => a - b);
  const short = chunks.filter((chunk) => others.filter((node) => node.volume.chunks.has(chunk)).length < needed).length;
  const around = others.map((node) => [idOf(node.volume), node.volume.starts]).sort();
  return {
    startCounter: volume.starts,
    membership: hash(textBytes(JSON.stringify(around))),
    inventory: hash(textBytes(JSON.stringify(chunks))),
    count: chunks.length,
    stayers: others.length,
    short,
    bytesLeft: short * 1024,
    estimateSeconds: short,
    statedAtMs: Math.floor(world.clock.wallMs()),
  };
}

/** The chunks that a node counts, by their copies: the first one that holds a chunk does. */
function countedBy(world: World, node: RunningNode): NonNullable<NodeStatus["copies"]> {
  const live = Array.from({ length: world.policy.max + 1 }, () => 0);
  let onLeavers = 0;
  for (const chunk of node.volume.chunks) {
    const holders = serving(world).filter((other) => other.volume.chunks.has(chunk));
    if (holders[0] !== node) continue;
    const staying = holders.filter((other) => other.volume.admin !== "draining").length;
    live[Math.min(world.policy.max, staying)] = (live[Math.min(world.policy.max, staying)] ?? 0) + 1;
    if (staying < world.policy.min && holders.length >= world.policy.min) onLeavers += 1;
  }
  return { live, onLeavers, partial: !isReady(world, node) };
}

function membersOf(world: World, node: RunningNode): MembersStatus {
  const others = serving(world).filter((other) => other !== node && other.networkId === node.networkId);
  const next = others.slice(0, membersToldMax).map((other) => ({
    peerId: idOf(other.volume),
    counted: other.older ? null : lowCopies(countedBy(world, other), world.policy),
    takes: other.volume.admin === "active",
  }));
  return { live: others.length + 1, next };
}

function statusOf(world: World, node: RunningNode): NodeStatus {
  const { volume, capacity } = node;
  const ready = isReady(world, node);
  const own = Math.floor(volume.chunks.size / node.vaults);
  const theirs = world.customers ? stored.chunks + (world.polls % stored.more) : 0;
  const figures = { chunks: own + theirs, used: own * 1024 + theirs * stored.chunkBytes };
  const vault = { state: "active", capacity, ...figures, publicKey: volume.key.publicKey } as const;
  const confirmed = [...world.volumes.values()].filter((one) => one.confirmed).length;
  return {
    ...{
      peerId: idOf(volume),
      networkId: node.networkId,
      version: "1.0.0",
      startCounter: volume.starts,
      state: ready ? "ready" : "joining",
    },
    ...{ admin: volume.admin, joined: ready && (!node.founder || node.told.size > 0), granted: volume.granted },
    ...{ addresses: [], zone: "", host: node.host },
    vaults: Array.from({ length: node.vaults }, (_, i) => ({ ...vault, name: `${i}` })),
    disk: { live: 0, dead: 0, overhead: 0, free: 0, total: 0 },
    store: { mode: "writable" },
    seen: [...seenBy(world, node)],
    copies: countedBy(world, node),
    members: membersOf(world, node),
    membership: {
      ...(world.certified.has(node.networkId)
        ? ({ state: "whole", sequence: 1 } as const)
        : ({ state: "unfounded", sequence: 0 } as const)),
      ...{ head: "", confirmed, reachable: confirmed },
      ...{ needed: 1, group: { holders: 0, writes: 0, liars: 0, losses: 0 }, text: "", isConfirmed: volume.confirmed },
    },
    ports: { health: healthPort, admin: adminPort },
  };
}
