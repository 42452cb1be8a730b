// Who may reach the pods of a farm and whom they may reach, from the port table of the protocol: nodes and gateways reach
// each other's data plane, the operator the nodes' ports for admin and health, monitoring the latter, anybody the gateways'
// HTTP port. Everything else is shut, both ways.
//
// Probes need no rule: traffic between a pod and the machine that it runs on is let through whatever a policy says
// (kubernetes.io/docs/concepts/services-networking/network-policies), and the kubelet is on that machine.
import { adminPort, gatewayPort, healthPort, heartbeatPort, lanePort, libp2pPort } from "../../protocol/ports.ts";
import type { GatewaySpec } from "../api/gateway-spec.ts";
import { type FarmIdentity, farmMeta, labels, type Manifest, objectNames, selectorLabels } from "./names.ts";

/** `operatorNamespace`: the namespace that the operator runs in. */
export type NodePolicyParts = { readonly farm: FarmIdentity; readonly operatorNamespace: string };
export type GatewayPolicyParts = { readonly farm: FarmIdentity; readonly gateway: Pick<GatewaySpec, "redisSecretRef"> };

const tcp = (port: number): object => ({ port, protocol: "TCP" });
const udp = (port: number): object => ({ port, protocol: "UDP" });
const dataPlane = [tcp(libp2pPort), tcp(lanePort), udp(heartbeatPort)];
const dnsPort = 53;

const pods = (matchLabels: Readonly<Record<string, string>>): object => ({ podSelector: { matchLabels } });
const nodesOf = (farm: FarmIdentity): object => pods(selectorLabels(farm.name, "node"));
const gatewaysOf = (farm: FarmIdentity): object => pods(selectorLabels(farm.name, "gateway"));

// A namespace's labels are its administrator's, and a pod's in the farm's own namespace are the farm's people's. A pod's label
// elsewhere counts for nothing: anybody could set it.
const scrapeLabels = { [labels.scrapes]: "true" };
const scrapers = [{ namespaceSelector: { matchLabels: scrapeLabels } }, pods(scrapeLabels)];

/** The rules of the vault nodes. They need no names: whom to meet is pushed to them, or in a mounted file. */
export function nodePolicy({ farm, operatorNamespace }: NodePolicyParts): Manifest {
  const members = [nodesOf(farm), gatewaysOf(farm)];
  const operator = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": operatorNamespace } },
    ...pods({ [labels.name]: "vaultfarm", [labels.component]: "operator" }),
  };
  return policy(farm, "node", {
    ingress: [
      { from: members, ports: dataPlane },
      { from: [operator], ports: [tcp(adminPort), tcp(healthPort)] },
      { from: scrapers, ports: [tcp(healthPort)] },
    ],
    egress: [{ to: members, ports: dataPlane }],
  });
}

/** The rules of the gateways. Nodes dial them back for bulk, and tell them of silent nodes. */
export function gatewayNetworkPolicy({ farm, gateway }: GatewayPolicyParts): Manifest {
  const nodes = [nodesOf(farm)];
  // Where Redis is stands in a Secret that is the gateways' alone to read: any host, by a name, at any port.
  const redis = gateway.redisSecretRef === undefined ? [] : [{ ports: [{ protocol: "TCP" }, udp(dnsPort)] }];
  return policy(farm, "gateway", {
    ingress: [{ from: nodes, ports: dataPlane }, { ports: [tcp(gatewayPort)] }],
    egress: [{ to: nodes, ports: dataPlane }, ...redis],
  });
}

type Rules = { readonly ingress: readonly object[]; readonly egress: readonly object[] };

function policy(farm: FarmIdentity, component: "node" | "gateway", rules: Rules): Manifest {
  const name = component === "node" ? objectNames.nodePolicy(farm.name) : objectNames.gatewayPolicy(farm.name);
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: farmMeta(farm, name, component),
    spec: { podSelector: { matchLabels: selectorLabels(farm.name, component) }, policyTypes: ["Ingress", "Egress"], ...rules },
  };
}
