// Kinds that the tests of the Kubernetes machinery use, as far as they look at them.
import { defineResource, type KubeObject, type Resource } from "../../src/operator/kube/resource.ts";

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };
export const configMaps: Resource<ConfigMap> = defineResource({
  apiVersion: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
});

export type Deployment = KubeObject & {
  readonly spec: { readonly replicas?: number; readonly selector?: unknown; readonly template?: unknown };
  readonly status?: { readonly replicas?: number; readonly observedGeneration?: number };
};
export const deployments: Resource<Deployment> = defineResource({
  apiVersion: "apps/v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
});

export const namespaces: Resource = defineResource({ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false });
