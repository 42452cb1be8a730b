// A vault node of the simulation: the real core and membership over a network and a disk in memory. Its disk outlives it:
// a crash ends the process as kill -9 and a power cut do together, and the next start finds what was synced.
import type { Detector } from "../../src/network/detector/detector.ts";
import type { PulseEvent } from "../../src/network/detector/pulse.ts";
import type { MemoryNetwork } from "../../src/network/in-memory/memory-network.ts";
import { createMembership, type Membership } from "../../src/network/membership/membership.ts";
import type { RecordReader } from "../../src/network/membership/record-book.ts";
import type { RecordCache } from "../../src/network/membership/record-cache.ts";
import type { Peers } from "../../src/network/peers.ts";
import type { Address } from "../../src/protocol/address.ts";
import type { Genesis } from "../../src/protocol/genesis.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import type { NodeAddress } from "../../src/protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import type { DesiredState, VaultState } from "../../src/protocol/states.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { seededRandom } from "../../src/runtime/random.ts";
import type { ChunkStore } from "../../src/vault-node/chunk-store/chunk-store.ts";
import type { MemoryChunkStore } from "../../src/vault-node/chunk-store/memory.ts";
import { createVaultNodeCore, type VaultNodeCore } from "../../src/vault-node/core.ts";
import { type HostedVault, hostVaults } from "../../src/vault-node/hosted-vault.ts";
import type { NodeEvents } from "../../src/vault-node/node-events.ts";
import { createMemoryPointerFile } from "../../src/vault-node/pointers/pointer-file.ts";
import { openPointerBooks, type PointerBooks } from "../../src/vault-node/pointers/pointers.ts";
import type { ReplicationEvents } from "../../src/vault-node/replication/replication-events.ts";
import type { ReplicationProgress } from "../../src/vault-node/replication/replicator.ts";
import { membershipWith, nodePeersWith, storeWith, witnessPeersWith } from "./bug-ports.ts";
import { lie } from "./lying-store.ts";
import { puttingOff } from "./putting-off.ts";
import { refusing } from "./refusing.ts";
import { createSimDisk } from "./sim-disk.ts";
import { simKey, simSeed } from "./sim-keys.ts";
import type { SimLinks } from "./sim-links.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Standstill } from "./sim-standstill.ts";
import { createSimWatch, type SimWatch } from "./sim-watch.ts";

export type SimNode = {
  readonly number: number;
  readonly peer: PeerId;
  /** Whether it acknowledges what it does not keep. */
  readonly lies: boolean;
  /** What is synced on its disk, whether the node runs or not. */
  disk(): MemoryChunkStore;
  /** Whether the chunk lies synced and sound on its disk, whatever the node says of it. */
  keeps(address: Address): boolean;
  /** Whether the node, were it asked, would say that it has the chunk. */
  claims(address: Address): boolean;
  /** Lets a chunk rot unseen; false where it is not held. */
  rot(address: Address): boolean;
  up(): boolean;
  addresses(): readonly NodeAddress[];
  /** What a person wants of it; nothing happens while it does not run. */
  want(state: DesiredState): void;
  /** What it is about to do to keep copies; undefined while it does not run. */
  copies(): ReplicationProgress | undefined;
  /** Bytes it sent to keep copies, in all its starts. */
  moved(): number;
  /** What it sees of membership; undefined while it does not run. */
  membership(): Membership | undefined;
  /** What its vaults say of themselves; none while it does not run. */
  states(): readonly VaultState[];
  /** Lets it stand still; undefined while it does not run, or runs without a failure detector. */
  standstill(): Standstill | undefined;
  /** Lets the timers of its detector's thread come so much too late, milliseconds. */
  delayTimers(lateMs: number): void;
  /** Starts it; `known`: addresses of others. */
  start(known: readonly NodeAddress[]): Promise<void>;
  crash(): Promise<void>;
  /** What it finds out about copies and other vaults; undefined while it does not run. */
  upkeep(): VaultNodeCore["upkeep"] | undefined;
  /** Chunks that it had no room for and of which it knows who took them. */
  pointers(): number;
  /** What it says about stopping, itself or others; undefined while it does not run. */
  stops(): VaultNodeCore["stops"];
  /** Ends it as SIGTERM does: nothing new, a goodbye, what is in flight and what is young seen to. */
  terminate(): Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
};

export type SimNodeParts = {
  readonly clock: Clock;
  readonly network: MemoryNetwork;
  readonly genesis: Genesis;
  readonly options: SimOptions;
  /** Where datagrams go; absent where no node has a failure detector. */
  readonly links: SimLinks | undefined;
  onPulse(event: PulseEvent): void;
  readonly readRecord: RecordReader;
  readonly events: NodeEvents;
  readonly copyEvents: ReplicationEvents;
  /** A node is about to drop a sound copy. */
  onDrop(node: PeerId, address: Address): void;
  /** A node found a copy of its own rotten. */
  onRotFound(address: Address): void;
};

/** A node with an empty disk that does not run yet. */
export function createSimNode(parts: SimNodeParts, number: number): SimNode {
  const { clock, options, network } = parts;
  const vaults = vaultsOf(options, number);
  const peer = peerOf(number);
  const lies = number >= 1 && number <= options.liars;
  const declared = vaults.map(({ name, capacity }) => ({ vault: name, capacity }));
  const onDrop = (address: Address): void => parts.onDrop(peer, address);
  const disk = createSimDisk({ vaults: declared, clock, syncMs: options.syncMs, onDrop, onRotFound: parts.onRotFound });
  const pointed = vaults.map(({ name, capacity }) => ({ vault: name, capacity, file: createMemoryPointerFile() }));
  const cache = createCache();
  let running: Running | undefined;
  let starts = 0;
  let movedBefore = 0;
  let lateMs = 0;
  const end = async (): Promise<void> => {
    const ended = running;
    running = undefined;
    movedBefore += ended?.core.copies()?.bytesCopied ?? 0;
    await ended?.core.stop();
    await ended?.detector?.stop();
    await ended?.membership.stop();
  };
  return {
    number,
    peer,
    lies,
    disk: disk.store,
    keeps: disk.keeps,
    claims: (address) => (running?.store ?? disk.store()).info(address) !== undefined,
    rot: disk.rot,
    up: () => running !== undefined,
    upkeep: () => running?.core.upkeep,
    pointers: () => running?.core.pointers() ?? 0,
    stops: () => running?.core.stops,
    membership: () => running?.membership,
    addresses: () => running?.peers.addresses() ?? [],
    want: (state) => running?.core.setDesired(state),
    copies: () => running?.core.copies(),
    moved: () => movedBefore + (running?.core.copies()?.bytesCopied ?? 0),
    states: () => running?.core.vaults().map(({ state }) => state) ?? [],
    standstill: () => running?.standstill,
    delayTimers: (late) => {
      lateMs = late;
    },
    start: async (known) => {
      starts += 1;
      const honest = storeWith(options.bug, disk.watched());
      const pointerBooks = await openPointerBooks(pointed, silentLog);
      const store = lies ? lie(honest) : honest;
      running = await startNode(parts, { number, starts, store, vaults, pointerBooks, cache, lateMs: () => lateMs }, known);
    },
    crash: async () => {
      network.crash(peer);
      disk.crash();
      await running?.detector?.stop();
      // What waited in it is let go, so that it ends; nobody hears of it any more.
      running?.standstill?.thaw();
      await end();
    },
    terminate: async () => {
      const ended = running;
      ended?.core.closeForWork();
      await ended?.membership.sayGoodbye("away");
      await ended?.core.idle();
      await ended?.core.handOver();
      await end();
      await ended?.peers.stop();
    },
    stop: async () => {
      const ended = running;
      await end();
      await ended?.peers.stop();
    },
  };
}

/** Records on the node's volume. */
function createCache(): RecordCache {
  let saved: readonly Uint8Array[] = [];
  return {
    load: async () => saved,
    save: async (records) => {
      saved = records;
    },
  };
}

function vaultsOf({ vaultsPerNode, vaultCapacity, capacityOf }: SimOptions, number: number): readonly HostedVault[] {
  const keys = Array.from({ length: vaultsPerNode }, (_, index) => simKey("vault", number * vaultsPerNode + index));
  return hostVaults(keys, capacityOf?.(number) ?? vaultCapacity);
}

function peerOf(number: number): PeerId {
  return peerIdFromPublicKey(simKey("node", number).publicKey);
}

type Running = {
  readonly peers: Peers;
  readonly membership: Membership;
  readonly core: VaultNodeCore;
  readonly store: ChunkStore;
  readonly standstill: Standstill | undefined;
  readonly detector: Detector | undefined;
};
type Start = {
  readonly number: number;
  readonly starts: number;
  readonly store: ChunkStore;
  readonly vaults: readonly HostedVault[];
  readonly pointerBooks: PointerBooks;
  readonly cache: RecordCache;
  readonly lateMs: () => number;
};

async function startNode(parts: SimNodeParts, start: Start, known: readonly NodeAddress[]): Promise<Running> {
  const { network, genesis, options, readRecord } = parts;
  const { number, starts } = start;
  const base = network.createPeers(simSeed("node", number));
  const watch = watchOf(parts, start, base);
  const { clock, peers } = watch ?? { clock: parts.clock, peers: base };
  const own = { key: simKey("node", number), startCounter: starts, founder: number === 0 };
  const random = seededRandom(number * 1_000 + starts);
  const membership = createMembership(
    {
      peers: witnessPeersWith(options.bug, peers),
      genesis,
      clock,
      random,
      log: silentLog,
      own,
      readRecord,
      cache: start.cache,
      ...watch?.feed,
    },
    options.membership,
  );
  const detector = watch?.watch(membership);
  const core = createCore({ ...parts, clock }, start, { peers, membership });
  await detector?.start();
  await peers.start();
  await core.start();
  await membership.start();
  membership.bootstrap(known);
  return { peers, membership, core, store: start.store, standstill: watch?.standstill, detector };
}

function watchOf({ clock, genesis, options, links, onPulse }: SimNodeParts, start: Start, base: Peers): SimWatch | undefined {
  if (options.detector === undefined || links === undefined) return undefined;
  const seed = options.seed * 100_000 + start.number * 100 + start.starts * 2;
  return createSimWatch({ clock, links, genesis, profile: options.detector, seed, lateMs: start.lateMs, onPulse }, base);
}

function createCore(
  { clock, genesis, options, events, copyEvents }: SimNodeParts,
  { number, starts, store, vaults, pointerBooks }: Start,
  { peers, membership }: Pick<Running, "peers" | "membership">,
): VaultNodeCore {
  const { bug, reconciliation, announcer, pointers } = options;
  const domain = { region: "", zone: `zone-${number % 3}`, host: `host-${number}` };
  const grant = createGrant(genesis, simKey("owner", 0), { peerId: peers.self, notAfterMs: 0 });
  // Only the forger of the bug needs to find a node's vaults by its name.
  const byPeer = (peer: PeerId): readonly HostedVault[] => {
    for (let other = 0; ; other += 1) if (peerOf(other) === peer) return vaultsOf(options, other);
  };
  const answering = refusing(
    puttingOff(peers, () => options.putsOff?.(number) === true),
    () => options.refuses?.(number) === true,
  );
  return createVaultNodeCore({
    identity: { genesis, peerId: peers.self, vaults, domain, software: "sim" },
    peers: nodePeersWith(bug, answering, { networkId: genesis.networkId, store, directory: membership.directory, vaultsOf: byPeer }),
    store,
    membership: membershipWith(bug, membership, peers.self),
    clock,
    random: seededRandom(number * 1_000 + starts + 500),
    log: silentLog,
    events,
    desired: "active",
    pointerBooks,
    ...(reconciliation === undefined ? {} : { reconciliation }),
    ...(announcer === undefined ? {} : { announcer }),
    ...(pointers === undefined ? {} : { pointers }),
    replication: { limits: options.replication, grant: () => grant, events: copyEvents },
    stopping: { key: simKey("node", number), startCounter: starts },
  });
}
