// What tells a Prometheus of the Prometheus operator where a farm's metrics are. One object for both Services of the farm: each
// has one of the two ports, so that each gives its pods and no other.
import type { MonitoringSpec } from "../api/monitoring-spec.ts";
import { type FarmIdentity, farmMeta, labels, type Manifest, objectNames } from "./names.ts";

/** Where vault nodes and gateways answer with their metrics. */
const path = "/metrics";

/** Names of the ports of the Services that answer: of vault nodes, of gateways. */
const ports = ["health", "http"] as const;

/** The ServiceMonitor. `farm` is a label of every series, so that farms of one namespace are told apart. */
export function serviceMonitor(farm: FarmIdentity, { interval, labels: further }: MonitoringSpec): Manifest {
  const meta = farmMeta(farm, objectNames.serviceMonitor(farm.name));
  const relabelings = [{ action: "replace", targetLabel: "farm", replacement: farm.name }];
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: { ...meta, labels: { ...further, ...meta.labels } },
    spec: {
      selector: { matchLabels: { [labels.name]: "vaultfarm", [labels.farm]: farm.name } },
      endpoints: ports.map((port) => ({ port, path, ...(interval === undefined ? {} : { interval }), relabelings })),
    },
  };
}
