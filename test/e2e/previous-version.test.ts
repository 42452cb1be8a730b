// Proves that a farm of the version before goes over to this one while it is in use: its chart with its own program in every pod,
// upgraded with files in it. First only the operator is new, then node by node all of it. Method: the packaged earlier chart, an image
// of that version that VAULTFARM_E2E_PREVIOUS_IMAGE names (test/cluster/previous-charts/README.md says how it is made), people's own commands.
import { strict as assert } from "node:assert";
import { image, type Kept, notShown, type Release, readWhile, scenarios } from "../support/cluster-farm.ts";
import { conditionOf, isReady, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";

const minute = 60_000;
const chart = "test/cluster/previous-charts/vaultfarm-0.1.0.tgz";
const previous = process.env["VAULTFARM_E2E_PREVIOUS_IMAGE"];
const { scenario } = scenarios("previous");
let files: readonly Kept[] = [];

const imagesOf = async ({ views, namespace, name }: Release): Promise<readonly (string | undefined)[]> => {
  const pods = [...(await views.pods(namespace, name)), ...(await views.gateways(namespace, name))];
  return [...new Set(pods.map(({ spec }) => spec.containers[0]?.image))];
};
const uidsOf = async ({ views, namespace, name }: Release): Promise<readonly string[]> =>
  (await views.pods(namespace, name)).map(({ metadata }) => metadata.uid).sort();

function play(version: string): void {
  scenario(`a farm of version ${version} with files`, { longer: true }, async (release) => {
    await release.installFrom(chart, version);
    await until(
      "five nodes and a gateway are ready",
      async () => {
        const { views, namespace, name } = release;
        const nodes = (await views.pods(namespace, name)).filter(isReady).length;
        return nodes === 5 && (await views.gateways(namespace, name)).some(isReady);
      },
      5 * minute,
    );
    files = await release.put(6);
    assert.deepEqual(await imagesOf(release), [version]);
  });

  scenario(
    "another chart and operator: no vault pod changes, every file reads, and the farm says what is offered",
    { longer: true },
    async (release) => {
      const { views, namespace, name } = release;
      const before = await uidsOf(release);
      await release.install();
      const told = await until(
        "the farm says so",
        async () => {
          const condition = conditionOf(await views.farm(namespace, name), "UpdateAvailable");
          return condition?.status === "True" && condition;
        },
        3 * minute,
      );
      assert.ok(told.message.includes(`runs ${version},`) && told.message.includes(image), told.message);
      await untilSettled(views, release, { nodes: 5, withinMs: 3 * minute });
      // Renewed once, with the image that they had: that version did not note what it had made them of.
      await until(
        "the gateways answer",
        async () => conditionOf(await views.farm(namespace, name), "GatewayReady")?.reason === "Answering",
        3 * minute,
      );
      assert.deepEqual([await uidsOf(release), await imagesOf(release)], [before, [version]]);
      await release.assertKept(files);
    },
  );

  scenario("a raised behaviourVersion takes all of it over, old beside new, and no read fails", { longer: true }, async (release) => {
    const { views, namespace, name } = release;
    await release.kubectl("patch", "vf", name, "--type=merge", "-p", '{"spec":{"update":{"behaviourVersion":2}}}');
    const renewed = until(
      "all run this version",
      async () => {
        const pods = await views.pods(namespace, name);
        return pods.length === 5 && pods.every(isReady) && (await imagesOf(release)).join() === image;
      },
      10 * minute,
    );
    const rounds = await readWhile(release, files, renewed);
    process.stdout.write(`FIGURES of taking over a farm of ${version}: ${rounds} rounds of reads, none failed\n`);
    assert.ok(rounds > 0);
    await untilSettled(views, release, { nodes: 5, withinMs: 3 * minute });
    files = [...files, ...(await release.put(7))];
    await release.assertKept(files);
  });
}

if (previous === undefined)
  notShown("a farm of the version before goes over to this one", "no VAULTFARM_E2E_PREVIOUS_IMAGE names its image");
else play(previous);
