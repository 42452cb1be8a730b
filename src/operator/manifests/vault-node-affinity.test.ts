// Proves that what a person asks of the pods of vault nodes is added to what the operator asks, and takes nothing of it away:
// the zone is in each alternative, the farm's nodes stay apart, and no securityContext is looser than the restricted standard.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type VaultFarmSpec, vaultFarmSpecSchema } from "../api/vault-farm.ts";
import { selectorLabels } from "./names.ts";
import { vaultNodeAffinity } from "./vault-node-affinity.ts";
import { vaultNodePod } from "./vault-node-pod.ts";

const specOf = (pod: unknown, spread = "Preferred"): VaultFarmSpec =>
  vaultFarmSpecSchema.parse({ replicas: 5, vaultCapacity: "1Gi", pod, topology: { spread } });
const apart = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: selectorLabels("attic", "node") } };
const inZone = { key: "topology.kubernetes.io/zone", operator: "In", values: ["za"] };

test("nothing said: apart from the farm's own, and in the zone", () => {
  assert.deepEqual(vaultNodeAffinity("attic", specOf({}), ""), {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: apart }] },
  });
  assert.deepEqual(vaultNodeAffinity("attic", specOf({}, "Required"), "za"), {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [apart] },
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [inZone] }] } },
  });
});

test("what a person says is added: the zone holds in each alternative, ours stays in front", () => {
  const [fast, large] = [
    { key: "disk", operator: "In", values: ["nvme"] },
    { key: "slots", operator: "Gt", values: ["8"] },
  ];
  const other = { topologyKey: "rack", labelSelector: { matchLabels: { app: "noisy" } } };
  const preference = { weight: 5, preference: { matchExpressions: [fast] } };
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [fast] }, { matchExpressions: [large] }] },
      preferredDuringSchedulingIgnoredDuringExecution: [preference],
    },
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 9, podAffinityTerm: other }] },
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [other] },
  };
  assert.deepEqual(vaultNodeAffinity("attic", specOf({ affinity }), "za"), {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [fast, inZone] }, { matchExpressions: [large, inZone] }],
      },
      preferredDuringSchedulingIgnoredDuringExecution: [preference],
    },
    podAffinity: affinity.podAffinity,
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [other],
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: apart }],
    },
  });
  const required = vaultNodeAffinity("attic", specOf({ affinity }, "Required"), "");
  assert.deepEqual(required["podAntiAffinity"], { requiredDuringSchedulingIgnoredDuringExecution: [apart, other] });
  assert.deepEqual(required["nodeAffinity"], affinity.nodeAffinity);
});

test("a person's user and groups stand beside what the restricted standard wants", () => {
  const securityContext = { runAsUser: 2000, fsGroup: 3000, supplementalGroups: [7], seLinuxOptions: { level: "s0:c1,c2" } };
  const spec = specOf({ securityContext });
  const pod = vaultNodePod({
    farm: { name: "attic", namespace: "farms", uid: "u-1" },
    node: { name: "attic-abcde", uid: "u-2" },
    ...{ spec, zone: "", capacity: spec.vaultCapacity, template: "t1", founder: true, adminPublicKey: "00".repeat(32) },
    image: { image: "vaultfarm:1", pullPolicy: "Always", pullSecrets: [] },
  });
  assert.deepEqual(Reflect.get(pod["spec"] as object, "securityContext"), {
    runAsNonRoot: true,
    runAsGroup: 10001,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
    ...securityContext,
  });
  const loose = [
    { runAsUser: 0 },
    { runAsNonRoot: false },
    { seccompProfile: { type: "Unconfined" } },
    { seLinuxOptions: { user: "root" } },
  ];
  for (const one of loose) assert.throws(() => specOf({ securityContext: one }), JSON.stringify(one));
});
