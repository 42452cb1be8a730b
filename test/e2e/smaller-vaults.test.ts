// Proves that vaults can be made smaller: every node of a farm is rebuilt on a smaller volume, one at a time, while as many as
// wanted serve and every file reads; and that a size which would not hold what is stored is refused in words and changes nothing.
// Method: the chart and the image on the cluster that KUBECONFIG names; people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, type Release, readWhile, scenarios } from "../support/cluster-farm.ts";
import { conditionOf, isReady, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
const mib = 2 ** 20;
const { scenario } = scenarios("smaller");
const longer = { longer: true };
const files: Kept[] = [];

async function resize({ name, kubectl }: Release, vaultCapacity: string): Promise<void> {
  await kubectl("patch", "vf", name, "--type=merge", "-p", JSON.stringify({ spec: { vaultCapacity } }));
}

async function namesOf({ views, namespace, name }: Release): Promise<readonly string[]> {
  return (await views.nodes(namespace, name)).map(({ metadata }) => metadata.name).sort();
}

/** What is asked for of the volume of each node. */
async function sizesOf({ views, namespace, name }: Release): Promise<readonly string[]> {
  type Claims = {
    readonly items: readonly { readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } } }[];
  };
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims?labelSelector=vaultfarm.dev/farm%3D${name}`;
  return ((await views.get<Claims>(path))?.items ?? []).map(({ spec }) => spec.resources.requests.storage);
}

/** Looks again and again until `ended`; the fewest pods that were ready at one look, and the most that were leaving. */
async function watch({ views, namespace, name }: Release, ended: Promise<unknown>): Promise<{ fewest: number; mostLeaving: number }> {
  let going = true;
  let [fewest, mostLeaving] = [Number.POSITIVE_INFINITY, 0];
  const end = ended.finally(() => {
    going = false;
  });
  const look = async (): Promise<void> => {
    while (going) {
      const pods = await views.pods(namespace, name);
      const nodes = await views.nodes(namespace, name);
      fewest = Math.min(fewest, pods.filter((pod) => isReady(pod)).length);
      mostLeaving = Math.max(mostLeaving, nodes.filter(({ spec }) => spec.assigned?.leaving !== undefined).length);
    }
  };
  await Promise.all([end, look()]);
  return { fewest, mostLeaving };
}

scenario("a farm of five nodes with a vault of 512 MiB each, and files", longer, async (release) => {
  const sets = ["replicas=5", "vaultsPerNode=1", "vaultCapacity=512Mi", "repair.delaySeconds=10", "storage.reclaimPolicy=Delete"];
  await release.install(...sets.map((set) => `farm.spec.${set}`));
  await untilSettled(release.views, release, { nodes: 5, withinMs: 8 * minute });
  files.push(...(await release.put(31)), ...(await release.put(32)));
});

scenario(
  "a size that would not hold what is stored: nothing is made or taken away, and the bytes that are missing are told",
  longer,
  async (release) => {
    const { views, namespace, name } = release;
    const before = await namesOf(release);
    await resize(release, "16Mi");
    const told = await until(
      "the condition says so",
      async () => {
        const accepted = conditionOf(await views.farm(namespace, name), "SpecAccepted");
        return accepted?.reason === "StoredDoesNotFit" ? accepted.message : undefined;
      },
      4 * minute,
    );
    assert.match(told, /^spec\.vaultCapacity: vaults of 16Mi keep 76Mi, and \d+Mi are stored: \d+Mi are missing; set it to \d+Mi or more/);
    assert.deepEqual(await namesOf(release), before);
  },
);

scenario(
  "a size that does: each node is rebuilt, five are ready all the time, one leaves at a time, every file reads",
  longer,
  async (release) => {
    const { views, namespace, name } = release;
    const before = await namesOf(release);
    await resize(release, "256Mi");
    const rebuilt = until(
      "no node of before is left",
      async () => {
        const now = await views.nodes(namespace, name);
        return now.length === 5 && now.every(({ metadata }) => !before.includes(metadata.name));
      },
      40 * minute,
    );
    const watched = watch(release, rebuilt);
    assert.ok((await readWhile(release, files, rebuilt)) > 0);
    const { fewest, mostLeaving } = await watched;
    assert.ok(fewest >= 5, `${fewest} nodes were ready`);
    assert.equal(mostLeaving, 1);
    await untilSettled(views, release, { nodes: 5, withinMs: 5 * minute });
    const pods = await views.pods(namespace, name);
    assert.ok(pods.every(({ metadata }) => metadata.annotations?.["vaultfarm.dev/capacity"] === `${256 * mib}`));
    const bytes = Math.ceil((256 * mib * 1.1 + 2 ** 30) / mib);
    await until(
      "the larger volumes are given back",
      async () => (await sizesOf(release)).every((size) => size === `${bytes}Mi`),
      3 * minute,
    );
    assert.equal(conditionOf(await views.farm(namespace, name), "SpecAccepted")?.status, "True");
    await release.assertKept(files);
  },
);
