// A few nodes with real upkeep in one process, for tests: network, stores and clock in memory, one directory for all.
import { createMemoryNetwork, type MemoryNetwork } from "../network/in-memory/memory-network.ts";
import { createNodeViews, type NodeViews } from "../network/membership/node-views.ts";
import type { Peers } from "../network/peers.ts";
import { type Address, chunkAddress } from "../protocol/address.ts";
import { createGenesis, type Genesis } from "../protocol/genesis.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { createNodeRecord } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { silentLog } from "../runtime/log.ts";
import { type Random, seededRandom } from "../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import { createMemoryChunkStore, type MemoryChunkStore } from "./chunk-store/memory.ts";
import { type HostedVault, hostVaults } from "./hosted-vault.ts";
import type { Differences } from "./reconciliation/comparison.ts";
import { createUpkeep, type Upkeep } from "./upkeep.ts";
import { silentUpkeepEvents } from "./upkeep-events.ts";

const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const capacity = 256 * 2 ** 20;

export type UpkeepNode = {
  readonly peers: Peers;
  readonly peer: PeerId;
  readonly vaults: readonly HostedVault[];
  readonly upkeep: Upkeep;
  /** Its disk, behind the back of its upkeep. */
  readonly disk: MemoryChunkStore;
  /** What its upkeep handed over to be mended. */
  readonly found: { readonly peer: PeerId; readonly differences: Differences }[];
  readonly lost: Address[];
};

export type UpkeepFarm = {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly genesis: Genesis;
  readonly views: NodeViews;
  readonly nodes: readonly UpkeepNode[];
  readonly random: Random;
  /** Keeps `bytes` on these nodes. */
  keep(bytes: Uint8Array, on: readonly UpkeepNode[]): Promise<Address>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** A farm of `count` nodes that all know each other; every one of up to five should hold every chunk. */
export function createUpkeepFarm(count: number): UpkeepFarm {
  const clock = createVirtualClock();
  const random = seededRandom(7);
  const network = createMemoryNetwork({ clock, random });
  const owner = signingKeyFromSeed(seed(1));
  const copies = { min: 4, target: 5, max: 8 };
  const genesis = createGenesis({ name: "upkeep", copies, placeUnit: capacity / 32, createdAt: 0 }, owner);
  const views = createNodeViews(genesis, clock.wallMs);
  const farm = { clock, random, network, genesis, views };
  const nodes = Array.from({ length: count }, (_, number) => createNode(farm, number));
  return {
    ...farm,
    nodes,
    keep: async (bytes, on) => {
      const address = chunkAddress(bytes);
      for (const { upkeep, vaults } of on) await upkeep.store.put([{ vault: vaults[0]?.name ?? address, address, bytes }]);
      return address;
    },
    start: async () => {
      for (const { peers } of nodes) await peers.start();
      for (const { peers } of nodes) for (const other of nodes) peers.learn(other.peer, other.peers.addresses());
      for (const { upkeep } of nodes) await upkeep.start();
      await clock.advance(100);
    },
    stop: async () => {
      for (const { upkeep, peers } of nodes) {
        await upkeep.stop();
        await peers.stop();
      }
    },
  };
}

function createNode({ clock, network, genesis, views }: Omit<UpkeepFarm, "nodes" | "keep" | "start" | "stop">, number: number): UpkeepNode {
  const peers = network.createPeers(seed(100 + number));
  const vaults = hostVaults([signingKeyFromSeed(seed(50 + number))], capacity);
  const disk = createMemoryChunkStore({ vaults: vaults.map(({ name }) => ({ vault: name, capacity })), clock });
  const record = createNodeRecord(genesis.networkId, signingKeyFromSeed(seed(100 + number)), {
    addresses: [],
    domain: { region: "", zone: "", host: `host-${number}` },
    software: "test",
    startCounter: 1,
    sequence: 1,
    signedAtMs: 0,
    vaults: vaults.map(({ key }) => ({ key, capacity, used: 0, chunks: 0, state: "active", wallet: null })),
  });
  views.putRecord(record, "live");
  const upkeep = createUpkeep({
    genesis,
    vaults,
    peers,
    directory: views.directory,
    store: disk,
    clock,
    random: seededRandom(number),
    log: silentLog,
    events: silentUpkeepEvents,
  });
  for (const [kind, handler] of upkeep.handlers) peers.handle(kind, handler);
  const node: UpkeepNode = { peers, peer: peers.self, vaults, upkeep, disk, found: [], lost: [] };
  upkeep.mendWith({
    differences: (peer, differences) => void node.found.push({ peer, differences }),
    lostHere: (address) => void node.lost.push(address),
  });
  return node;
}
