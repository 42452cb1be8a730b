// Proves that what docs/kubernetes/day-2.md tells people to do by hand keeps every file: another network key for a farm that
// sleeps, a volume that was kept brought back as the node that it was, and a farm moved to another namespace, with the backup of
// its keys and nothing but its volumes.
// Method: the chart and the image on the cluster that KUBECONFIG names; for the key and the move the very commands of that page, with
// this farm's namespaces in place of its own, for the kept volume the same steps; conditions waited for.
import { strict as assert } from "node:assert";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { type Kept, type Release, scenarios } from "../support/cluster-farm.ts";
import { kubectl, openTunnel, runTool } from "../support/cluster-tools.ts";
import { untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { assertReads } from "../support/objects.ts";

const minute = 60_000;
const longer = { longer: true };
const { scenario } = scenarios("by-hand");
let files: readonly Kept[] = [];

type Meta = {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};
type Claim = { readonly metadata: Meta; readonly spec: { readonly volumeName: string } };
type Volume = {
  readonly metadata: Meta;
  readonly spec: { readonly capacity: { readonly storage: string }; readonly storageClassName: string };
  readonly status: { readonly phase: string };
};

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "by-hand-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const page = await readFile("docs/kubernetes/day-2.md", "utf8");

/** The first commands below a heading of the page, or of those the lines that begin so. */
function commandsBelow(heading: string, lines = ""): string {
  const [, section] = page.split(`\n## ${heading}\n`);
  const [, block] = section?.split(/^```\n/m) ?? [];
  assert.ok(block !== undefined, `${heading} has no commands`);
  return lines === "" ? block : `${block.split("\n").find((line) => line.startsWith(lines))}\n`;
}

/** Runs commands of the page; `there`: what it calls barn. */
async function follow({ namespace, name }: Release, commands: string, there = ""): Promise<void> {
  assert.equal(name, "attic", "the page's farm");
  const own = commands.replace(/\bfarms\b(?!\.)/g, namespace).replace(/\bbarn\b/g, there);
  await runTool("bash", ["-euo", "pipefail", "-c", `cd "$0"\n${own}`, folder], { withinMs: 15 * minute });
}

async function identitiesOf({ views, namespace, name }: Release): Promise<ReadonlyMap<string, string | undefined>> {
  return new Map((await views.nodes(namespace, name)).map(({ metadata, status }) => [metadata.name, status?.peerId]));
}

scenario("a farm of five nodes with files", longer, async (release) => {
  await release.install();
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  files = await release.put(71);
});

scenario("another network key for a farm that sleeps: the same nodes wake with the same files", longer, async (release) => {
  const { views, name } = release;
  const identities = await identitiesOf(release);
  const secret = `${name}-network`;
  const keyOf = (): Promise<string> => release.kubectl("get", "secret", secret, "-o", "jsonpath={.data.network\\.key}");
  const before = await keyOf();
  await follow(release, commandsBelow("Changing the network key"));
  assert.notEqual(await keyOf(), before);
  await untilSettled(views, release, { nodes: 5, withinMs: 5 * minute });
  assert.deepEqual(await identitiesOf(release), identities);
  await release.assertKept(files);
  await release.assertKept(await release.put(72));
});

/** The volume that was kept of a node. */
async function keptVolume({ views, namespace }: Release, node: string): Promise<Volume> {
  return until("its volume is kept", async () => {
    const { items } = (await views.get<{ readonly items: readonly Volume[] }>("/api/v1/persistentvolumes")) ?? { items: [] };
    const isKept = ({ metadata, status }: Volume): boolean =>
      metadata.annotations?.["vaultfarm.dev/kept-for"] === `${namespace}/${node}` && status.phase === "Released";
    return items.find(isKept);
  });
}

async function free(volume: string): Promise<void> {
  await kubectl("patch", "pv", volume, "--type=json", "-p", '[{"op":"remove","path":"/spec/claimRef"}]');
}

function claimOf(node: string, farm: string, { metadata, spec }: Volume): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: node, labels: { "vaultfarm.dev/farm": farm, "vaultfarm.dev/node": node } },
    spec: {
      volumeName: metadata.name,
      storageClassName: spec.storageClassName,
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: spec.capacity.storage } },
    },
  };
}

scenario("a volume that was kept comes back as the node that it was, and stays where the farm wants one more", longer, async (release) => {
  const { views, name } = release;
  await release.kubectl("scale", "vf", name, "--replicas=6");
  await untilSettled(views, release, { nodes: 6, withinMs: 5 * minute });
  const six = await identitiesOf(release);
  await release.kubectl("scale", "vf", name, "--replicas=5");
  await untilSettled(views, release, { nodes: 5, withinMs: 10 * minute });
  const five = await identitiesOf(release);
  const [node] = [...six.keys()].filter((one) => !five.has(one));
  assert.ok(node !== undefined);
  const volume = await keptVolume(release, node);
  await release.kubectl("patch", "vf", name, "--type=merge", "-p", '{"spec":{"paused":true}}');
  await free(volume.metadata.name);
  await release.apply(claimOf(node, name, volume));
  await release.kubectl("patch", "vf", name, "--type=merge", "-p", '{"spec":{"paused":false,"replicas":6}}');
  await untilSettled(views, release, { nodes: 6, withinMs: 5 * minute });
  assert.deepEqual(await identitiesOf(release), six);
  await release.assertKept(files);
});

scenario("a farm moves to another namespace with its volumes and the backup of its keys", longer, async (release) => {
  const { views, namespace, name } = release;
  const identities = await identitiesOf(release);
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims?labelSelector=vaultfarm.dev/farm%3D${name}`;
  const claims = (await views.get<{ readonly items: readonly Claim[] }>(path))?.items ?? [];
  assert.equal(claims.length, 6);
  const there = `${namespace}-moved`;
  try {
    await follow(release, commandsBelow("Backup of the keys, and back", "kubectl get secret"));
    await follow(release, commandsBelow("Moving a farm"), there);
    await untilSettled(views, { namespace: there, name }, { nodes: 6, withinMs: 5 * minute });
    assert.deepEqual(await identitiesOf({ ...release, namespace: there }), identities);
    const tunnel = await openTunnel("port-forward", "-n", there, `svc/${name}-gateway`, ":8080");
    try {
      for (const { address, bytes } of files) await assertReads(tunnel.url, address, bytes);
    } finally {
      await tunnel.close();
    }
  } finally {
    for (const { spec } of claims)
      await kubectl("patch", "pv", spec.volumeName, "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}');
    await kubectl("delete", "vf", name, "-n", there, "--ignore-not-found", "--timeout=60s");
    await kubectl("delete", "namespace", there, "--ignore-not-found", "--timeout=110s");
  }
});
