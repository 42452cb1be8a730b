// Proves what becomes of volumes: they grow when more is wanted of their vaults, by a person or before they are full, and one
// that is lost with all that was on it is replaced by a node of another identity, while the others make its copies again.
// Method: the chart and the image on the cluster that KUBECONFIG names; people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, type Release, scenarios } from "../support/cluster-farm.ts";
import { conditionOf, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
const mib = 2 ** 20;
const { scenario } = scenarios("volumes");
const files: Kept[] = [];

const growsNot = "the storage class of this cluster lets no volume grow";

type Claim = {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly storageClassName?: string; readonly resources: { readonly requests: { readonly storage: string } } };
  readonly status?: { readonly capacity?: { readonly storage: string } };
};

async function claimsOf({ views, namespace, name }: Release): Promise<readonly Claim[]> {
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims?labelSelector=vaultfarm.dev/farm%3D${name}`;
  return (await views.get<{ readonly items: readonly Claim[] }>(path))?.items ?? [];
}

/** Whether the class of the farm's volumes lets them grow. */
async function canGrow(release: Release): Promise<boolean> {
  const [claim] = await claimsOf(release);
  const path = `/apis/storage.k8s.io/v1/storageclasses/${claim?.spec.storageClassName}`;
  const found = await release.views.get<{ readonly allowVolumeExpansion?: boolean }>(path);
  return found?.allowVolumeExpansion === true;
}

/** Bytes of a size as the API server writes it, where it is a plain number or in Mi or Gi. */
function bytesOf(size = "0"): number {
  const [, digits, unit] = /^(\d+)(Mi|Gi|)$/.exec(size) ?? [];
  assert.ok(digits !== undefined, `a size that is not read here: ${size}`);
  return Number(digits) * (unit === "Gi" ? 2 ** 30 : unit === "Mi" ? mib : 1);
}

/** Waits until all nodes run with vaults of `bytes` on volumes with room for them; the nodes are those of before. */
async function untilGrown(release: Release, bytes: number, before: readonly string[]): Promise<void> {
  const { views, namespace, name } = release;
  await until(
    `every vault declares ${bytes} bytes`,
    async () => {
      const pods = await views.pods(namespace, name);
      return pods.length === 5 && pods.every(({ metadata }) => metadata.annotations?.["vaultfarm.dev/capacity"] === `${bytes}`);
    },
    8 * minute,
  );
  assert.deepEqual(await untilSettled(views, release, { nodes: 5, withinMs: 3 * minute }), before);
  for (const { spec, status } of await claimsOf(release)) {
    assert.ok(bytesOf(spec.resources.requests.storage) > 3 * bytes);
    assert.ok(bytesOf(status?.capacity?.storage) >= bytesOf(spec.resources.requests.storage));
  }
  await release.assertKept(files);
}

scenario("a farm of five nodes with files", async (release) => {
  await release.install("farm.spec.vaultCapacity=64Mi", "farm.spec.repair.delaySeconds=10");
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  files.push(...(await release.put(21)));
});

scenario(
  "a higher vaultCapacity grows the volumes, then the nodes are started anew one by one to declare it",
  { longer: true },
  async (release, { skip }) => {
    const { views, namespace, name } = release;
    const nodes = (await views.nodes(namespace, name)).map(({ metadata }) => metadata.name).sort();
    if (!(await canGrow(release))) {
      skip(growsNot);
      return;
    }
    await release.kubectl("patch", "vf", name, "--type=merge", "-p", '{"spec":{"vaultCapacity":"96Mi"}}');
    await untilGrown(release, 96 * mib, nodes);
  },
);

scenario("vaults that fill up grow by themselves, to the maximum and no further", { takesMinutes: true }, async (release, { skip }) => {
  const { views, namespace, name } = release;
  if (!(await canGrow(release))) {
    skip(growsNot);
    return;
  }
  const nodes = (await views.nodes(namespace, name)).map(({ metadata }) => metadata.name).sort();
  files.push(...(await release.put(22)));
  const grow = { spec: { storage: { autogrow: { whenUsedAbove: 10, step: 20, max: "112Mi" } } } };
  await release.kubectl("patch", "vf", name, "--type=merge", "-p", JSON.stringify(grow));
  await untilGrown(release, 112 * mib, nodes);
  const low = conditionOf(await views.farm(namespace, name), "CapacityLow");
  assert.equal(low?.reason, "AtMaximum", low?.message);
});

/** Waits until the farm is Degraded for `reason`, with the node's name. */
async function untilDegraded({ views, namespace, name }: Release, reason: string, node: string): Promise<void> {
  await until(`the condition says ${reason}`, async () => {
    const degraded = conditionOf(await views.farm(namespace, name), "Degraded");
    return degraded?.reason === reason && degraded.message.includes(node);
  });
}

/** Waits until an event of the farm warns of `reason`, with the node's name. */
async function untilWarned({ kubectl }: Release, reason: string, node: string): Promise<void> {
  const columns = "jsonpath={range .items[*]}{.type} {.involvedObject.kind} {.message}{'\\n'}{end}";
  await until(`an event says ${reason}`, async () => {
    const events = (await kubectl("get", "events", `--field-selector=reason=${reason}`, "-o", columns)).split("\n");
    return events.some((event) => event.startsWith("Warning VaultFarm ") && event.includes(node));
  });
}

scenario(
  "a claim that is deleted by hand and goes with all on it: the farm says so, and a node of another identity takes its place",
  async (release) => {
    const { views, namespace, name } = release;
    const before = await views.nodes(namespace, name);
    const [victim] = before.map(({ metadata }) => metadata.name).sort();
    assert.ok(victim);
    const uid = (await claimsOf(release)).find(({ metadata }) => metadata.name === victim)?.metadata.uid;
    // The claim first: it goes with the last pod that uses it, and no pod may begin in between.
    await release.kubectl("delete", "pvc", victim, "--wait=false");
    await untilDegraded(release, "VolumeBeingDeleted", victim);
    await release.kubectl("delete", "pod", victim, "--grace-period=0", "--force");
    await until("the claim is gone", async () => !(await claimsOf(release)).some(({ metadata }) => metadata.uid === uid), 2 * minute);
    await Promise.all([untilDegraded(release, "VolumeMissing", victim), release.assertKept(files)]);
    for (const reason of ["VolumeBeingDeleted", "VolumeMissing"]) await untilWarned(release, reason, victim);
    await until(
      "its record is gone",
      async () => !(await views.nodes(namespace, name)).some(({ metadata }) => metadata.name === victim),
      6 * minute,
    );
    await untilSettled(views, release, { nodes: 5, withinMs: 4 * minute });
    const after = await views.nodes(namespace, name);
    const identities = new Set(before.map(({ status }) => status?.peerId));
    assert.equal(after.filter(({ status }) => !identities.has(status?.peerId)).length, 1);
    await until(
      "every chunk has its copies again",
      async () => {
        const farm = await views.farm(namespace, name);
        return conditionOf(farm, "DataAtRisk")?.status === "False" && conditionOf(farm, "Degraded")?.status === "False";
      },
      4 * minute,
    );
    await release.assertKept(files);
  },
);
