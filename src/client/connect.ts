// A client of a real network: libp2p, membership and self-encryption put together, started, and stopped in reverse.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createDetector, type Detector } from "../network/detector/detector.ts";
import { createSuspicionBoard, type SuspicionBoard } from "../network/detector/suspicion-board.ts";
import { createLibp2pPeers } from "../network/libp2p/libp2p-peers.ts";
import {
  type CertificateStore,
  createFileCertificateStore,
  createMemoryCertificateStore,
} from "../network/membership/certificates/certificate-store.ts";
import { createFileRecordCache } from "../network/membership/file-record-cache.ts";
import { createMembership, type Membership } from "../network/membership/membership.ts";
import type { OpenNetwork } from "../network/membership/newcomers.ts";
import type { Peers } from "../network/peers.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { NodeAddress } from "../protocol/node-record.ts";
import type { Clock } from "../runtime/clock.ts";
import { createLifecycle, type Part } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { ChunkCache } from "./chunk-fetcher.ts";
import type { ClientMetrics } from "./client-metrics.ts";
import { createFarmClient } from "./create-farm-client.ts";
import type { FarmClient } from "./farm-client.ts";
import { createSelfEncryptor } from "./self-encryption/self-encryptor.ts";

/** One core is left for the lanes of the copies; beyond two, storing them is what takes the time. */
const encryptorWorkers = Math.max(1, Math.min(2, availableParallelism() - 1));

export type ConnectOptions = {
  /** Of this client's identity, 32 bytes. */
  readonly seed: Uint8Array;
  readonly genesis: Genesis;
  readonly networkKey?: Uint8Array;
  /** Address ranges whose nodes are never counted by range where there is no network key; absent: the private ones. */
  readonly trustedRanges?: readonly string[];
  /** Needed to put where one owner runs the network. */
  readonly grant?: Uint8Array;
  /** Addresses of nodes; asked again and again until one answered. */
  readonly bootstrap: () => readonly NodeAddress[];
  /** Where peers may reach this client (bulk travels on lanes that the receiver dials); port 0 = any free one. */
  readonly listen?: { readonly ip: string; readonly libp2p: number; readonly lane: number; readonly heartbeat?: number };
  /** Folder for what is remembered of the network and for uploads of unknown size. */
  readonly cacheDir?: string;
  /** Bytes that uploads of unknown size may take there at once; absent: as much as there is. */
  readonly spoolBytesMax?: number;
  readonly chunkCache?: ChunkCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: ClientMetrics;
};

/** How often the bootstrap addresses are asked for while nobody answered. */
const bootstrapEveryMs = 2_000;
/** Longest time for each part to stop. */
const stopMs = 5_000;

/** A started client, which may not have met the network yet: see `ready()`. Rejects where it cannot listen. */
export async function connectClient(options: ConnectOptions): Promise<FarmClient> {
  const { genesis, clock, random, log, cacheDir } = options;
  const peers = await createLibp2pPeers({
    networkId: genesis.networkId,
    seed: options.seed,
    ...(options.networkKey === undefined ? {} : { networkKey: options.networkKey }),
    ...(options.listen === undefined ? {} : { listen: options.listen }),
    clock,
    log: log.with({ part: "peers" }),
  });
  const board = createSuspicionBoard();
  const membership: Membership = createMembership({
    peers,
    genesis,
    clock,
    random,
    log: log.with({ part: "membership" }),
    ...(cacheDir === undefined ? {} : { cache: createFileRecordCache(join(cacheDir, "peers"), log) }),
    feed: board,
    // Who is confirmed, for people and for whoever writes records; this client shows no grant there and signs nothing.
    certificates: { store: certificateStore(cacheDir, log), grant: () => null },
    open: options.networkKey === undefined ? openNetwork(options) : undefined,
    onPause: () => detector?.forget(),
  });
  const detector = listeningDetector(options, { peers, membership, board });
  const client = createFarmClient({
    peers,
    membership,
    genesis,
    encryptor: createSelfEncryptor({ clock, workers: encryptorWorkers }),
    clock,
    log: log.with({ part: "client" }),
    ...(options.grant === undefined ? {} : { grant: options.grant }),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    ...(options.chunkCache === undefined ? {} : { chunkCache: options.chunkCache }),
    ...(cacheDir === undefined ? {} : { spoolDir: join(cacheDir, "spool") }),
    ...(options.spoolBytesMax === undefined ? {} : { spoolBytesMax: options.spoolBytesMax }),
  });
  const parts: readonly Part[] = [
    ...(detector === undefined ? [] : [detector]),
    { name: "peers", start: () => peers.start(), stop: () => peers.stop() },
    membership,
    createBootstrapPolling(membership, options),
    { name: "client", stop: () => client.stop() },
  ];
  const lifecycle = createLifecycle(parts, { clock, log }, { stopMs });
  await lifecycle.start(new AbortController().signal);
  return { ...client, stop: () => lifecycle.stop() };
}

function openNetwork({ trustedRanges }: Pick<ConnectOptions, "trustedRanges">): OpenNetwork {
  return trustedRanges === undefined ? {} : { trustedRanges };
}

function certificateStore(cacheDir: string | undefined, log: Log): CertificateStore {
  if (cacheDir === undefined) return createMemoryCertificateStore();
  return createFileCertificateStore({ chain: join(cacheDir, "certificates"), votes: join(cacheDir, "votes") }, log);
}

type Detecting = { readonly peers: Peers; readonly membership: Membership; readonly board: SuspicionBoard };

/** What a client hears of nodes from their watchers; it is watched by nobody and watches nobody. */
function listeningDetector(options: ConnectOptions, { peers, membership, board }: Detecting): Detector | undefined {
  const { listen, genesis, networkKey, clock, random, log } = options;
  if (listen?.heartbeat === undefined) return undefined;
  return createDetector({
    ...{ peers, board, clock, random },
    directory: membership.directory,
    refresh: membership.refresh,
    offend: membership.offend,
    network: { id: genesis.networkId, key: networkKey },
    profile: "lan",
    listen: { ip: listen.ip, port: listen.heartbeat },
    log: log.with({ part: "detector" }),
    onEvent: () => {},
  });
}

/**
 * Asks for the addresses of nodes while none answers, at the start and ever after. Whoever starts a farm may write them down
 * only after this client has started, and a farm that was restarted as a whole may listen elsewhere than before.
 */
export function createBootstrapPolling(
  membership: Pick<Membership, "bootstrap" | "directory">,
  { bootstrap, clock }: Pick<ConnectOptions, "bootstrap" | "clock">,
): Part {
  const ending = new AbortController();
  const isAlone = (): boolean => !membership.directory.nodes().some(({ state }) => state === "live");
  const poll = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      if (isAlone()) membership.bootstrap(bootstrap());
      await clock.sleep(bootstrapEveryMs, ending.signal).catch(() => {});
    }
  };
  return { name: "bootstrap", start: () => void poll(), stop: () => ending.abort() };
}
