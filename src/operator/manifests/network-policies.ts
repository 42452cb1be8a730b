// Who may reach the pods of a farm, from the port table of the protocol: nodes and gateways reach each other's data plane,
// the operator reaches the nodes' admin port, monitoring their health port, anybody the gateways' HTTP port.
import { adminPort, gatewayPort, healthPort, heartbeatPort, lanePort, libp2pPort } from "../../protocol/ports.ts";
import { type FarmIdentity, farmMeta, labels, type Manifest, objectNames, selectorLabels } from "./names.ts";

/** The namespace that the operator runs in. */
export type PolicyParts = { readonly farm: FarmIdentity; readonly operatorNamespace: string };

const tcp = (port: number): object => ({ port, protocol: "TCP" });
const dataPlane = [tcp(libp2pPort), tcp(lanePort), { port: heartbeatPort, protocol: "UDP" }];

/** The rules of the vault nodes. */
export function nodePolicy({ farm, operatorNamespace }: PolicyParts): Manifest {
  const members = { podSelector: { matchLabels: { [labels.name]: "vaultfarm", [labels.farm]: farm.name } } };
  const operator = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": operatorNamespace } },
    podSelector: { matchLabels: { [labels.name]: "vaultfarm", [labels.component]: "operator" } },
  };
  return policy(farm, objectNames.nodePolicy(farm.name), "node", [
    { from: [members], ports: dataPlane },
    { from: [operator], ports: [tcp(adminPort)] },
    // Read-only: health, status and metrics.
    { ports: [tcp(healthPort)] },
  ]);
}

/** The rules of the gateways. Nodes dial them back for bulk, and tell them of silent nodes. */
export function gatewayNetworkPolicy({ farm }: PolicyParts): Manifest {
  const nodes = { podSelector: { matchLabels: selectorLabels(farm.name, "node") } };
  return policy(farm, objectNames.gatewayPolicy(farm.name), "gateway", [
    { from: [nodes], ports: dataPlane },
    { ports: [tcp(gatewayPort)] },
  ]);
}

function policy(farm: FarmIdentity, name: string, component: "node" | "gateway", ingress: readonly object[]): Manifest {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: farmMeta(farm, name, component),
    spec: { podSelector: { matchLabels: selectorLabels(farm.name, component) }, policyTypes: ["Ingress"], ingress },
  };
}
