// Proves that a machine lost for good, with the volumes on it, costs no file and no healthy node: its nodes are replaced
// once others have made their copies again, and what comes back with it later is not taken for a node a second time.
// Method: the chart and the image on the cluster that KUBECONFIG names, whose machines lose their power; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, notShown, type Release, readWhile, scenarios } from "../support/cluster-farm.ts";
import { busiestMachine, onlyMachine, power, powerless } from "../support/cluster-machines.ts";
import { openToApiServer } from "../support/cluster-probes.ts";
import { conditionOf, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { sumOf } from "../support/node-metrics.ts";

const minute = 60_000;
const longer = { longer: true };
const { scenario } = scenarios("lost");
const files: Kept[] = [];
let machine = "";
let lost: ReadonlySet<string> = new Set();
let identities: ReadonlySet<string | undefined> = new Set();

async function identitiesOf({ views, namespace, name }: Release): Promise<readonly (string | undefined)[]> {
  return (await views.nodes(namespace, name)).map(({ status }) => status?.peerId);
}

/** Waits until no record of a lost node is left. Fails where a pod elsewhere went, or a record while copies were too few. */
async function untilGivenUp({ views, namespace, name }: Release, elsewhere: readonly string[]): Promise<void> {
  const wrong = new Set<string>();
  let known = lost.size;
  await until(
    "their records are gone",
    async () => {
      const records = await views.nodes(namespace, name);
      const risk = conditionOf(await views.farm(namespace, name), "DataAtRisk");
      const pods = await views.pods(namespace, name);
      const running = new Set(pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.uid));
      if (!elsewhere.every((uid) => running.has(uid))) wrong.add("a pod of another machine was taken away");
      const left = records.filter(({ metadata }) => lost.has(metadata.name)).length;
      if (left < known && risk?.status === "True") wrong.add(`a record went while ${risk.message}`);
      known = left;
      return left === 0;
    },
    12 * minute,
  );
  assert.deepEqual([...wrong], []);
}

/** Waits until nodes of new identities hold as many chunks as the others. Of five nodes and five copies each node holds all. */
async function untilFilled({ views, namespace, name }: Release): Promise<void> {
  await until(
    "the new nodes hold as much as the others",
    async () => {
      const pods = await views.pods(namespace, name);
      const held = pods.map(async ({ metadata }) => sumOf(await views.metrics(namespace, metadata.name), "vaultfarm_vault_chunks"));
      const chunks = await Promise.all(held);
      return Math.min(...chunks) > 0 && Math.min(...chunks) === Math.max(...chunks);
    },
    5 * minute,
  );
}

type Volume = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status: { readonly phase: string };
};

/** States of the volumes that were kept of the lost nodes. */
async function keptVolumes({ views, namespace }: Release): Promise<readonly string[]> {
  const names = new Set([...lost].map((node) => `${namespace}/${node}`));
  const volumes = (await views.get<{ readonly items: readonly Volume[] }>("/api/v1/persistentvolumes"))?.items ?? [];
  const kept = volumes.filter(({ metadata }) => names.has(metadata.annotations?.["vaultfarm.dev/kept-for"] ?? ""));
  return kept.map(({ status }) => status.phase);
}

if (power !== undefined) {
  const { cut, restore } = power;
  scenario("a farm of five nodes with files, whose lost nodes are given up after a minute", longer, async (release) => {
    await release.install("farm.spec.repair.delaySeconds=10", "farm.spec.repair.lostAfterSeconds=60");
    await openToApiServer(release);
    await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
    files.push(...(await release.put(31)));
    identities = new Set(await identitiesOf(release));
  });

  scenario(
    "the nodes of a machine that is lost for good are replaced, while every file is read as it was put in",
    longer,
    async (release, { skip }) => {
      const { views, namespace, name } = release;
      const busiest = await busiestMachine(release);
      if (busiest === undefined) {
        skip(onlyMachine);
        return;
      }
      machine = busiest.machine;
      lost = new Set(busiest.pods.map(({ metadata }) => metadata.name));
      const others = (await views.pods(namespace, name)).filter(({ metadata }) => !lost.has(metadata.name));
      try {
        await cut(machine);
        await until("it is seen", async () => conditionOf(await views.farm(namespace, name), "Degraded")?.status === "True", 3 * minute);
        const givenUp = untilGivenUp(
          release,
          others.map(({ metadata }) => metadata.uid),
        );
        assert.ok((await readWhile(release, files, givenUp)) > 0);
        await untilSettled(views, release, { nodes: 5, withinMs: 5 * minute });
        await untilFilled(release);
        const pods = await views.pods(namespace, name);
        assert.ok(pods.every(({ spec }) => spec.nodeName !== machine));
        files.push(...(await release.put(32)));
        await release.assertKept(files);
      } finally {
        await restore(machine);
      }
    },
  );

  scenario("the machine comes back: new nodes go to it, with volumes and identities of their own", longer, async (release, { skip }) => {
    if (machine === "") {
      skip(onlyMachine);
      return;
    }
    const { views, namespace, name } = release;
    await release.kubectl("scale", "vf", name, "--replicas=6");
    const nodes = await untilSettled(views, release, { nodes: 6, withinMs: 5 * minute });
    assert.ok(nodes.every((node) => !lost.has(node)));
    assert.ok((await views.pods(namespace, name)).some(({ spec }) => spec.nodeName === machine));
    const now = await identitiesOf(release);
    assert.equal(new Set(now).size, 6, "an identity is there twice");
    assert.equal(now.filter((identity) => identities.has(identity)).length, 5 - lost.size, "one of a lost node is back");
    assert.deepEqual(await keptVolumes(release), Array(lost.size).fill("Released"));
    await release.assertKept(files);
  });
} else notShown("a machine that loses its power for good", powerless);
