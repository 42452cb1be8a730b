// A gateway, built top to bottom: files, client of the network, HTTP application, listening socket. Reading this file is
// reading what a gateway consists of; stopping goes the other way round.
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connectClient } from "../client/connect.ts";
import type { FarmClient } from "../client/farm-client.ts";
import type { Clock } from "../runtime/clock.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import { listenError } from "../runtime/listen-error.ts";
import type { Log } from "../runtime/log.ts";
import { createMetricsRegistry } from "../runtime/metrics-registry.ts";
import type { Random } from "../runtime/random.ts";
import type { Program } from "../runtime/run-until-signal.ts";
import { softwareVersion } from "../runtime/software-version.ts";
import { readTcpSockets } from "../runtime/tcp-table.ts";
import { createApp, type GatewayApp } from "./app.ts";
import { createByteCache } from "./chunk-cache.ts";
import type { GatewayConfig } from "./config.ts";
import { createDiskCache, removeDiskCache } from "./disk-cache.ts";
import { createPeersReader, type GatewayFiles, openGatewayFiles } from "./gateway-files.ts";
import { loadPageAssets } from "./page-assets.ts";
import { createRedisCache } from "./redis/redis-cache.ts";
import { createRedisCounters } from "./redis/redis-counters.ts";
import { createRedisLink, type RedisLink } from "./redis/redis-link.ts";
import { type ChunkCaches, createChunkCaches, type SecondCache } from "./second-cache.ts";
import { stopListening } from "./stop-listening.ts";

export type GatewayTools = { readonly clock: Clock; readonly random: Random; readonly log: Log };

/** The program of a gateway. Its `start` rejects with a `GatewayFileError` or `ListenError` that says what to do. */
export function createGateway(config: GatewayConfig, tools: GatewayTools): Program {
  let running: Lifecycle | undefined;
  return {
    start: async (signal) => {
      running = await build(config, tools);
      await running.start(signal);
    },
    stop: async () => running?.stop(),
  };
}

async function build(config: GatewayConfig, tools: GatewayTools): Promise<Lifecycle> {
  const { clock, log } = tools;
  await using undo = new AsyncDisposableStack();
  const files = await openGatewayFiles(config, tools.random);
  const link = files.redisUrl === undefined ? undefined : await createRedisLink({ url: files.redisUrl, clock, log });
  const redis = link && undo.adopt(link, (opened) => opened.stop());
  const prefix = `vaultfarm:${files.genesis.networkId.slice(0, 16)}:`;
  const secondCaches = openSecondCaches(config, { files, redis, prefix }, log);
  // Three quarters for encrypted chunks, the rest for small objects (app.ts).
  const chunkCache = createChunkCaches(createByteCache(Math.floor((config.cacheMemory * 3) / 4)), secondCaches);
  const client = undo.adopt(await connect(config, tools, { files, chunkCache }), (opened) => opened.stop());
  const registry = createMetricsRegistry({ processMetrics: true });
  const assets = await loadPageAssets();
  const shared = redis === undefined ? undefined : createRedisCounters(redis, prefix);
  const caches = { chunkCache, secondCaches, redis, shared };
  const app = await createApp({ client, config, clock, log, registry, assets, version: softwareVersion, ...caches });
  const parts = [
    { name: "redis", stop: async () => redis?.stop() },
    { name: "client", stop: () => client.stop() },
    { name: "http", start: () => listen(app, config, log), stop: () => stopListening(app, config, { clock, unsentBytes }) },
  ];
  undo.move();
  return createLifecycle(parts, { clock, log }, { stopMs: config.stopGraceMs });
}

type Beside = { readonly files: GatewayFiles; readonly redis: RedisLink | undefined; readonly prefix: string };

/** The disk is nearer than Redis. */
function openSecondCaches({ cacheDisk }: GatewayConfig, { files, redis, prefix }: Beside, log: Log): readonly SecondCache[] {
  const folder = join(files.cacheDir, "chunks");
  if (cacheDisk === 0) void removeDiskCache(folder);
  return [
    ...(cacheDisk === 0 ? [] : [createDiskCache({ folder, bytesMax: cacheDisk, log })]),
    ...(redis === undefined ? [] : [createRedisCache(redis, prefix)]),
  ];
}

type Connecting = { readonly files: GatewayFiles; readonly chunkCache: ChunkCaches };

async function connect(config: GatewayConfig, tools: GatewayTools, { files, chunkCache }: Connecting): Promise<FarmClient> {
  return connectClient({
    ...files,
    ...tools,
    ...(config.trustedRanges === undefined ? {} : { trustedRanges: config.trustedRanges }),
    bootstrap: createPeersReader(config.peersFile, tools.log),
    listen: { ip: config.networkIp, libp2p: config.libp2pPort, lane: config.lanePort, heartbeat: config.heartbeatPort },
    chunkCache,
    ...(config.spool === undefined ? {} : { spoolBytesMax: config.spool }),
  });
}

async function unsentBytes(port: number): Promise<number> {
  const sockets = await readTcpSockets();
  return sockets.reduce((sum, socket) => sum + (socket.localPort === port ? socket.unsentBytes : 0), 0);
}

async function listen({ http }: GatewayApp, { host, port }: GatewayConfig, log: Log): Promise<void> {
  await http.listen({ host, port }).catch((cause: Error) => {
    throw listenError(cause, { name: "gateway", ip: host, port, portSetting: "VAULTFARM_PORT" });
  });
  const bound = http.server.address() as AddressInfo;
  log.info("the gateway listens", { host: bound.address, port: bound.port });
}
