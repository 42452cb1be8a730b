// Proves that the chart installs what it says with any values it takes, and refuses the others in words that name the field.
// Method: Helm renders it with a table of values; each object is held to names, selectors, Pod Security and the operator's own
// settings, and at last taken by a real API server as a dry run. What this cannot show, that pods run, is for a real cluster.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { readConfig } from "../../src/operator/config.ts";
import { defineResource, type KubeClient, openKubeClient, type Resource } from "../../src/operator/kube/index.ts";
import { labels as farmLabels, objectLabels } from "../../src/operator/manifests/names.ts";
import { nodePolicy } from "../../src/operator/manifests/network-policies.ts";
import { judgeSpec } from "../../src/operator/vault-farm/judge-spec.ts";
import { adminPort, healthPort } from "../../src/protocol/ports.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { startApiServer } from "../support/api-server.ts";
import { bringKinds } from "../support/bring-kinds.ts";
import { chartNotes, chartObjects, lintChart, type Release, type Rendered, renderChart } from "../support/chart.ts";
import { type Case, cases, release, wrong } from "../support/chart-cases.ts";
import { must } from "../support/kube-api.contract.ts";
import { silentKubeMetrics } from "../support/kube-silence.ts";
import { type End, lets, type PodEnd, readPolicy } from "../support/network-rules.ts";
import { bringPrometheusKinds } from "../support/prometheus-kinds.ts";

type Labels = Readonly<Record<string, string>>;
const nameLengthMax = 63;
// These may be as long as a subdomain.
const clusterKinds = ["ClusterRole", "ClusterRoleBinding"];

const field = (object: object | undefined, path: string): unknown =>
  path.split(".").reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), object);
const ofKind = (objects: readonly Rendered[], ...wanted: readonly string[]): readonly Rendered[] =>
  objects.filter(({ kind }) => wanted.includes(kind));
const only = (objects: readonly Rendered[], kind: string): Rendered => ofKind(objects, kind)[0] ?? assert.fail(`no ${kind}`);
const chooses = (selector: unknown, labels: Labels): boolean =>
  Object.entries(selector as Labels).every(([key, value]) => labels[key] === value);

type PodParts = {
  readonly labels: Labels;
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly volumes?: readonly Readonly<Record<string, unknown>>[];
    readonly topologySpreadConstraints?: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[];
    readonly containers: readonly {
      readonly image: string;
      readonly env: readonly {
        readonly name: string;
        readonly value?: unknown;
        readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
      }[];
      readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
      readonly securityContext: Readonly<Record<string, unknown>>;
    }[];
  };
};
const operatorPod = (objects: readonly Rendered[]): PodParts => {
  const template = field(only(objects, "Deployment"), "spec.template") as { metadata: { labels: Labels }; spec: PodParts["spec"] };
  return { labels: template.metadata.labels, spec: template.spec };
};
const podsOf = (objects: readonly Rendered[]): readonly PodParts[] => [
  operatorPod(objects),
  ...ofKind(objects, "Pod").map((pod) => ({ labels: pod.metadata.labels ?? {}, spec: pod["spec"] as PodParts["spec"] })),
];

function assertNames(objects: readonly Rendered[], { namespace }: Release): void {
  for (const { apiVersion, kind, metadata } of objects) {
    const { name, labels = {} } = metadata;
    const isWide = clusterKinds.includes(kind);
    assert.deepEqual(
      [typeof apiVersion, typeof kind, typeof name, typeof metadata.namespace],
      ["string", "string", "string", isWide ? "undefined" : "string"],
    );
    assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    assert.ok(name.length <= (isWide ? 253 : nameLengthMax), `${kind} ${name}`);
    for (const [key, value] of Object.entries(labels)) assert.match(`${key}=${value}`, /^[^=]+=[\w.-]{0,63}$/);
    for (const value of Object.values(labels)) assert.equal(typeof value, "string", `${kind} ${name}: ${value}`);
    if (kind !== "RoleBinding") assert.ok(isWide || metadata.namespace === namespace, `${kind} ${name} in ${metadata.namespace}`);
  }
  const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
  assert.equal(new Set(names).size, names.length, names.join("\n"));
}

function assertSelectors(objects: readonly Rendered[]): void {
  const { labels, spec } = operatorPod(objects);
  const selectors = [
    ...ofKind(objects, "Deployment", "PodDisruptionBudget", "PodMonitor").map((one) => field(one, "spec.selector.matchLabels")),
    ...ofKind(objects, "NetworkPolicy").map((one) => field(one, "spec.podSelector.matchLabels")),
    ...(spec.topologySpreadConstraints ?? []).map(({ labelSelector }) => labelSelector.matchLabels),
  ];
  for (const selector of selectors) {
    assert.ok(chooses(selector, labels), JSON.stringify([selector, labels]));
    for (const pod of ofKind(objects, "Pod")) assert.ok(!chooses(selector, pod.metadata.labels ?? {}), "the test's pod is no operator");
  }
}

// What is said of networks, evaluated: the policy of each farm's nodes lets this pod in, its own only who collects metrics.
function assertReached(objects: readonly Rendered[], { namespace }: Release): void {
  const { labels, spec } = operatorPod(objects);
  const named = (spec.containers[0]?.ports ?? []).map(({ name, containerPort }) => [name, containerPort] as const);
  const operator: PodEnd = { namespace, labels, ports: Object.fromEntries(named) };
  const farm = { name: "attic", namespace: "farms", uid: "u" };
  const node: PodEnd = { namespace: farm.namespace, labels: objectLabels(farm, "node") };
  const policies = [nodePolicy({ farm, operatorNamespace: namespace }), ...ofKind(objects, "NetworkPolicy")].map(readPolicy);
  const reaches = (from: End, to: End, port: number): boolean => lets(policies, { from, to, port, protocol: "TCP" });
  for (const port of [healthPort, adminPort]) assert.ok(reaches(operator, node, port));
  assert.ok(reaches(operator, "outside", 443), "the API server");
  const scrapes = { [farmLabels.scrapes]: "true" };
  const collectors: readonly End[] = [
    { namespace: "monitoring", namespaceLabels: scrapes, labels: {} },
    { namespace, labels: scrapes },
  ];
  for (const from of collectors) assert.ok(reaches(from, operator, healthPort));
  if (ofKind(objects, "NetworkPolicy").length === 0) return;
  const others: readonly End[] = [node, "outside", { namespace, labels: {} }, { namespace: "shop", labels: scrapes }];
  for (const from of others) assert.ok(!reaches(from, operator, healthPort), JSON.stringify(from));
  for (const from of collectors) assert.ok(!reaches(from, operator, adminPort));
}

function assertRestricted(objects: readonly Rendered[]): void {
  for (const { spec } of podsOf(objects)) {
    assert.equal(spec.securityContext["runAsNonRoot"], true);
    assert.deepEqual(spec.securityContext["seccompProfile"], { type: "RuntimeDefault" });
    for (const shared of ["hostNetwork", "hostPID", "hostIPC"]) assert.equal(field(spec, shared), undefined);
    assert.deepEqual(spec.volumes ?? [], []);
    for (const { securityContext } of spec.containers) {
      assert.deepEqual(securityContext["capabilities"], { drop: ["ALL"] });
      assert.deepEqual([securityContext["allowPrivilegeEscalation"], securityContext["readOnlyRootFilesystem"]], [false, true]);
    }
  }
}

/** The environment as a kubelet hands it over. */
function environment({ spec }: PodParts, { namespace }: Release): Labels {
  const fields: Labels = { "metadata.namespace": namespace, "metadata.name": "vaultfarm-0" };
  return Object.fromEntries(
    (spec.containers[0]?.env ?? []).map(({ name, value, valueFrom }) => {
      const text = valueFrom === undefined ? value : fields[valueFrom.fieldRef.fieldPath];
      assert.equal(typeof text, "string", `${name} is no text`);
      return [name, text as string];
    }),
  );
}

function assertSettings(objects: readonly Rendered[], one: Case): void {
  const pod = operatorPod(objects);
  const config = readConfig(environment(pod, one));
  const expected = { namespace: one.namespace, identity: "vaultfarm-0", imagePullSecrets: [], ...one.config };
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, field(config, key)])), expected);
  assert.equal(config.image, pod.spec.containers[0]?.image, "farms run the operator's own image");
  assert.deepEqual(pod.spec.containers[0]?.ports, [{ name: "metrics", containerPort: config.port }]);
}

type Rule = { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] };
const written = parse(readFileSync("charts/vaultfarm/files/rules.yaml", "utf8")) as Readonly<
  Record<"cluster" | "farms" | "leader", readonly Rule[]>
>;

function assertRoles(objects: readonly Rendered[], { namespace, values }: Release): void {
  const roles = ofKind(objects, "ClusterRole", "Role");
  const bindings = ofKind(objects, "ClusterRoleBinding", "RoleBinding");
  if (field(values, "rbac.create") === false) return assert.deepEqual([roles, bindings], [[], []]);
  const ofOperator = roles.filter(({ metadata }) => /-(cluster|farms|leader)$/.test(metadata.name));
  const rules = Object.fromEntries(ofOperator.map(({ metadata, ...role }) => [/\w+$/.exec(metadata.name)?.[0], role["rules"]]));
  assert.deepEqual(rules, written);
  const others = roles.filter((role) => !ofOperator.includes(role));
  assert.equal(others.length, field(values, "rbac.aggregate") === false ? 0 : 2);
  for (const role of others) for (const { apiGroups } of role["rules"] as readonly Rule[]) assert.deepEqual(apiGroups, ["vaultfarm.dev"]);
  const account = operatorPod(objects).spec.serviceAccountName;
  for (const binding of bindings) {
    assert.deepEqual(binding["subjects"], [{ kind: "ServiceAccount", name: account, namespace }]);
    assert.ok(
      ofOperator.some(({ kind, metadata }) => kind === field(binding, "roleRef.kind") && metadata.name === field(binding, "roleRef.name")),
    );
  }
  const watched = (values["watchNamespaces"] ?? []) as readonly string[];
  const farms = bindings.filter(({ metadata }) => metadata.name.endsWith("-farms"));
  const where = farms.map(({ kind, metadata }) => (kind === "RoleBinding" ? metadata.namespace : "*"));
  assert.deepEqual(where, watched.length === 0 ? ["*"] : watched, "rights over farms reach as far as what is watched");
}

for (const [what, one] of Object.entries(cases))
  test(`rendered with ${what}`, async () => {
    const objects = await chartObjects(one);
    assertNames(objects, one);
    assertSelectors(objects);
    assertReached(objects, one);
    assertRestricted(objects);
    assertSettings(objects, one);
    assertRoles(objects, one);
    const hasFarm = field(one.values, "farm.create") === true;
    const hasGateways = field(one.values, "farm.spec.gateway.replicas") !== 0;
    assert.deepEqual(
      [ofKind(objects, "VaultFarm").length, ofKind(objects, "Pod").length],
      [hasFarm ? 1 : 0, hasFarm && hasGateways ? 1 : 0],
    );
    for (const farm of ofKind(objects, "VaultFarm")) {
      assert.deepEqual([judgeSpec(farm["spec"]).ok, farm.metadata.annotations?.["helm.sh/resource-policy"]], [true, "keep"]);
    }
    const accounts = ofKind(objects, "ServiceAccount").map(({ metadata }) => metadata.name);
    assert.deepEqual(accounts, field(one.values, "serviceAccount.create") === false ? [] : [operatorPod(objects).spec.serviceAccountName]);
    assert.equal(ofKind(objects, "PodDisruptionBudget").length, what === "one operator" || what.endsWith("no budget") ? 0 : 1);
  });

test("lint finds nothing, with and without a farm", async () => {
  for (const values of [{}, { farm: { create: true } }, { watchNamespaces: ["a"], metrics: { podMonitor: { enabled: true } } }]) {
    const { code, out, err } = await lintChart(values);
    assert.equal(code, 0, `${out}${err}`);
  }
});

for (const [what, values, expected] of wrong)
  test(`refused: ${what}`, async () => {
    const { code, out, err } = await renderChart(release(values));
    assert.equal(code, 1, out);
    assert.match(err, expected);
  });

test("the notes name the release's own namespace, farm and commands", async () => {
  const farm = await chartNotes(release({ farm: { create: true, name: "barn" } }, { namespace: "n" }));
  for (const command of [
    "kubectl get vf,vn -n n ",
    "kubectl port-forward -n n svc/barn-gateway 8080",
    "curl -X POST -T FILE http://localhost:8080/v1/objects",
    "kubectl scale vf barn -n n --replicas=8",
    "helm test vaultfarm -n n",
  ])
    assert.ok(farm.includes(command), `${command}\n${farm}`);
  const closed = await chartNotes(release({ farm: { create: true, spec: { gateway: { writes: "off" } } } }));
  assert.ok(closed.includes("kubectl patch vf attic -n farms") && !closed.includes("curl"), closed);
  const without = await chartNotes(release({ farm: { create: true, spec: { gateway: { replicas: 0 } } } }));
  assert.doesNotMatch(without, /port-forward|curl|helm test/);
  const none = await chartNotes(release({ watchNamespaces: ["a", "b"] }));
  const manifest = /<<EOF\n([\s\S]*?)\n +EOF/.exec(none)?.[1] ?? assert.fail(none);
  assert.match(none, /kubectl apply -n a -f -/);
  assert.equal(judgeSpec((parse(manifest) as Rendered)["spec"]).ok, true, manifest);
});

const resources: Readonly<Record<string, readonly [string, boolean]>> = {
  ServiceAccount: ["serviceaccounts", true],
  Pod: ["pods", true],
  Deployment: ["deployments", true],
  PodDisruptionBudget: ["poddisruptionbudgets", true],
  NetworkPolicy: ["networkpolicies", true],
  Role: ["roles", true],
  RoleBinding: ["rolebindings", true],
  ClusterRole: ["clusterroles", false],
  ClusterRoleBinding: ["clusterrolebindings", false],
  VaultFarm: ["vaultfarms", true],
  PodMonitor: ["podmonitors", true],
};
const resourceOf = ({ apiVersion, kind }: Rendered): Resource => {
  const [plural, namespaced] = resources[kind] ?? assert.fail(`what is a ${kind}?`);
  return defineResource({ apiVersion, kind, plural, namespaced });
};
const namespaces: Resource = defineResource({ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false });

test("a real API server takes every object, as a dry run with strict fields and restricted Pod Security", async () => {
  const server = await startApiServer();
  const tools = { clock: systemClock, random: systemRandom, metrics: silentKubeMetrics };
  const client = openKubeClient(server.config, tools, { fieldManager: "test", userAgent: "test/1" });
  try {
    await bringKinds(client);
    await bringPrometheusKinds(client);
    const made = new Set<string>(["default"]);
    for (const [what, one] of Object.entries(cases)) await takeAll(what, await chartObjects(one), client, made);
  } finally {
    await client.close();
    await server.stop();
  }
});

async function takeAll(what: string, objects: readonly Rendered[], client: KubeClient, made: Set<string>): Promise<void> {
  for (const object of objects) {
    const { namespace } = object.metadata;
    if (namespace !== undefined && !made.has(namespace)) {
      const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
      must(await client.create(namespaces, { metadata: { name: namespace, labels } }));
      made.add(namespace);
    }
    const taken = await client.apply(resourceOf(object), object as never, { force: true, dryRun: true });
    assert.ok(taken.ok, `${what}: ${object.kind} ${object.metadata.name}: ${taken.ok ? "" : taken.error.message}`);
  }
}
