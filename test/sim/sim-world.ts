// A whole farm in one process: nodes, a client with the real library, network and time in memory, all from one seed.
import { createBootstrapPolling } from "../../src/client/connect.ts";
import { createFarmClient } from "../../src/client/create-farm-client.ts";
import type { FarmClient } from "../../src/client/farm-client.ts";
import { createSelfEncryptor, type SelfEncryptor } from "../../src/client/self-encryption/self-encryptor.ts";
import type { PulseEvent } from "../../src/network/detector/pulse.ts";
import { createMemoryNetwork, type MemoryNetwork } from "../../src/network/in-memory/memory-network.ts";
import { createMembership } from "../../src/network/membership/membership.ts";
import type { Address, ObjectAddress } from "../../src/protocol/address.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { createGenesis, type Genesis } from "../../src/protocol/genesis.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import { getChunksRequest } from "../../src/protocol/messages/get-chunks.ts";
import type { NodeAddress } from "../../src/protocol/node-record.ts";
import type { PeerId } from "../../src/protocol/peer-id.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { type Random, seededRandom } from "../../src/runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../src/runtime/virtual-clock.ts";
import { type NodeEvents, silentEvents } from "../../src/vault-node/node-events.ts";
import { silentReplicationEvents } from "../../src/vault-node/replication/replication-events.ts";
import { readerPeersWith } from "./bug-ports.ts";
import { createRecordMemo } from "./record-memo.ts";
import { simKey, simSeed } from "./sim-keys.ts";
import { createSimLinks, type SimLinks } from "./sim-links.ts";
import { createSimNode, type SimNode, type SimNodeParts } from "./sim-node.ts";
import type { SimOptions } from "./sim-options.ts";
import { createStandstill } from "./sim-standstill.ts";

export type SimWorld = {
  readonly options: SimOptions;
  readonly clock: VirtualClock;
  /** Draws for the workload; the network draws from its own. */
  readonly random: Random;
  readonly network: MemoryNetwork;
  /** The paths of datagrams; undefined where no node has a failure detector. */
  readonly links: SimLinks | undefined;
  readonly genesis: Genesis;
  readonly nodes: readonly SimNode[];
  readonly client: FarmClient;
  readonly clientPeer: PeerId;
  /** The chunks of an object that was encrypted here. */
  chunksOf(object: ObjectAddress): readonly Address[];
  /** Asks one node for a chunk, as a reader does; whatever comes of it. */
  readFrom(node: SimNode, address: Address): Promise<void>;
  /** Starts one more node, with an empty disk. */
  grow(): Promise<SimNode>;
  /** Nodes the client is cut off from now. */
  readonly cut: Set<PeerId>;
  /** What all nodes together did to find out about copies. */
  readonly upkeep: Readonly<UpkeepCounts>;
  /** Calls `listener` before a node drops a sound copy. */
  onDrop(listener: (node: PeerId, address: Address) => void): void;
  /** Calls `listener` when a node found a copy of its own rotten. */
  onRotFound(listener: (address: Address) => void): void;
  /** Calls `listener` with what the detectors of all nodes count. */
  onPulse(listener: (event: PulseEvent) => void): void;
  stop(): Promise<void>;
};

/** Chunks audited and scrubbed; copies made anew after a loss, and for nodes that came or go. */
type UpkeepCounts = { audited: number; scrubbed: number; repaired: number; placed: number };

const copies = { min: 4, target: 5, max: 8 };
// A farm of the usual size comes together within this; a larger one takes longer.
const startMs = 30_000;
const usualNodes = 8;
const bootstrapMax = 24;

/** A farm whose client has met all nodes; `clock`: one that stands at its beginning. */
export async function startSimWorld(options: SimOptions, clock: VirtualClock = createVirtualClock()): Promise<SimWorld> {
  const random = seededRandom(options.seed);
  const network = createMemoryNetwork({ clock, random: seededRandom(options.seed ^ 0x5eed), faults: { delayMs: [1, 5] } });
  const owner = simKey("owner", 0);
  const genesis = createGenesis({ name: "sim", copies, placeUnit: options.vaultCapacity / options.placesPerVault, createdAt: 0 }, owner);
  const hearing = createHearing();
  const links = options.detector === undefined ? undefined : createSimLinks(clock, seededRandom(options.seed ^ 0xda7a));
  const make = (number: number): SimNode => createSimNode({ clock, network, genesis, options, links, ...hearing.parts }, number);
  const nodes = Array.from({ length: options.nodes }, (_, number) => make(number));
  for (const node of nodes) {
    await clock.runUntil(node.start(bootstrapOf(nodes)));
    await clock.advance(options.startApartMs);
  }

  const ofClient = network.createPeers(simSeed("client", 0), { listen: false });
  // What is cut off from all is cut off from the client.
  const peers = links === undefined ? ofClient : createStandstill(clock, links).peersOf(ofClient);
  const ofMembership = { peers, genesis, clock, random: seededRandom(options.seed + 1), log: silentLog };
  const membership = createMembership(ofMembership, options.membership);
  const encryptor = createSelfEncryptor({ workers: 1, clock });
  const chunks = new Map<ObjectAddress, readonly Address[]>();
  const client = createFarmClient({
    peers: readerPeersWith(options.bug, peers),
    membership,
    genesis,
    grant: createGrant(genesis, owner, { peerId: peers.self, notAfterMs: 0 }),
    encryptor: recording(encryptor, chunks),
    clock,
    log: silentLog,
  });
  await peers.start();
  await membership.start();
  const polling = createBootstrapPolling(membership, { bootstrap: () => bootstrapOf(nodes), clock });
  await polling.start?.(new AbortController().signal);
  const begunMs = clock.monotonicMs();
  const live = (): number => membership.directory.nodes().filter(({ state }) => state === "live").length;
  while (live() < options.nodes) {
    if (clock.monotonicMs() > begunMs + startMs * Math.max(1, options.nodes / usualNodes))
      throw new Error(`the farm did not come together: ${live()} of ${options.nodes} nodes live`);
    await clock.advance(50);
  }
  const stop = async (): Promise<void> => {
    await polling.stop?.();
    await client.stop();
    await membership.stop();
    await peers.stop();
    for (const node of nodes) await node.stop();
  };
  return {
    options,
    clock,
    random,
    network,
    links,
    genesis,
    nodes,
    client,
    clientPeer: peers.self,
    chunksOf: (object) => chunks.get(object) ?? [],
    grow: async () => {
      const node = make(nodes.length);
      await clock.runUntil(node.start(bootstrapOf(nodes)));
      nodes.push(node);
      return node;
    },
    readFrom: async (node, address) => {
      const body = encodeMessage(getChunksRequest, { chunks: [address] });
      await peers.request(node.peer, "get-chunks", { body, chunks: [] }, { timeoutMs: 5_000 }).catch(() => undefined);
    },
    cut: new Set(),
    ...hearing.told,
    stop,
  };
}

type Hearing = {
  readonly parts: Pick<SimNodeParts, "readRecord" | "events" | "copyEvents" | "onDrop" | "onRotFound" | "onPulse">;
  readonly told: Pick<SimWorld, "upkeep" | "onDrop" | "onRotFound" | "onPulse">;
};

/** What all nodes share beside network and time, and how what they tell is heard. */
function createHearing(): Hearing {
  const dropListeners: ((node: PeerId, address: Address) => void)[] = [];
  const rotListeners: ((address: Address) => void)[] = [];
  const pulseListeners: ((event: PulseEvent) => void)[] = [];
  const upkeep: UpkeepCounts = { audited: 0, scrubbed: 0, repaired: 0, placed: 0 };
  const events: NodeEvents = {
    ...silentEvents,
    audited: (_, count) => {
      upkeep.audited += count;
    },
    scrubbed: () => {
      upkeep.scrubbed += 1;
    },
  };
  return {
    parts: {
      readRecord: createRecordMemo(),
      events,
      copyEvents: {
        ...silentReplicationEvents,
        copied: (why, count) => {
          upkeep[why === "repair" ? "repaired" : "placed"] += count;
        },
      },
      onDrop: (node, address) => {
        for (const listener of dropListeners) listener(node, address);
      },
      onRotFound: (address) => {
        for (const listener of rotListeners) listener(address);
      },
      onPulse: (event) => {
        for (const listener of pulseListeners) listener(event);
      },
    },
    told: {
      upkeep,
      onDrop: (listener) => void dropListeners.push(listener),
      onRotFound: (listener) => void rotListeners.push(listener),
      onPulse: (listener) => void pulseListeners.push(listener),
    },
  };
}

/** Addresses that a node or client is given to begin with: those of a small farm, or of some nodes that run. */
export function bootstrapOf(nodes: readonly SimNode[]): readonly NodeAddress[] {
  return nodes.flatMap((node) => node.addresses()).slice(0, bootstrapMax);
}

/** The encryptor, noting which chunks each object has. */
function recording(encryptor: SelfEncryptor, chunks: Map<ObjectAddress, readonly Address[]>): SelfEncryptor {
  return {
    ...encryptor,
    encrypt: async (source, options) => {
      const addresses: Address[] = [];
      const onChunk: typeof options.onChunk = (chunk) => {
        addresses.push(chunk.address);
        return options.onChunk(chunk);
      };
      const encrypted = await encryptor.encrypt(source, { ...options, onChunk });
      chunks.set(encrypted.address, addresses);
      return encrypted;
    },
  };
}
