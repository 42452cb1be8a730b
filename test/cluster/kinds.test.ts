// Proves on a real API server what the kinds promise: it takes their definitions, fills in the defaults that the reader
// would, refuses what is wrong in words that name the field, holds fixed what is fixed, scales, and shows the columns.
// Method: etcd and kube-apiserver of its own; objects by the operator's client, tables as kubectl asks for them.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import {
  apiGroup,
  customResourceDefinition,
  type Kind,
  kinds,
  kindVersion,
  vaultFarmKind,
  vaultNodeKind,
} from "../../src/operator/api/kinds.ts";
import { vaultFarmSpecSchema } from "../../src/operator/api/vault-farm.ts";
import { defineResource, type KubeClient, type KubeObject, type Resource } from "../../src/operator/kube/index.ts";
import { planFarm } from "../../src/operator/vault-farm/plan.ts";
import { farmOf, goalWith, podNode } from "../../src/operator/vault-farm/plan-fixture.ts";
import { nodeStatusOf, statusOf } from "../../src/operator/vault-farm/status.ts";
import { mergeConditions } from "../../src/operator/vault-farm/status-write.ts";
import { parsePeerId } from "../../src/protocol/peer-id.ts";
import { type ApiServer, openTestClient, startApiServer } from "../support/api-server.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

type Definition = KubeObject & { readonly status?: { readonly conditions?: readonly { type: string; status: string; message: string }[] } };
type Custom = KubeObject & { readonly spec?: Readonly<Record<string, unknown>>; readonly status?: Readonly<Record<string, unknown>> };

const definitions = defineResource<Definition>({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
});
const resourceOf = (kind: Kind): Resource<Custom> =>
  defineResource({ apiVersion: `${apiGroup}/${kindVersion}`, kind: kind.kind, plural: kind.plural, namespaced: true });
const farms = resourceOf(vaultFarmKind);
const nodes = resourceOf(vaultNodeKind);
const namespace = "default";

let server: ApiServer;
let client: KubeClient;

before(async () => {
  server = await startApiServer();
  client = openTestClient(server);
  for (const kind of kinds) must(await client.create(definitions, customResourceDefinition(kind) as unknown as Definition));
  for (const resource of [farms, nodes])
    await until(`${resource.kind} is served`, async () => (await client.list(resource, { namespace })).ok, 60_000);
  // A server may serve a kind a moment before it says so.
  for (const { plural } of kinds)
    await until(
      `${plural} is said to be established`,
      async () => {
        const { status } = must(await client.get(definitions, { name: `${plural}.${apiGroup}` }));
        return status?.conditions?.some(({ type, status: is }) => type === "Established" && is === "True") === true;
      },
      60_000,
    );
});
after(async () => {
  await client?.close();
  await server?.stop();
});

const farm = (name: string, spec: Readonly<Record<string, unknown>>): Custom => ({ metadata: { name, namespace }, spec });
const good = { replicas: 5, vaultCapacity: "1Gi" };

async function refusal(object: Custom, resource = farms): Promise<string> {
  const result = await client.create(resource, object, { dryRun: true });
  return result.ok ? "accepted" : `${result.error.code}: ${result.error.message}`;
}

test("the definitions are structural, accepted, and served under their short names", async () => {
  for (const kind of kinds) {
    const name = `${kind.plural}.${apiGroup}`;
    const conditions = must(await client.get(definitions, { name })).status?.conditions ?? [];
    const stateOf = (type: string): string | undefined => conditions.find((condition) => condition.type === type)?.status;
    assert.deepEqual([stateOf("Established"), stateOf("NamesAccepted"), stateOf("NonStructuralSchema")], ["True", "True", undefined]);
  }
  const served = must(await client.read(`/apis/${apiGroup}/${kindVersion}`)) as {
    resources: { name: string; shortNames?: string[]; categories?: string[] }[];
  };
  const listed = served.resources
    .filter(({ name }) => !name.includes("/"))
    // In the order in which the server came to serve them.
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, shortNames, categories }) => [name, shortNames, categories]);
  assert.deepEqual(listed, [
    ["vaultfarms", ["vf"], ["all"]],
    ["vaultnodes", ["vn"], ["all"]],
  ]);
});

test("the sample is taken as it is, and what is left out is filled in as the reader would", async () => {
  const sample = parse(readFileSync("deploy/samples/attic.yaml", "utf8")) as Custom;
  must(await client.create(farms, { ...sample, metadata: { ...sample.metadata, namespace } }, { dryRun: true }));
  const written = {
    ...good,
    storage: { autogrow: { max: "4Gi" } },
    pod: {
      tolerations: [{ key: "vaults" }],
      securityContext: { runAsUser: 2000, supplementalGroups: [7], seLinuxOptions: { level: "s0:c1,c2" } },
      ...required([{ key: "disk", operator: "Exists" }]),
    },
    gateway: {
      writes: "off",
      ingress,
      trustedProxies: [
        "10.1.2.3",
        "10.0.0.0/8",
        "192.168.255.0/32",
        "::1",
        "fd00::/8",
        "2001:db8::1/128",
        "::ffff:10.0.0.1",
        "1:2:3:4:5:6:7:8",
      ],
    },
  };
  const stored = must(await client.create(farms, farm("defaults", written)));
  assert.deepEqual(vaultFarmSpecSchema.parse(stored.spec), vaultFarmSpecSchema.parse(written));
  assert.deepEqual(stored.spec?.["copies"], { min: 4, target: 5, max: 8 });
});

const ingress = { host: "farm.example.org" };
const httpRoute = { parentRefs: [{ name: "edge" }], hostnames: ["farm.example.org"] };

const required = (matchExpressions: readonly object[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } } },
});

const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
  ["replicas below nothing", { ...good, replicas: -1 }, /spec\.replicas: Invalid value: -1: .*greater than or equal to 0/],
  ["a thousand million replicas", { ...good, replicas: 1e9 }, /spec\.replicas: Invalid value: 1000000000: .*less than or equal to 1000/],
  ["capacity in words", { ...good, vaultCapacity: "10 Gibibytes" }, /spec\.vaultCapacity: Invalid value: "10 Gibibytes"/],
  ["capacity below the least", { ...good, vaultCapacity: "1Mi" }, /spec\.vaultCapacity: .*from 16 MiB to 64 TiB/],
  ["capacity as a number below the least", { ...good, vaultCapacity: 1024 }, /spec\.vaultCapacity: .*from 16 MiB to 64 TiB/],
  ["capacity above the most", { ...good, vaultCapacity: "65Ti" }, /spec\.vaultCapacity: .*from 16 MiB to 64 TiB/],
  ["no capacity", { replicas: 5 }, /spec\.vaultCapacity: Required value/],
  ["copies out of order", { ...good, copies: { min: 6 } }, /spec\.copies: .*expected min <= target <= max/],
  [
    "a gateway open to others without a word on writes",
    { ...good, gateway: { service: { type: "NodePort" } } },
    /spec\.gateway\.service: .*gateway\.writes to say who may store/,
  ],
  ...(
    [
      ["an Ingress without a word on writes", { ingress }, /spec\.gateway\.ingress: .*gateway\.writes to say who may store/],
      ["a route without a word on writes", { httpRoute }, /spec\.gateway\.httpRoute: .*gateway\.writes to say who may store/],
      ...["10.0.0.0/33", "10.0.0.256", "10.0.0/8", "10.0.0.0/0", "fd00::/129", "fd00::/0", "fd00:::1", "1:2:3:4:5:6:7:8:9", "fe80"].map(
        (proxy) =>
          [
            `a proxy at ${proxy}`,
            { trustedProxies: ["10.0.0.0/8", proxy] },
            /spec\.gateway\.trustedProxies\[1\]: .*expected an address or range such as 10\.0\.0\.0\/8/,
          ] as const,
      ),
      ["an Ingress and a route", { writes: "off", ingress, httpRoute }, /spec\.gateway\.httpRoute: .*ingress or httpRoute, not both/],
      ["an Ingress for an address", { writes: "off", ingress: { host: "10.0.0.1" } }, /spec\.gateway\.ingress\.host: Invalid value/],
      ["a path that is none", { writes: "off", ingress: { ...ingress, path: "v1//x" } }, /spec\.gateway\.ingress\.path: Invalid value/],
      ["a route to nowhere", { writes: "off", httpRoute: { ...httpRoute, parentRefs: [] } }, /parentRefs: .*at least 1 item/],
      [
        "a slip in a route",
        { writes: "off", httpRoute: { ...httpRoute, hostname: "a.b" } },
        /unknown field \\?"spec\.gateway\.httpRoute\.hostname\\?"/,
      ],
    ] as const
  ).map(([what, gateway, expected]) => [what, { ...good, gateway }, expected] as const),
  ...(
    [
      ["vault nodes as root", { securityContext: { runAsUser: 0 } }, /securityContext\.runAsUser: .*greater than or equal to 1/],
      [
        "a label of SELinux that nobody restricts",
        { securityContext: { seLinuxOptions: { type: "spc_t" } } },
        /type: Unsupported value: "spc_t"/,
      ],
      [
        "what would loosen a pod",
        { securityContext: { runAsNonRoot: false } },
        /unknown field \\?"spec\.pod\.securityContext\.runAsNonRoot\\?"/,
      ],
      [
        "an expression without values",
        required([{ key: "disk", operator: "In" }]),
        /matchExpressions\[0\]: .*one or more with In and NotIn/,
      ],
      ["a comparison with a word", required([{ key: "disk", operator: "Gt", values: ["big"] }]), /one whole number with Gt and Lt/],
      ["terms of nothing", required([]), /matchExpressions: .*at least 1 item/],
    ] as const
  ).map(([what, pod, expected]) => [what, { ...good, pod }, expected] as const),
  ...(
    [
      [
        "a label of the operator's own at the ServiceMonitor",
        { labels: { "vaultfarm.dev/farm": "x" } },
        /spec\.monitoring\.labels: .*the operator's/,
      ],
      ["another one", { labels: { "app.kubernetes.io/name": "x" } }, /spec\.monitoring\.labels: .*the operator's/],
      ["scrapes without a pause", { interval: "0s" }, /spec\.monitoring\.interval: Invalid value: "0s"/],
    ] as const
  ).map(([what, monitoring, expected]) => [what, { ...good, monitoring }, expected] as const),
  [
    "growing to less",
    { ...good, storage: { autogrow: { max: "512Mi" } } },
    /spec\.storage\.autogrow: .*expected a max of vaultCapacity or more/,
  ],
  [
    "a word outside the set",
    { ...good, storage: { reclaimPolicy: "Burn" } },
    /spec\.storage\.reclaimPolicy: Unsupported value: "Burn": supported values: "Retain", "Delete"/,
  ],
  ["two access modes", { ...good, storage: { accessModes: ["ReadWriteOnce", "ReadWriteOncePod"] } }, /accessModes: .*at most 1 item/],
  ["a volume for many", { ...good, storage: { accessModes: ["ReadWriteMany"] } }, /Unsupported value: "ReadWriteMany"/],
  ["joining another network", { ...good, network: { join: [], id: "a" } }, /unknown field \\?"spec\.network\.(join|id)\\?"/],
  ["a slip of the pen", { ...good, replica: 5 }, /unknown field \\?"spec\.replica\\?"/],
  ["what does not exist yet", { ...good, economy: {} }, /unknown field \\?"spec\.economy\\?"/],
  [
    "a limit of processor time",
    { ...good, pod: { resources: { limits: { cpu: "1" } } } },
    /unknown field \\?"spec\.pod\.resources\.limits\.cpu\\?"/,
  ],
  ["an origin that is none", { ...good, gateway: { corsWrites: ["example.org"] } }, /spec\.gateway\.corsWrites\[0\]: Invalid value/],
];
for (const [what, spec, expected] of wrong)
  test(`refused: ${what}`, async () => {
    assert.match(await refusal(farm("wrong", spec)), expected);
  });

test("a name that pods and Services cannot be made from is refused", async () => {
  assert.match(await refusal(farm("a".repeat(41), good)), /at most 40 letters/);
  assert.match(await refusal(farm("a.b", good)), /at most 40 letters/);
  assert.equal(await refusal(farm("a".repeat(40), good)), "accepted");
});

type Step = readonly [string, Readonly<Record<string, unknown>>, RegExp];
async function change(name: string, spec: Readonly<Record<string, unknown>>): Promise<string> {
  const result = await client.patch(farms, { name, namespace }, { type: "merge", body: { spec } });
  return result.ok ? "accepted" : result.error.message;
}

test("what is fixed stays as it is; the size of vaults changes both ways, by any spelling of an amount", async () => {
  const key = { name: "own", key: "key" };
  must(await client.create(farms, farm("fixed", { ...good, vaultsPerNode: 3 })));
  must(await client.create(farms, farm("keyed", { ...good, network: { keySecretRef: key } })));
  const steps: readonly Step[] = [
    ["fixed", { vaultsPerNode: 4 }, /vaultsPerNode is fixed/],
    ["fixed", { vaultCapacity: "1023Mi" }, /^accepted$/],
    ["fixed", { vaultCapacity: "15Mi" }, /expected an amount of bytes/],
    ["fixed", { vaultCapacity: 2 ** 30 }, /^accepted$/],
    ["fixed", { vaultCapacity: "1.5Gi" }, /^accepted$/],
    ["fixed", { vaultCapacity: 2 ** 29 }, /^accepted$/],
    ["fixed", { network: { keySecretRef: key } }, /cannot be added or taken away/],
    ["keyed", { network: { keySecretRef: null } }, /cannot be added or taken away/],
    ["keyed", { network: { keySecretRef: { name: "other" } } }, /the network key is fixed/],
    ["fixed", { pod: { securityContext: { runAsUser: 2000 } } }, /runAsUser is fixed once the farm exists/],
    ["fixed", { pod: { securityContext: { runAsUser: 10_001, fsGroup: 2000 } } }, /^accepted$/],
    ["fixed", { pod: null }, /^accepted$/],
    ["fixed", { copies: { min: 3 } }, /^accepted$/],
    ["fixed", { replicas: 3 }, /^accepted$/],
  ];
  for (const [name, spec, expected] of steps) assert.match(await change(name, spec), expected, JSON.stringify(spec));
  must(
    await client.patch(
      farms,
      { name: "fixed", namespace },
      { type: "merge", body: { status: { networkId: "ab" } } },
      { subresource: "status" },
    ),
  );
  assert.match(await change("fixed", { copies: { min: 4 } }), /copies are fixed once the network has begun/);
  assert.match(await change("fixed", { replicas: 4 }), /^accepted$/, "all else may still change");
});

test("a farm scales by its subresource, within its bounds, and tells its selector", async () => {
  const name = { name: "scaled", namespace };
  must(await client.create(farms, farm("scaled", good)));
  const status = { nodes: 5, selector: "vaultfarm.dev/farm=scaled" };
  must(await client.patch(farms, name, { type: "merge", body: { status } }, { subresource: "status" }));
  assert.deepEqual(must(await client.getScale(farms, name)), { replicas: 5, current: 5, selector: status.selector });
  assert.equal(must(await client.setScale(farms, name, 12)).replicas, 12);
  for (const replicas of [-1, 1e9]) assert.equal((await client.setScale(farms, name, replicas)).ok, false, `${replicas}`);
  assert.equal(must(await client.get(farms, name)).spec?.["replicas"], 12);
});

test("nodes: a person's word, a fixed farm and zone, an identity that is set once", async () => {
  const node = (name: string, spec: Readonly<Record<string, unknown>>): Custom => ({ metadata: { name, namespace }, spec });
  assert.match(
    await refusal(node("n", { farm: "attic", desired: "Gone" }), nodes),
    /supported values: "Active", "Cordoned", "Drained", "Fenced", "Offline"/,
  );
  assert.match(await refusal(node("n", {}), nodes), /spec\.farm: Required value/);
  const name = { name: "attic-abcde", namespace };
  const made = must(await client.create(nodes, node(name.name, { farm: "attic", assigned: { zone: "a" } })));
  assert.equal(made.spec?.["desired"], "Active");
  const patch = async (body: Readonly<Record<string, unknown>>, subresource?: "status"): Promise<string> => {
    const result = await client.patch(nodes, name, { type: "merge", body }, subresource === undefined ? {} : { subresource });
    return result.ok ? "accepted" : result.error.message;
  };
  assert.match(await patch({ spec: { farm: "barn" } }), /a node stays with its farm/);
  assert.match(await patch({ spec: { assigned: { zone: "b" } } }), /a node's zone is fixed/);
  assert.equal(await patch({ spec: { assigned: { leaving: "ScaleDown" }, desired: "Cordoned" } }), "accepted");
  const [first, second] = ["A", "B"].map((letter) => `12D3KooW${letter.repeat(44)}`);
  for (const peerId of ["somebody", "12D3KooWA", `${first}A`, `12D3KooW${"0".repeat(44)}`])
    assert.match(await patch({ status: { peerId } }, "status"), /status\.peerId: Invalid value: .* should match/, peerId);
  assert.equal(await patch({ status: { peerId: first } }, "status"), "accepted");
  assert.match(await patch({ status: { peerId: second } }, "status"), /set once/);
  assert.match(await patch({ status: { peerId: null, state: "Active" } }, "status"), /set once, and not taken away/);
  assert.match(await patch({ status: null }, "status"), /set once, and not taken away/);
  assert.equal(await patch({ status: { peerId: first, state: "Active" } }, "status"), "accepted");
  assert.equal(await patch({ spec: { desired: "Active" } }), "accepted");
});

test("an identity that is none, from before the server asked, may be put right or taken away", async () => {
  const definition = customResourceDefinition(vaultNodeKind) as { readonly spec: { readonly versions: readonly object[] } };
  const without = JSON.parse(JSON.stringify(definition), (key, value) =>
    key === "pattern" || key === "x-kubernetes-validations" ? undefined : value,
  ) as typeof definition;
  const define = async ({ spec }: typeof definition): Promise<void> => {
    const name = { name: `${vaultNodeKind.plural}.${apiGroup}` };
    must(await client.patch(definitions, name, { type: "merge", body: { spec: { versions: spec.versions } } }));
  };
  const show = async (name: string, status: Readonly<Record<string, unknown>>): Promise<boolean> =>
    (await client.patch(nodes, { name, namespace }, { type: "merge", body: { status } }, { subresource: "status" })).ok;
  const names = ["earlier-aaaaa", "earlier-bbbbb", "earlier-ccccc"];
  for (const name of names) must(await client.create(nodes, { metadata: { name, namespace }, spec: { farm: "earlier" } }));
  await define(without);
  for (const name of names) await until("what is none is taken", () => show(name, { peerId: "somebody" }), 60_000);
  await define(definition);
  // Another one each time: the server leaves alone what is none and stays as it is.
  let tries = 0;
  await until("it is asked again", async () => !(await show("earlier-ccccc", { peerId: `another-${tries++}` })), 60_000);
  assert.equal(await show("earlier-aaaaa", { peerId: "somebody", state: "Active" }), true, "all else may still be written");
  assert.equal(await show("earlier-aaaaa", { peerId: `12D3KooW${"A".repeat(44)}` }), true);
  assert.equal(await show("earlier-bbbbb", { peerId: null }), true);
});

test("what the plan shows is taken as status, and kubectl's tables have the columns filled", async () => {
  const names = ["a", "b", "c", "d", "e"];
  const goal = goalWith({ nodes: 6 });
  const observed = farmOf(names.map((name) => podNode(name, names, { zone: "za" })));
  const seen = {
    goal,
    observed,
    actions: planFarm(goal, observed, 0),
    gateways: { ready: 1, wanted: 1, outdated: 0 },
    images: { runs: { image: "vaultfarm:1", behaviourVersion: 1 }, offered: "vaultfarm:1" },
    selector: "a=b",
    zoneKey: "zone",
    nowMs: 0,
  };
  const shown = statusOf(seen);
  const conditions = mergeConditions(undefined, shown.conditions, 1, "2026-11-28T03:00:00Z");
  must(await client.create(farms, farm("shown", good)));
  const body = { status: { ...shown, conditions, observedGeneration: 1 } };
  must(await client.patch(farms, { name: "shown", namespace }, { type: "merge", body }, { subresource: "status" }));
  assert.deepEqual((await table(farms, "shown")).slice(0, -1), ["shown", 5, 5, 5, "0", "5Gi", 0, "NodesNotReady"]);
  const [first] = observed.nodes;
  const peerId = parsePeerId("12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X") ?? assert.fail();
  const node = nodeStatusOf({ ...(first ?? assert.fail()), peerId }, goal);
  must(await client.create(nodes, { metadata: { name: "shown-aaaaa", namespace }, spec: { farm: "shown" } }));
  const nodeBody = { status: { ...node, conditions: mergeConditions(undefined, node.conditions, 1, "2026-11-28T03:00:00Z") } };
  must(await client.patch(nodes, { name: "shown-aaaaa", namespace }, { type: "merge", body: nodeBody }, { subresource: "status" }));
  assert.deepEqual((await table(nodes, "shown-aaaaa")).slice(0, -1), ["shown-aaaaa", "Active", "True", 1, "0", null, "1.00", "za"]);
});

// The cells that `kubectl get` prints, without those of `-o wide`.
async function table(resource: Resource, name: string): Promise<readonly unknown[]> {
  const { ca } = await server.config.tls.files();
  const path = `/apis/${resource.apiVersion}/namespaces/${namespace}/${resource.plural}/${name}`;
  const headers = { authorization: `Bearer ${server.token}`, accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
  const text = await new Promise<string>((resolve, reject) => {
    const call = request(new URL(path, server.config.server), { headers, ca }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.once("end", () => resolve(Buffer.concat(pieces).toString()));
    });
    call.once("error", reject);
    call.end();
  });
  const read = JSON.parse(text) as { columnDefinitions: { priority: number }[]; rows: { cells: unknown[] }[] };
  return (read.rows[0]?.cells ?? []).filter((_, i) => read.columnDefinitions[i]?.priority === 0);
}
