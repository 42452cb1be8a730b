// The name of everything with which a vault node is started, so that a node that runs with something else is seen. It is
// made from what the manifest says, never from what an operator renders: a new operator alone restarts no pod.
import { textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { outsideNames } from "../api/exposure-spec.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";

/** Digits of a template's name: enough that two differ, few enough for a label. */
const digits = 16;

/** The name of the template of `spec`. Capacity is not in it: it is a node's own. */
export function templateHash({ vaultsPerNode, network, repair, pod, topology, update }: VaultFarmSpec): string {
  const { zoneKey, hostKey, spread } = topology;
  return nameOf([vaultsPerNode, network, repair.delaySeconds, pod, zoneKey, hostKey, spread, update.behaviourVersion]);
}

/** The name of everything of `spec` that gateways' pods are made of, with `others`: what the cluster and the farm's image add. */
export function gatewayTemplateHash({ gateway, topology, update }: VaultFarmSpec, others: readonly unknown[]): string {
  // Of what leads to them from outside they know the names only.
  const { replicas: _count, service: _service, ingress: _ingress, httpRoute: _route, ...settings } = gateway;
  return nameOf([settings, topology.hostKey, update.behaviourVersion, ...others, ...outsideNames(gateway)]);
}

function nameOf(parts: readonly unknown[]): string {
  return Buffer.from(hash(textBytes(JSON.stringify(sorted(parts)))))
    .toString("hex")
    .slice(0, digits);
}

// The order in which a person wrote fields means nothing.
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
