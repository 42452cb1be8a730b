// The settings with which the local farm starts its members: everything on the loopback address, ports as kept, the first
// node as founder, keys and genesis from the farm's folder.

import { type GatewayConfig, toEnv as gatewayEnv, readConfig as readGatewayConfig } from "../../gateway/config.ts";
import type { VaultFarmSpec } from "../../operator/api/vault-farm.ts";
import { gatewayPolicy } from "../../operator/manifests/gateway-policy.ts";
import { peersToTell } from "../../operator/vault-farm/plan-members.ts";
import type { PublicKey } from "../../protocol/keys.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import { compareEveryDefaultMs, toEnv as nodeEnv } from "../../vault-node/config.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { type FarmState, type GatewayPlace, type NodePlace, staysHere } from "./farm-state.ts";

/** Time a member has for its goodbye, milliseconds; this process waits a little longer before it kills. */
export const stopGraceMs = 10_000;

const ip = "127.0.0.1";

/** Where a node listens, for its peers. */
export function nodeAddressOf({ ports }: NodePlace): NodeAddress {
  return { ip, libp2p: ports.libp2p, lane: ports.lane, heartbeat: ports.heartbeat };
}

/** The peers that member `name` begins with, out of all nodes of the farm. */
export function firstPeers(state: FarmState, name: string): readonly NodePlace[] {
  const names = peersToTell(
    name,
    state.nodes.map((node) => node.name),
  );
  return state.nodes.filter((node) => names.includes(node.name));
}

/** What of a farm's spec concerns how its nodes are started. */
export type NodeSpec = {
  readonly network: Pick<VaultFarmSpec["network"], "profile">;
  readonly repair: Pick<VaultFarmSpec["repair"], "delaySeconds">;
};

/** The environment of a vault node. */
export function vaultNodeEnv(
  folder: FarmFolder,
  state: FarmState,
  node: NodePlace,
  { adminPublicKey, spec }: { readonly adminPublicKey: PublicKey; readonly spec: NodeSpec },
): Record<string, string> {
  const { data, peers } = folder.member("node", node.name);
  return nodeEnv({
    dataDir: data,
    listenIp: ip,
    ports: node.ports,
    vaults: state.vaultsPerNode,
    vaultCapacity: state.vaultCapacity,
    genesisFile: folder.genesis,
    networkKeyFile: folder.networkKey,
    adminPublicKey,
    peersFile: peers,
    founder: node.name === (state.nodes.find(staysHere) ?? state.nodes[0])?.name,
    region: "",
    zone: node.zone,
    host: "local",
    profile: spec.network.profile,
    logLevel: "info",
    stopGraceMs,
    repairDelayMs: spec.repair.delaySeconds * 1000,
    compareEveryMs: compareEveryDefaultMs,
  });
}

/** The environment of a gateway. Without a word in the manifest a local farm is open to writes: only this machine reaches it. */
export function localGatewayEnv(folder: FarmFolder, spec: VaultFarmSpec, gateway: GatewayPlace): Record<string, string> {
  const { data, peers } = folder.member("gateway", gateway.name);
  const own: Partial<GatewayConfig> = {
    ...gatewayPolicy(spec.gateway),
    host: ip,
    port: gateway.port,
    networkIp: ip,
    libp2pPort: gateway.libp2p,
    lanePort: gateway.lane,
    networkKeyFile: folder.networkKey,
    peersFile: peers,
    writes: spec.gateway.writes ?? "open",
    stopGraceMs,
  };
  const required = { VAULTFARM_DATA_DIR: data, VAULTFARM_GENESIS_FILE: folder.genesis };
  return gatewayEnv({ ...readGatewayConfig(required), ...own });
}
