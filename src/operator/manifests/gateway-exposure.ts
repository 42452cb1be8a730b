// What leads people outside the cluster to the gateways' Service: an Ingress, or a route of the Gateway API.

import { gatewayPort } from "../../protocol/ports.ts";
import type { HttpRouteSpec, IngressSpec } from "../api/exposure-spec.ts";
import { type FarmIdentity, farmMeta, type Manifest, objectNames } from "./names.ts";

/** The Ingress. */
export function gatewayIngress(farm: FarmIdentity, { className, host, path, tlsSecretName, annotations }: IngressSpec): Manifest {
  const service = { name: objectNames.gateway(farm.name), port: { number: gatewayPort } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { ...farmMeta(farm, objectNames.gateway(farm.name), "gateway"), annotations },
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      ...(tlsSecretName === undefined ? {} : { tls: [{ hosts: [host], secretName: tlsSecretName }] }),
      rules: [{ host, http: { paths: [{ path, pathType: "Prefix", backend: { service } }] } }],
    },
  };
}

/** The route of the Gateway API. */
export function gatewayRoute(farm: FarmIdentity, { parentRefs, hostnames }: HttpRouteSpec): Manifest {
  const name = objectNames.gateway(farm.name);
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: farmMeta(farm, name, "gateway"),
    spec: { parentRefs, hostnames, rules: [{ backendRefs: [{ name, port: gatewayPort }] }] },
  };
}
