// The gateway's HTTP application: cross-cutting rules first, then the list of its routes. Testable without a socket.
import type { FarmClient } from "../client/farm-client.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { MetricsRegistry } from "../runtime/metrics-registry.ts";
import { type ByteCache, createByteCache } from "./chunk-cache.ts";
import type { GatewayConfig } from "./config.ts";
import { createEventGate } from "./event-stream.ts";
import { type App, createFastifyApp } from "./fastify-app.ts";
import {
  chunkReadsAtOnceMax,
  eventClientsMax,
  putsAtOnceMax,
  readsAtOnceMax,
  type SocketPatience,
  socketPatience,
  uploadMemoryMs,
  uploadsWatchedMax,
} from "./limits.ts";
import { addGatewayReadings, createGatewayMetrics } from "./metrics.ts";
import { createNetworkFeed } from "./network-feed.ts";
import { createObjectReader } from "./object-reader.ts";
import type { PageAssets } from "./page-assets.ts";
import { addCrossOrigin } from "./plugins/cross-origin.ts";
import { addDocumentation } from "./plugins/documentation.ts";
import { addHostAndOrigin } from "./plugins/host-and-origin.ts";
import { addProblemDocuments } from "./plugins/problem-documents.ts";
import { addRateLimit } from "./plugins/rate-limit.ts";
import { addRequestMetrics } from "./plugins/request-metrics.ts";
import { addSecurityHeaders } from "./plugins/security-headers.ts";
import { addWrongMethod } from "./plugins/wrong-method.ts";
import type { RedisLink } from "./redis/redis-link.ts";
import { addChunks } from "./routes/chunks.ts";
import { addHealth } from "./routes/health.ts";
import { addNetwork } from "./routes/network.ts";
import { addPage } from "./routes/page.ts";
import { addReadObject } from "./routes/read-object.ts";
import { addStoreObject } from "./routes/store-object.ts";
import { addUploads } from "./routes/uploads.ts";
import type { SecondCache } from "./second-cache.ts";
import type { SharedCounters } from "./shared-counters.ts";
import { createSlots } from "./slots.ts";
import { createUploadBoard } from "./upload-board.ts";
import { createQuotaBook } from "./write-quota.ts";

export type AppParts = {
  readonly client: FarmClient;
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: MetricsRegistry;
  readonly assets: PageAssets;
  /** Encrypted chunks in memory; shared with the client, which reads objects through it. */
  readonly chunkCache: ByteCache;
  /** Where more of them lie; none by default. */
  readonly secondCaches?: readonly SecondCache[];
  /** Where gateways count together; absent: each counts alone. */
  readonly shared?: SharedCounters | undefined;
  readonly redis?: Pick<RedisLink, "isUp" | "counts"> | undefined;
  readonly version: string;
  /** Default: as in limits.ts. */
  readonly patience?: SocketPatience;
};

export type GatewayApp = {
  readonly http: App;
  /** Says from now on that it is not ready, and on each answer that its connection ends; all else is served as before. */
  beginLeave(): void;
  /** Ends what would last for ever (event streams) and says `stopping` from now on; requests under way go on. */
  beginStop(): void;
};

/**
 * Once it is `leaving`, each connection ends with the answer under way: else a kept one would bring requests until the port is shut and then
 * lose one, or a download behind a download that outlasts the grace. Answers say so where their head is not gone yet.
 */
function endConnections(http: App, leaving: () => boolean): void {
  http.addHook("onRequest", async (_request, reply) => void (leaving() && reply.header("connection", "close")));
  http.addHook("onSend", (_request, reply, payload, done) => {
    if (leaving()) reply.header("connection", "close");
    done(null, payload);
  });
  // Requests of tests may come without a socket that ends.
  http.addHook("onResponse", async ({ raw }) => void (leaving() && raw.socket.end?.()));
}

/** The application, ready to listen. */
export async function createApp(parts: AppParts): Promise<GatewayApp> {
  const { client, config, clock, log, registry, assets, chunkCache, version } = parts;
  const patience = parts.patience ?? socketPatience;
  const http = createFastifyApp(config.trustedProxies, patience);
  const metrics = createGatewayMetrics(registry);
  const objectCache = createByteCache<Buffer>(Math.floor(config.cacheMemory / 4));
  const feed = createNetworkFeed(client, clock);
  const gate = createEventGate(clock, eventClientsMax);
  const uploads = createUploadBoard(clock, { watchedMax: uploadsWatchedMax, memoryMs: uploadMemoryMs });
  const puts = createSlots("uploads", putsAtOnceMax);
  const reads = createSlots("downloads", readsAtOnceMax);
  const chunkReads = createSlots("downloads of chunks", chunkReadsAtOnceMax);
  let stopping = false;
  endConnections(http, () => stopping);

  addSecurityHeaders(http);
  addRequestMetrics(http, metrics);
  addProblemDocuments(http, { log, clock, metrics });
  addHostAndOrigin(http, config);
  await addRateLimit(http, { requestsPerMinute: config.requestsPerMinute, clock, shared: parts.shared });
  const refuseOtherMethods = addWrongMethod(http);
  await addDocumentation(http, version);

  const storing = { client, config, clock, metrics, uploads, quotas: createQuotaBook(config.quota, clock, parts.shared), slots: puts };
  await addCrossOrigin(http, config.corsWrites, (writes) => {
    addStoreObject(writes, storing);
    addChunks(writes, { ...storing, client, cache: chunkCache, readSlots: chunkReads });
  });
  addReadObject(http, {
    reader: createObjectReader({ client, cache: objectCache, metrics }),
    slots: reads,
    clock,
    metrics,
    idleMs: patience.idleMs,
  });
  addUploads(http, { uploads, gate });
  addNetwork(http, { client, feed, gate });
  addHealth(http, { client, registry, stopping: () => stopping });
  addPage(http, assets);
  refuseOtherMethods();

  addGatewayReadings(registry, {
    client,
    uploads: puts.taken,
    downloads: () => reads.taken() + chunkReads.taken(),
    eventClients: gate.count,
    secondCaches: parts.secondCaches ?? [],
    redis: parts.redis,
    cacheBytes: () => ({ chunks: chunkCache.bytes(), objects: objectCache.bytes() }),
  });
  await http.ready();
  const beginLeave = (): void => {
    stopping = true;
  };
  const beginStop = (): void => {
    beginLeave();
    gate.stop();
    feed.stop();
    uploads.stop();
  };
  return { http, beginLeave, beginStop };
}
