// Proves what becomes of a disk that was wiped under a node: what starts on it is another identity, which is kept apart and
// from which nothing is taken; the others make its copies again; and once a person lets it go a new node takes its place.
// Method: the chart and the image on the cluster that KUBECONFIG names; people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, type Release, scenarios } from "../support/cluster-farm.ts";
import { conditionOf, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
const { scenario } = scenarios("wiped");
let files: readonly Kept[] = [];

/** Waits until every chunk has its copies, of nodes that are there. */
async function untilWhole({ views, namespace, name }: Release): Promise<void> {
  const whole = async (): Promise<boolean> => conditionOf(await views.farm(namespace, name), "DataAtRisk")?.status === "False";
  await until("every chunk has its copies", whole, 4 * minute);
}

scenario("a farm of five nodes with files", { longer: true }, async (release) => {
  await release.install("farm.spec.repair.delaySeconds=10");
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  files = await release.put(23);
});

scenario(
  "a disk that was wiped: what starts on it is fenced as another identity, and once its record is deleted a new node takes its place",
  { longer: true },
  async (release) => {
    const { views, namespace, name } = release;
    const before = await views.nodes(namespace, name);
    const [victim] = before.map(({ metadata }) => metadata.name).sort();
    assert.ok(victim);
    const wipe = "for (const name of fs.readdirSync('/data')) fs.rmSync('/data/' + name, { recursive: true, force: true })";
    await release.kubectl("exec", victim, "--", "node", "-e", wipe);
    await release.kubectl("delete", "pod", victim, "--grace-period=0", "--force");
    const seen = await until(
      "another identity is seen",
      async () => {
        const record = (await views.nodes(namespace, name)).find(({ metadata }) => metadata.name === victim);
        return record !== undefined && conditionOf(record, "Ready")?.reason === "IdentityChanged" && record;
      },
      4 * minute,
    );
    await until("the farm says so", async () => conditionOf(await views.farm(namespace, name), "Degraded")?.reason === "IdentityChanged");
    const known = before.find(({ metadata }) => metadata.name === victim)?.status?.peerId;
    assert.equal(seen.status?.peerId, known, "the record keeps the identity that it knew");
    await release.assertKept(files);
    await untilWhole(release);
    assert.match(await release.kubectl("get", "pvc", victim, "-o", "jsonpath={.status.phase}"), /Bound/);
    const [, found] = /\((\w+)\)/.exec(conditionOf(seen, "Ready")?.message ?? "") ?? [];
    assert.ok(found);
    await release.plugin("replace", victim, "--yes", "--wait");
    await untilSettled(views, release, { nodes: 5, withinMs: 4 * minute });
    const after = (await views.nodes(namespace, name)).map(({ status }) => status?.peerId);
    assert.equal(new Set(after).size, 5);
    assert.ok(!after.includes(known) && !after.includes(found));
    await untilWhole(release);
    await release.assertKept(files);
  },
);
