// Proves that `helm install` in a namespace with restricted Pod Security gives a farm that keeps what is put in, and that it
// does so while its pods die and its nodes are added and taken away: no content hash changes.
// Method: the chart and the image on the cluster that KUBECONFIG names; people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brief, type Kept, scenarios } from "../support/cluster-farm.ts";
import { writeLogin } from "../support/cluster-login.ts";
import { podsInZones } from "../support/cluster-machines.ts";
import { openToApiServer } from "../support/cluster-probes.ts";
import { helm } from "../support/cluster-tools.ts";
import { conditionOf, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { noise } from "../support/objects.ts";

const minute = 60_000;
const { scenario } = scenarios("first");
let files: readonly Kept[] = [];

/** Fails unless each of five pods runs in a zone, and no zone has more of them than it must. */
function assertSpread(zones: ReadonlyMap<string, number>): void {
  const said = [...zones].map(([zone, pods]) => `${pods} in ${zone}`).join(", ");
  const counts = [...zones.values()];
  assert.equal(
    counts.reduce((sum, pods) => sum + pods, 0),
    5,
    said,
  );
  assert.ok(Math.max(...counts) <= Math.ceil(5 / zones.size), said);
}

scenario("helm install makes a farm of five nodes; files go in and come out", async (release) => {
  const { views, namespace, name } = release;
  await release.install();
  await untilSettled(views, release, { nodes: 5, withinMs: 5 * minute });
  files = await release.put(1);
  await release.assertKept(files);
  const zones = await podsInZones(release);
  const farm = await until(
    "every condition is known",
    async () => {
      const seen = await views.farm(namespace, name);
      // Machines without zones never say how nodes are spread over them.
      const expected = (type: string): boolean => type === "SpreadSatisfied" && zones.size === 0;
      return seen.status?.conditions?.every(({ type, status }) => status !== "Unknown" || expected(type)) === true && seen;
    },
    2 * minute,
  );
  const wanted = {
    Ready: "True",
    SpecAccepted: "True",
    NetworkJoined: "True",
    GatewayReady: "True",
    DataAtRisk: "False",
    Degraded: "False",
    SpreadSatisfied: zones.size === 0 ? "Unknown" : "True",
  };
  for (const [type, status] of Object.entries(wanted))
    assert.equal(conditionOf(farm, type)?.status, status, conditionOf(farm, type)?.message);
  if (zones.size > 0) assertSpread(zones);
});

scenario("helm test stores a file and reads it back", async ({ namespace }) => {
  assert.match(await helm("test", "vaultfarm", "-n", namespace, "--timeout", "2m"), /Phase:\s+Succeeded/);
});

scenario("kubectl vaultfarm shows the farm, stores a file, reads it back, and reports", async (release) => {
  const { views, namespace, name } = release;
  const nodes = (await views.nodes(namespace, name)).map(({ metadata }) => metadata.name).sort();
  const named = async (verb: string, ...args: readonly string[]): Promise<readonly string[]> =>
    [...new Set((await release.plugin(verb, ...args)).match(new RegExp(`${name}-[a-z2-7]{5}\\b`, "g")))].sort();
  assert.deepEqual(await named("status"), nodes);
  assert.deepEqual(await named("top", "--sort", "name"), nodes);
  // A cluster that enforces policies lets the API server reach no node until a policy says so.
  await openToApiServer(release);
  await until("every node says what its vaults hold", async () => {
    assert.deepEqual(await named("top", "--vaults"), nodes);
    return true;
  });
  assert.match(await release.plugin("plan", name), new RegExp(`^${name}: `));
  const folder = await mkdtemp(join(tmpdir(), "vaultfarm-e2e-plugin-"));
  try {
    const [sent, back, said] = ["sent", "back", "said.json"].map((file) => join(folder, file));
    assert.ok(sent !== undefined && back !== undefined && said !== undefined);
    const bytes = noise(9_000_000, 103);
    await writeFile(sent, bytes);
    const { address } = JSON.parse(await release.plugin("put", sent, "-o", "json")) as { address: string };
    await release.assertKept([{ address, bytes }]);
    await release.plugin("get", address, "--out", back);
    assert.ok(bytes.equals(await readFile(back)), "another file came back");
    await release.plugin("report", name, "--out", said, "-o", "json");
    const report = await readFile(said, "utf8");
    assert.ok(nodes.every((node) => report.includes(node)) && !report.includes(address));
  } finally {
    await rm(folder, { recursive: true });
  }
});

scenario("kubectl vaultfarm logs prints what a farm's pods wrote, in the order of their time, or one node's alone", async (release) => {
  const { views, namespace, name } = release;
  const nodes = (await views.nodes(namespace, name)).map(({ metadata }) => metadata.name).sort();
  const gateways = (await release.kubectl("get", "pods", "-l", `vaultfarm.dev/farm=${name},!vaultfarm.dev/node`, "-o", "name"))
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [line.slice("pod/".length)]));
  assert.equal(gateways.length, 2);
  const said = await release.plugin("logs", name, "--tail", "40");
  const lines = said
    .trimEnd()
    .split("\n")
    .map((line) => /^(\S+) {2}(\{.*\})$/.exec(line) ?? assert.fail(`not a pod's line: ${line}`));
  assert.deepEqual([...new Set(lines.map(([, pod]) => pod))].sort(), [...nodes, ...gateways].sort());
  const times = lines.map(([, , text = ""]) => (JSON.parse(text) as { readonly time: number }).time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.ok(files.every(({ address }) => !said.includes(address)));
  const [node] = nodes;
  assert.ok(node);
  const own = (await release.plugin("logs", name, node, "--tail", "3")).trimEnd().split("\n");
  assert.equal(own.length, 3);
  assert.ok(own.every((line) => line.startsWith(`${node}  {`)));
});

scenario("kubectl vaultfarm logs a user in by the program of the kubeconfig, and may do what that user may", async (release) => {
  const { namespace, name } = release;
  const folder = await mkdtemp(join(tmpdir(), "vaultfarm-e2e-login-"));
  try {
    await release.kubectl("create", "serviceaccount", "visitor");
    const login = await writeLogin({ folder, namespace, account: "visitor" });
    const status = (): Promise<string> => release.plugin("status", name, "--kubeconfig", login.kubeconfig);
    await assert.rejects(status(), new RegExp(`system:serviceaccount:${namespace}:visitor.*status needs the rights`, "s"));
    await release.kubectl("create", "rolebinding", "visitor", "--clusterrole=view", `--serviceaccount=${namespace}:visitor`);
    assert.match(await until("the rights count", status), new RegExp(`^${name}\\b`, "m"));
    assert.match(await release.plugin("logs", name, "--tail", "1", "--kubeconfig", login.kubeconfig), /\{/);
    const [node = assert.fail("a farm without nodes")] = await release.views.nodes(namespace, name);
    await assert.rejects(release.plugin("cordon", node.metadata.name, "--kubeconfig", login.kubeconfig), /cordon needs the rights/);
    assert.ok((await login.runs()) >= 4, "each command asks the program");
  } finally {
    await rm(folder, { recursive: true });
  }
});

scenario("a pod that is killed comes back with its volume and its identity, and reads go on", async (release) => {
  const { views, namespace, name } = release;
  const before = await views.nodes(namespace, name);
  const [victim] = await views.pods(namespace, name);
  assert.ok(victim);
  await release.kubectl("delete", "pod", victim.metadata.name, "--grace-period=0", "--force");
  await release.assertKept(files);
  await until("another pod of that name", async () => {
    const pods = await views.pods(namespace, name);
    return pods.some(({ metadata }) => metadata.name === victim.metadata.name && metadata.uid !== victim.metadata.uid);
  });
  await untilSettled(views, release, { nodes: 5, withinMs: 3 * minute });
  const after = await views.nodes(namespace, name);
  const identities = (nodes: typeof before): readonly string[] =>
    nodes.map(({ metadata, status }) => `${metadata.name} ${status?.peerId}`).sort();
  assert.deepEqual(identities(after), identities(before));
  await release.assertKept(files);
});

scenario("fewer nodes than copies are refused in words, and nothing is taken away", async (release) => {
  const { views, namespace, name } = release;
  const before = await untilSettled(views, release, { nodes: 5, withinMs: minute });
  await release.kubectl("scale", "vf", name, "--replicas=3");
  const refused = await until("the condition says so", async () => {
    const condition = conditionOf(await views.farm(namespace, name), "SpecAccepted");
    return condition?.status === "False" && condition;
  });
  assert.equal(refused.reason, "FewerNodesThanCopies");
  assert.match(refused.message, /3 nodes cannot hold 4 copies/);
  const nodes = await views.nodes(namespace, name);
  assert.deepEqual(nodes.map(({ metadata }) => metadata.name).sort(), before);
  assert.ok(nodes.every(({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec.assigned?.leaving === undefined));
  await release.kubectl("scale", "vf", name, "--replicas=5");
  assert.deepEqual(await untilSettled(views, release, { nodes: 5, withinMs: 2 * minute }), before);
});

// Each node that leaves takes about 45 s: it hands over, and that its copies exist elsewhere is proven twice.
const most = brief ? 7 : 12;
scenario(`kubectl scale to ${most} nodes and back to five: those too many are drained with proof, every file stays`, async (release) => {
  const { views, name } = release;
  await release.kubectl("scale", "vf", name, `--replicas=${most}`);
  await untilSettled(views, release, { nodes: most, withinMs: 6 * minute });
  await release.assertKept(files);
  const more = await release.put(2);
  await release.kubectl("scale", "vf", name, "--replicas=5");
  await untilSettled(views, release, { nodes: 5, withinMs: (most - 5) * 3 * minute });
  await release.assertKept([...files, ...more]);
});
