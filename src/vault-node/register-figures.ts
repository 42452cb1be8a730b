// Which figures of a running node its metrics show.
import type { MetricsRegistry } from "../runtime/metrics-registry.ts";
import { registerNodeFigures } from "./metrics.ts";
import type { Organs } from "./organs.ts";

/** Shows on the registry what the parts know of themselves. */
export function registerFigures(registry: MetricsRegistry, { volume, store, peers, membership, core, phases }: Organs): void {
  registerNodeFigures(registry, {
    vaults: core.vaults,
    disk: () => store.disk(),
    storeHealth: () => store.health(),
    connections: () => peers.connected().length,
    directoryNodes: () => membership.directory.nodes().length,
    pointers: core.pointers,
    ready: () => phases.notReady() === undefined,
    startCounter: volume.startCounter,
    upkeep: {
      standings: core.upkeep.scoreboard.standings,
      falling: core.upkeep.scoreboard.falling,
      distrusted: core.upkeep.scoreboard.distrusted,
      scrubLagMs: core.upkeep.scrub.lagMs,
    },
  });
}
