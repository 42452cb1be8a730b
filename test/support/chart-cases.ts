// Values of the chart: those that must be taken, with the settings that they lead to, and those that must be refused.
import type { OperatorConfig } from "../../src/operator/config.ts";
import type { Release } from "./chart.ts";

/** A release, and what the operator's settings must then say. */
export type Case = Release & { readonly config?: Partial<OperatorConfig> };

export const release = (values: Release["values"], more: Partial<Case> = {}): Case => ({
  name: "vaultfarm",
  namespace: "farms",
  values,
  ...more,
});
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [] }] } } };

/** By what is special of each. */
export const cases: Readonly<Record<string, Case>> = {
  "nothing said": release(
    {},
    { config: { image: "vaultfarm:0.1.0", watched: [], lease: "vaultfarm", deployment: "vaultfarm", imagePullPolicy: "IfNotPresent" } },
  ),
  "a first farm": release({ farm: { create: true } }),
  "a first farm of one's own": release({
    farm: {
      create: true,
      name: "barn",
      spec: { replicas: 8, vaultCapacity: "512Mi", gateway: { writes: "off" }, storage: { autogrow: { max: "1Gi" } } },
    },
  }),
  "some namespaces": release({ watchNamespaces: ["a", "b-2"] }, { config: { watched: ["a", "b-2"] } }),
  "a registry with a port": release(
    { image: { repository: "r.example:5000/Team/v", tag: "9_a.B-1" } },
    { config: { image: "r.example:5000/Team/v:9_a.B-1" } },
  ),
  "a first farm without gateways": release({ farm: { create: true, spec: { gateway: { replicas: 0 } } } }),
  "a tag": release({ image: { repository: "r.example/v", tag: "9" } }, { config: { image: "r.example/v:9" } }),
  "a digest": release({ image: { repository: "r.example/v", tag: "9", digest } }, { config: { image: `r.example/v@${digest}` } }),
  "secrets for pulling": release(
    { image: { pullPolicy: "Always", pullSecrets: [{ name: "r.example" }, { name: "12" }] } },
    { config: { imagePullPolicy: "Always", imagePullSecrets: ["r.example", "12"] } },
  ),
  "one secret whose name is a number": release({ image: { pullSecrets: [{ name: "12" }] } }, { config: { imagePullSecrets: ["12"] } }),
  "no roles": release({ rbac: { create: false } }),
  "nothing for the cluster's own roles": release({ rbac: { aggregate: false } }),
  "no network policy and no budget": release({ networkPolicy: { enabled: false }, podDisruptionBudget: { enabled: false } }),
  "a PodMonitor": release({ metrics: { podMonitor: { enabled: true, interval: "15s", labels: { release: "prometheus" } } } }),
  "one operator": release({ replicas: 1, logLevel: "debug" }, { config: { logLevel: "debug" } }),
  "places of one's own": release({ affinity, nodeSelector: { disk: "1" }, tolerations: [{ operator: "Exists" }], priorityClassName: "1" }),
  "labels and annotations": release({ podLabels: { team: "7" }, podAnnotations: { "a.example/b": "true" } }),
  "a service account with annotations": release({ serviceAccount: { name: "robot", annotations: { "a.example/role": "x" } } }),
  "a service account of one's own": release({ serviceAccount: { create: false, name: "robot" } }),
  "the longest release name": release({ farm: { create: true } }, { name: `a${"-b".repeat(26)}`, namespace: `n${"-m".repeat(31)}` }),
  "a long release name with the chart's in it": release({}, { name: `vaultfarm-${"x".repeat(43)}` }),
  "names that are numbers": release(
    { farm: { create: true, name: "7" }, watchNamespaces: ["2024"], serviceAccount: { name: "8" } },
    { name: "123", namespace: "2024", config: { watched: ["2024"], lease: "123-vaultfarm", namespace: "2024" } },
  ),
};

/** What is wrong, the values, and what Helm must say. */
export const wrong: readonly (readonly [string, Release["values"], RegExp])[] = [
  ["a slip of the pen", { replica: 3 }, /additional properties 'replica' not allowed/],
  ["no operator at all", { replicas: 0 }, /at '\/replicas': minimum: got 0, want 1/],
  ["half a digest", { image: { digest: "sha256:abc" } }, /at '\/image\/digest': 'sha256:abc' does not match/],
  [
    "another pull policy",
    { image: { pullPolicy: "Sometimes" } },
    /at '\/image\/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'/,
  ],
  ["no namespace", { watchNamespaces: ["Not one"] }, /at '\/watchNamespaces\/0': 'Not one' does not match/],
  ["a level that is none", { logLevel: "loud" }, /at '\/logLevel': value must be one of/],
  [
    "an interval in words",
    { metrics: { podMonitor: { interval: "often" } } },
    /at '\/metrics\/podMonitor\/interval': 'often' does not match/,
  ],
  [
    "nobody's service account",
    { serviceAccount: { create: false } },
    /serviceAccount\.name is needed where serviceAccount\.create is false/,
  ],
  ["a farm's name that is too long", { farm: { create: true, name: "a".repeat(41) } }, /at '\/farm\/name': maxLength: got 41, want 40/],
  ["a namespace twice", { watchNamespaces: ["a", "a"] }, /at '\/watchNamespaces': items at 0 and 1 are equal/],
  [
    "a first farm where nobody watches",
    { farm: { create: true }, watchNamespaces: ["a"] },
    /farm\.create makes a farm in farms, which is not in watchNamespaces/,
  ],
  [
    "a label that chooses the pods",
    { podLabels: { "app.kubernetes.io/name": "x" } },
    /podLabels: app\.kubernetes\.io\/name is the chart's own/,
  ],
  [
    "a label of the PodMonitor that is there already",
    { metrics: { podMonitor: { enabled: true, labels: { "helm.sh/chart": "x" } } } },
    /metrics\.podMonitor\.labels: helm\.sh\/chart is the chart's own/,
  ],
  [
    "a tag in the repository's name",
    { image: { repository: "r.example/v:1" } },
    /at '\/image\/repository': 'r\.example\/v:1' does not match/,
  ],
  ["a tag with a blank", { image: { tag: "a b" } }, /at '\/image\/tag': 'a b' does not match/],
  ["a service account that no object can have", { serviceAccount: { name: "A B" } }, /at '\/serviceAccount\/name': 'A B' does not match/],
  ["a slip of the pen in the farm", { farm: { spec: { replica: 3 } } }, /at '\/farm\/spec': additional properties 'replica' not allowed/],
  ["fewer nodes than none", { farm: { spec: { replicas: -1 } } }, /at '\/farm\/spec\/replicas': minimum: got -1, want 0/],
  [
    "an amount in words",
    { farm: { spec: { vaultCapacity: "10 Gibibytes" } } },
    /at '\/farm\/spec\/vaultCapacity': '10 Gibibytes' does not match/,
  ],
];
