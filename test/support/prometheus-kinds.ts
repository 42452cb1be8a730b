// The kinds of the Prometheus operator on a real API server, as it defines them; of their fields those that objects of ours
// have. Which fields there are the compiler holds to the types that are made from that operator's own.
import type { IEndpoint } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/Endpoint";
import type { IPodMetricsEndpoint } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMetricsEndpoint";
import type { IPodMonitorSpec } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitorSpec";
import type { IRelabelConfig } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/RelabelConfig";
import type { IServiceMonitorSpec } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitorSpec";
import { definitions } from "../../src/operator/cluster/ensure-kinds.ts";
import type { KubeClient, KubeObject } from "../../src/operator/kube/index.ts";
import { until } from "./deadline.ts";
import { must } from "./kube-api.contract.ts";

/** Schemas of the fields of `T`; what is no field of it is no key. */
type SchemaOf<T> = Partial<Record<keyof T & string, object>>;

const text = { type: "string" };
const list = (items: object): object => ({ type: "array", items });
const fields = (properties: Readonly<Record<string, object>>, ...required: readonly string[]): object => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const duration = {
  type: "string",
  pattern: "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
};
const relabeling = {
  action: { ...text, default: "replace" },
  targetLabel: text,
  replacement: text,
} satisfies SchemaOf<IRelabelConfig>;
const endpoint = { port: text, path: text, interval: duration, relabelings: list(fields(relabeling)) } satisfies SchemaOf<IEndpoint> &
  SchemaOf<IPodMetricsEndpoint>;
const selector = {
  ...fields({ matchLabels: { type: "object", additionalProperties: text } }),
  "x-kubernetes-map-type": "atomic",
};
const serviceMonitor = { selector, endpoints: list(fields(endpoint)) } satisfies SchemaOf<IServiceMonitorSpec>;
const podMonitor = { selector, podMetricsEndpoints: list(fields(endpoint)) } satisfies SchemaOf<IPodMonitorSpec>;

const group = "monitoring.coreos.com";

function definition(kind: string, spec: object): KubeObject {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  const openAPIV3Schema = fields({ spec }, "spec");
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular, listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  } as KubeObject;
}

/** Resolves once both kinds of monitors are served. */
export async function bringPrometheusKinds(client: KubeClient): Promise<void> {
  must(await client.create(definitions, definition("ServiceMonitor", fields(serviceMonitor, "selector", "endpoints"))));
  must(await client.create(definitions, definition("PodMonitor", fields(podMonitor, "selector"))));
  for (const plural of ["servicemonitors", "podmonitors"])
    await until(`${plural} are served`, async () => (await client.read(`/apis/${group}/v1/${plural}`)).ok, 120_000);
}
