// The HTTP faces of a vault node, over the parts that they read or change.
import { checkGrant } from "../protocol/grant.ts";
import type { NodeStatus } from "../protocol/node-status.ts";
import type { HttpServer } from "../runtime/http-server.ts";
import type { MetricsRegistry } from "../runtime/metrics-registry.ts";
import { type AdminParts, createAdminServer } from "./admin/admin-server.ts";
import { createHealthServer } from "./health/health-server.ts";
import { readSuspicions } from "./node-detector.ts";
import { readStatus } from "./node-status.ts";
import type { Organs } from "./organs.ts";

/** Both as parts of the node's life. */
export type Servers = { readonly health: HttpServer; readonly admin: HttpServer };

/** The two servers of a node: health and metrics for reading, admin for signed commands. */
export function createServers(organs: Organs, registry: MetricsRegistry): Servers {
  const { config, tools, identity, volume, grant, store, membership, core, phases } = organs;
  const { genesis, peerId } = identity;
  const granted = (): boolean => {
    const bytes = grant.bytes();
    return bytes !== null && checkGrant(genesis, bytes, peerId, tools.clock.wallMs()).ok;
  };
  const ports = (): NodeStatus["ports"] => ({ health: health.port(), admin: admin.port() });
  const status = (): Promise<NodeStatus> =>
    readStatus({
      ...organs,
      clock: tools.clock,
      startCounter: volume.startCounter,
      phase: phases.phase,
      joined: membership.joined,
      granted,
      ports,
      certificates: membership.certificates,
    });
  const listening = { ip: config.listenIp };
  const health = createHealthServer(
    { store, registry, status, suspicions: () => readSuspicions(organs), notReady: phases.notReady },
    { ...listening, port: config.ports.health },
    tools.log,
  );
  const commands: AdminParts = {
    networkId: genesis.networkId,
    adminKey: config.adminPublicKey ?? genesis.owner,
    nodeKey: volume.nodeKey,
    ...tools,
    genesis,
    peerId,
    store,
    setGrant: grant.set,
    setDesired: async (state) => {
      await volume.saveDesired(state);
      core.setDesired(state);
    },
    addPeers: membership.bootstrap,
    stops: core.stops,
    leaving: organs.leaving,
    offerCertificate: membership.certificates?.offer,
  };
  const admin = createAdminServer(commands, { ...listening, port: config.ports.admin });
  return { health, admin };
}
