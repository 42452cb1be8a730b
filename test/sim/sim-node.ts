// A vault node of the simulation: the real core and membership over a network and a disk in memory. Its disk outlives it:
// a crash ends the process as kill -9 and a power cut do together, and the next start finds what was synced.
import type { MemoryNetwork } from "../../src/network/in-memory/memory-network.ts";
import { createMembership, type Membership } from "../../src/network/membership/membership.ts";
import type { Peers } from "../../src/network/peers.ts";
import type { Genesis } from "../../src/protocol/genesis.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import type { NodeAddress } from "../../src/protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import type { DesiredState, VaultState } from "../../src/protocol/states.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { seededRandom } from "../../src/runtime/random.ts";
import { createMemoryChunkStore, type MemoryChunkStore } from "../../src/vault-node/chunk-store/memory.ts";
import { createVaultNodeCore, type VaultNodeCore } from "../../src/vault-node/core.ts";
import { hostVaults } from "../../src/vault-node/hosted-vault.ts";
import type { ReplicationProgress } from "../../src/vault-node/replication/replicator.ts";
import { acknowledgeEarly } from "./early-store.ts";
import { simKey, simSeed } from "./sim-keys.ts";
import type { SimOptions } from "./sim-options.ts";

export type SimNode = {
  readonly number: number;
  readonly peer: PeerId;
  /** What is synced on its disk, whether the node runs or not. */
  disk(): MemoryChunkStore;
  up(): boolean;
  addresses(): readonly NodeAddress[];
  /** What a person wants of it; nothing happens while it does not run. */
  want(state: DesiredState): void;
  /** What it is about to do to keep copies; undefined while it does not run. */
  copies(): ReplicationProgress | undefined;
  /** What its vaults say of themselves; none while it does not run. */
  states(): readonly VaultState[];
  /** Starts it; `known`: addresses of others. */
  start(known: readonly NodeAddress[]): Promise<void>;
  crash(): Promise<void>;
  /** What it finds out about copies and other vaults; undefined while it does not run. */
  upkeep(): VaultNodeCore["upkeep"] | undefined;
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
};

const vaultsPerNode = 2;

/** A node with an empty disk that does not run yet. */
export function createSimNode(parts: SimNodeParts, number: number): SimNode {
  const { clock, options, network } = parts;
  const keys = Array.from({ length: vaultsPerNode }, (_, index) => simKey("vault", number * vaultsPerNode + index));
  const vaults = hostVaults(keys, options.vaultCapacity);
  const store = createMemoryChunkStore({
    vaults: vaults.map(({ name, capacity }) => ({ vault: name, capacity })),
    clock,
    syncMs: options.syncMs,
  });
  let disk = options.bug === "lost-acknowledgement" ? acknowledgeEarly(store) : store;
  let running: Running | undefined;
  let starts = 0;
  const peer = peerIdFromPublicKey(simKey("node", number).publicKey);
  const end = async (): Promise<void> => {
    const ended = running;
    running = undefined;
    await ended?.core.stop();
    await ended?.membership.stop();
  };
  return {
    number,
    peer,
    disk: () => disk,
    up: () => running !== undefined,
    upkeep: () => running?.core.upkeep,
    stops: () => running?.core.stops,
    addresses: () => running?.peers.addresses() ?? [],
    want: (state) => running?.core.setDesired(state),
    copies: () => running?.core.copies(),
    states: () => running?.core.vaults().map(({ state }) => state) ?? [],
    start: async (known) => {
      starts += 1;
      running = await startNode(parts, { number, starts, disk, vaults }, known);
    },
    crash: async () => {
      network.crash(peer);
      disk = disk.crash();
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

type Running = { readonly peers: Peers; readonly membership: Membership; readonly core: VaultNodeCore };
type Start = {
  readonly number: number;
  readonly starts: number;
  readonly disk: MemoryChunkStore;
  readonly vaults: ReturnType<typeof hostVaults>;
};

async function startNode(
  { clock, network, genesis, options }: SimNodeParts,
  start: Start,
  known: readonly NodeAddress[],
): Promise<Running> {
  const { number, starts, disk, vaults } = start;
  const peers = network.createPeers(simSeed("node", number));
  const membership = createMembership({
    peers,
    genesis,
    clock,
    random: seededRandom(number * 1_000 + starts),
    log: silentLog,
    own: { key: simKey("node", number), startCounter: starts, founder: number === 0 },
  });
  const domain = { region: "", zone: `zone-${number % 3}`, host: `host-${number}` };
  const identity = { genesis, peerId: peers.self, vaults, domain, software: "sim" };
  const grant = createGrant(genesis, simKey("owner", 0), { peerId: peers.self, notAfterMs: 0 });
  const core = createVaultNodeCore({
    identity,
    peers,
    store: disk,
    membership,
    clock,
    random: seededRandom(number * 1_000 + starts + 500),
    log: silentLog,
    desired: "active",
    ...(options.reconciliation === undefined ? {} : { reconciliation: options.reconciliation }),
    replication: { limits: options.replication, grant: () => grant },
    stopping: { key: simKey("node", number), startCounter: starts },
  });
  await peers.start();
  await core.start();
  await membership.start();
  membership.bootstrap(known);
  return { peers, membership, core };
}
