// A farm in memory behind the face of the client library: really stores chunks and objects, on nodes that can be taken
// away and brought back. For tests and benches of the gateway alone.
import { ClientError, type ClientErrorCode } from "../client/errors.ts";
import type {
  ByteRange,
  CopiesSummary,
  FarmClient,
  NetworkView,
  NodeSummary,
  PutObjectOptions,
  StoredObject,
  VaultStanding,
} from "../client/farm-client.ts";
import { type Address, addressFromBytes, chunkAddress, objectAddress, objectAddressParts } from "../protocol/address.ts";
import { concatBytes, equalBytes } from "../protocol/bytes.ts";
import { groupSizes } from "../protocol/groups.ts";
import { deriveKey, hash } from "../protocol/hash.ts";
import { publicKeyFromBytes } from "../protocol/keys.ts";
import { chunkSizeMax } from "../protocol/limits.ts";
import type { MembershipSummary } from "../protocol/network-view.ts";
import type { SeenFaults } from "../protocol/peer-faults.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import type { NodeViewState } from "../protocol/states.ts";

export type MemoryFarmOptions = { readonly nodes: number; readonly vaultsPerNode: number; readonly vaultCapacity: number };

export type MemoryFarm = FarmClient & {
  /** Changes how a node is seen; those that listen are told. */
  setState(node: number, state: NodeViewState): void;
  /** Says of the farm's copies what nodes might publish; those that listen are told. */
  setCopies(change: Partial<CopiesSummary>): void;
  /** Says how many nodes are confirmed by certificate, the first ones; those that listen are told. Undefined: no certificate yet. */
  setConfirmed(nodes: number | undefined): void;
  /** Says who suspects a node and how its vaults stand; those that listen are told. */
  setDoubts(node: number, suspectedBy: readonly string[], standing: VaultStanding, faults?: SeenFaults): void;
  /** Chunk reads that reached the farm. */
  reads(): number;
};

type StoredMap = {
  readonly root: Address;
  readonly key: Uint8Array | undefined;
  readonly bytes: number;
  readonly chunks: readonly Address[];
};

const chunkSize = chunkSizeMax / 2;
const policy = { min: 4, target: 5, max: 8 };

/** A farm of live nodes in three zones. */
export function createMemoryFarm(options: MemoryFarmOptions): MemoryFarm {
  const chunks = new Map<Address, Uint8Array>();
  const objects = new Map<Address, StoredMap>();
  const listeners = new Set<() => void>();
  const nodes = Array.from({ length: options.nodes }, (_, index) => makeNode(index, options));
  let reads = 0;
  let told: Partial<CopiesSummary> = {};
  let confirmed: number | undefined = options.nodes;
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const live = (): number => nodes.filter(({ state }) => state === "live").length;
  const network = (): NetworkView => {
    const view = viewOf(nodes, chunks, live());
    return { ...view, copies: { ...view.copies, ...told }, membership: membershipOf(nodes, confirmed) };
  };
  const copies = (): number => Math.min(policy.target, live());
  const store = (address: Address, bytes: Uint8Array): boolean => {
    if (live() < policy.min) throw failure("insufficient-copies", `insufficient copies (${live()} of ${policy.min})`);
    const isNew = !chunks.has(address);
    chunks.set(address, bytes);
    if (isNew) changed();
    return isNew;
  };
  const find = (address: Address): Uint8Array => {
    reads += 1;
    const bytes = chunks.get(address);
    if (bytes === undefined) throw failure("not-found", "no vault has this chunk");
    return bytes;
  };
  return {
    putObject: (source, putOptions) =>
      putObject({ source, options: putOptions ?? {}, store, copies, remember: (map) => objects.set(map.root, map) }),
    openObject: async (address, signal) => {
      signal?.throwIfAborted();
      const { root, key } = objectAddressParts(address);
      const map = objects.get(root);
      if (map === undefined) throw failure("not-found", "no vault has this object");
      if (map.key !== undefined && key === undefined) throw failure("key-needed", "the object is private: its address has 128 digits");
      if (map.key !== undefined && key !== undefined && !equalBytes(map.key, key)) throw failure("wrong-key", "the key does not fit");
      const readPart = (range?: ByteRange, readSignal?: AbortSignal): AsyncGenerator<Uint8Array> => read(map, find, range, readSignal);
      return { bytes: map.bytes, chunks: map.chunks.length, read: readPart, lend: readPart };
    },
    putChunk: async (address, bytes) => {
      if (chunkAddress(bytes) !== address) throw failure("wrong-hash", "the hash of the bytes is another address");
      return { address, sent: store(address, bytes), copies: copies() };
    },
    getChunk: async (address) => find(address),
    headChunk: async (address) => {
      const bytes = chunks.get(address);
      return bytes === undefined ? undefined : { size: bytes.length, copies: copies() };
    },
    network,
    onNetworkChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready: () => live() >= policy.min,
    stop: async () => listeners.clear(),
    setState: (index, state) => {
      const node = nodes[index];
      if (node === undefined) throw new RangeError(`there are ${nodes.length} nodes`);
      nodes[index] = { ...node, state };
      changed();
    },
    setCopies: (change) => {
      told = change;
      changed();
    },
    setConfirmed: (count) => {
      confirmed = count;
      changed();
    },
    setDoubts: (index, suspectedBy, standing, faults) => {
      const node = nodes[index];
      if (node === undefined) throw new RangeError(`there are ${nodes.length} nodes`);
      nodes[index] = { ...node, suspectedBy, faults, vaults: node.vaults.map((vault) => ({ ...vault, ...standing })) };
      changed();
    },
    reads: () => reads,
  };
}

type PutTask = {
  readonly source: AsyncIterable<Uint8Array>;
  readonly options: PutObjectOptions;
  readonly store: (address: Address, bytes: Uint8Array) => boolean;
  readonly copies: () => number;
  readonly remember: (map: StoredMap) => void;
};

async function putObject({ source, options, store, copies, remember }: PutTask): Promise<StoredObject> {
  const addresses: Address[] = [];
  const sent = { chunks: 0, bytes: 0 };
  let bytes = 0;
  let pending: Uint8Array[] = [];
  const report = (phase: "storing" | "done"): void =>
    options.onProgress?.({
      phase,
      bytes,
      bytesTotal: options.size,
      chunksConfirmed: addresses.length,
      chunks: chunkCount(options.size ?? bytes),
    });
  const flush = (): void => {
    const chunk = concatBytes(...pending);
    pending = [];
    const address = chunkAddress(chunk);
    if (store(address, chunk)) {
      sent.chunks += 1;
      sent.bytes += chunk.length;
      options.onPlaced?.(sent.bytes);
    }
    addresses.push(address);
    report("storing");
  };
  for await (const piece of source) {
    options.signal?.throwIfAborted();
    bytes += piece.length;
    if (bytes > (options.sizeMax ?? Number.POSITIVE_INFINITY)) throw failure("too-large", `at most ${options.sizeMax} bytes`);
    // One piece may be larger than a chunk. Copies: a piece is only lent, and slice() of a Buffer is the same memory.
    for (let start = 0; start < piece.length; start += chunkSize) {
      pending.push(new Uint8Array(piece.subarray(start, start + chunkSize)));
      if (pending.reduce((sum, { length }) => sum + length, 0) >= chunkSize) flush();
    }
  }
  if (bytes === 0) throw failure("empty", "there are no bytes to store");
  if (options.size !== undefined && options.size !== bytes) throw failure("wrong-size", `declared ${options.size} bytes, got ${bytes}`);
  if (pending.length > 0) flush();
  const map = Buffer.from(addresses.join());
  const key = options.public === true ? undefined : deriveKey("map", map);
  const root = addressFromBytes(hash(map));
  remember({ root, key, bytes, chunks: addresses });
  report("done");
  return { address: objectAddress(root, key), bytes, chunks: addresses.length, copies: { min: copies(), max: copies() }, sent };
}

async function* read(
  map: StoredMap,
  find: (address: Address) => Uint8Array,
  range?: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { start, end } = range ?? { start: 0, end: map.bytes };
  let offset = 0;
  for (const address of map.chunks) {
    signal?.throwIfAborted();
    const chunk = find(address);
    const from = Math.max(start, offset);
    const to = Math.min(end, offset + chunk.length);
    if (from < to) yield chunk.subarray(from - offset, to - offset);
    offset += chunk.length;
  }
}

function makeNode(index: number, options: MemoryFarmOptions): NodeSummary {
  const id = hash(Buffer.from(`node ${index}`));
  const vaults = Array.from({ length: options.vaultsPerNode }, (_, vault) => ({
    name: addressFromBytes(hash(Buffer.from(`vault ${index} ${vault}`))),
    state: "active" as const,
    capacity: options.vaultCapacity,
    used: 0,
    chunks: 0,
    score: 0.97,
    conduct: 1,
    standing: "good" as const,
    age: 4,
  }));
  return {
    peerId: peerIdFromPublicKey(publicKeyFromBytes(id)),
    address: `127.0.0.1:${4000 + index}`,
    zone: `zone-${"abc"[index % 3]}`,
    state: "live",
    confirmed: false,
    suspectedBy: [],
    vaults,
  };
}

function viewOf(nodes: readonly NodeSummary[], chunks: ReadonlyMap<Address, Uint8Array>, live: number): Omit<NetworkView, "membership"> {
  const bytes = [...chunks.values()].reduce((sum, { length }) => sum + length, 0);
  const vaultCount = nodes.reduce((sum, { vaults }) => sum + vaults.length, 0);
  const share = policy.target / Math.max(1, vaultCount);
  const used = { used: Math.ceil(bytes * share), chunks: Math.ceil(chunks.size * share) };
  const lowest = chunks.size === 0 ? null : Math.min(policy.target, live);
  const below = (copies: number): number => (lowest !== null && lowest < copies ? chunks.size : 0);
  return {
    networkId: addressFromBytes(hash(Buffer.from("memory farm"))),
    name: "memory",
    nodes: nodes.map((node) => ({ ...node, vaults: node.vaults.map((vault) => ({ ...vault, ...used })) })),
    copies: {
      policy,
      lowest,
      belowMin: below(policy.min),
      belowTarget: below(policy.target),
      histogram: Array.from({ length: policy.target + 1 }, (_, copies) => (copies === lowest ? chunks.size : 0)),
      reporting: { nodes: live, of: live },
      repair: { chunks: 0, bytesLeft: 0, etaMs: 0, waiting: below(policy.target), dueAtMs: null },
    },
  };
}

/** As the real client puts it (network/membership/certificates/membership-status.ts), which the gateway may not import. */
function membershipOf(nodes: readonly NodeSummary[], count: number | undefined): MembershipSummary {
  const confirmed = count ?? 0;
  const reachable = nodes.slice(0, confirmed).filter(({ state }) => state === "live").length;
  const needed = confirmed === 0 ? 0 : Math.floor(confirmed / 2) + 1;
  const { holders, writes, liars } = confirmed === 0 ? { holders: 0, writes: 0, liars: 0 } : groupSizes(confirmed);
  const state = confirmed === 0 ? "unfounded" : reachable >= needed ? "whole" : "partitioned";
  const texts = {
    unfounded: "no membership certificate yet",
    whole: `${reachable} of ${confirmed} confirmed nodes reachable${liars === 0 ? "; tolerates no lying or lost holder" : ""}`,
    partitioned: `partitioned (${reachable} of ${confirmed} reachable, ${needed} needed)`,
  };
  const group = { holders, writes, liars, losses: holders - writes };
  const head = addressFromBytes(hash(Buffer.from(`certificate ${confirmed}`)));
  return { state, sequence: confirmed === 0 ? 0 : 1, head, confirmed, reachable, needed, group, text: texts[state] };
}

function chunkCount(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / chunkSize));
}

function failure(code: ClientErrorCode, message: string): ClientError {
  return new ClientError(code, message);
}
