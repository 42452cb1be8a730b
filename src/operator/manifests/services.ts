// The Services of a farm: one in front of the gateways, and a headless one by which monitoring finds the vault nodes. The
// data plane itself uses no names.
import { gatewayPort, healthPort } from "../../protocol/ports.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { type FarmIdentity, farmMeta, type Manifest, objectNames, selectorLabels } from "./names.ts";

/** The gateways' Service. */
export function gatewayService(farm: FarmIdentity, { gateway }: VaultFarmSpec): Manifest {
  const meta = farmMeta(farm, objectNames.gateway(farm.name), "gateway");
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...meta, annotations: gateway.service.annotations },
    spec: {
      type: gateway.service.type,
      selector: selectorLabels(farm.name, "gateway"),
      ports: [{ name: "http", port: gatewayPort, targetPort: "http", protocol: "TCP" }],
    },
  };
}

/** The headless Service of the vault nodes. */
export function nodesService(farm: FarmIdentity): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: farmMeta(farm, objectNames.nodes(farm.name), "node"),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: selectorLabels(farm.name, "node"),
      ports: [{ name: "health", port: healthPort, targetPort: "health", protocol: "TCP" }],
    },
  };
}
