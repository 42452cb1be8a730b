// The gateway's application over a farm in memory, with the settings of a local farm: for tests and benches.
import { systemClock } from "../runtime/clock.ts";
import { silentLog } from "../runtime/log.ts";
import { createMetricsRegistry } from "../runtime/metrics-registry.ts";
import { type AppParts, createApp, type GatewayApp } from "./app.ts";
import { createByteCache } from "./chunk-cache.ts";
import { type GatewayConfig, readConfig } from "./config.ts";
import { createMemoryFarm, type MemoryFarm } from "./memory-farm-client.ts";
import { loadPageAssets } from "./page-assets.ts";

export type AppFixture = GatewayApp & { readonly farm: MemoryFarm };

const mib = 1024 * 1024;

/** An application that accepts writes; `settings` and `parts` replace what is given. */
export async function createAppFixture(settings: Partial<GatewayConfig> = {}, parts: Partial<AppParts> = {}): Promise<AppFixture> {
  const config = readConfig({ VAULTFARM_DATA_DIR: "/nowhere", VAULTFARM_GENESIS_FILE: "/nowhere", VAULTFARM_WRITES: "open" });
  const farm = createMemoryFarm({ nodes: 8, vaultsPerNode: 3, vaultCapacity: 512 * mib });
  const app = await createApp({
    client: farm,
    config: { ...config, ...settings },
    clock: systemClock,
    log: silentLog,
    registry: createMetricsRegistry({ processMetrics: false }),
    assets: await loadPageAssets(),
    chunkCache: createByteCache(16 * mib),
    version: "0.0.0-test",
    ...parts,
  });
  return { ...app, farm };
}
