// Proves that whoever opens a farm that cannot be run changes nothing of it, and lets it go for the next one: no farm is taken for a new one,
// and none that was there before ends with `--ephemeral`. Method: real folders and ports in this process; no farm is started.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { vaultFarmSpecSchema } from "../../operator/api/vault-farm.ts";
import { systemClock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { fiveNodes, stoppedFarm } from "./farm-fixture.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { lockHolder } from "./farm-lock.ts";
import { type OpenFarmOptions, openFarm } from "./open-farm.ts";
import { newWish, readScaleWish, writeScaleWish } from "./scale-wish.ts";

const work = mkdtempSync(join(tmpdir(), "open-farm-"));
after(() => rmSync(work, { recursive: true, force: true }));

type Change = Partial<OpenFarmOptions> & { readonly spec?: object };

function open(folder: FarmFolder, { spec = {}, ...change }: Change = {}): ReturnType<typeof openFarm> {
  const fields = { replicas: 5, vaultsPerNode: 1, vaultCapacity: "16Mi", ...spec };
  const farm = {
    apiVersion: "vaultfarm.dev/v1alpha1",
    kind: "VaultFarm",
    metadata: { name: "attic" },
    spec: vaultFarmSpecSchema.parse(fields),
  };
  const options = { farm, manifestNodes: 5, folder, mustBeNew: false, ...change } as OpenFarmOptions;
  return openFarm(options, { clock: systemClock, random: seededRandom(1) });
}

/** Every file of a farm, with what is in it. */
function filesOf({ root }: FarmFolder): ReadonlyMap<string, string> {
  const files = readdirSync(root, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return new Map(files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), "latin1")]));
}

async function refused(folder: FarmFolder, change: Change, code: string, words: RegExp): Promise<void> {
  const before = filesOf(folder);
  await assert.rejects(open(folder, change), (error: Error) => {
    assert.equal(Reflect.get(error, "code"), code, error.message);
    assert.match(error.message, words);
    return true;
  });
  assert.deepEqual(filesOf(folder), before, "nothing was changed");
  assert.equal(await lockHolder(folder.lock), undefined, "the next one may have it");
}

test("a farm that cannot become what is asked is refused, and stays as it was", async () => {
  const folder = await stoppedFarm(work);
  await writeScaleWish(folder, newWish({ manifestNodes: 4 }, 7));
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ vaultsPerNode: 2 }, /^spec\.vaultsPerNode: fixed at 1/],
    [{ copies: { min: 3, target: 5, max: 8 } }, /^spec\.copies\.min: fixed at 4/],
    [{ replicas: 3 }, /^spec\.replicas: expected 4 or more, got 3/],
  ];
  for (const [spec, words] of wrong) await refused(folder, { spec }, "bad-manifest", words);
  await refused(folder, { spec: { vaultCapacity: "64Ti" } }, "disk-too-small", /this disk has room for/);
});

test("a farm that was there before is never one that is removed at the end, whatever is left of it", async () => {
  const folder = await stoppedFarm(work);
  await refused(folder, { mustBeNew: true }, "running", /holds a farm already, and --ephemeral would delete it/);
  rmSync(folder.state);
  await refused(folder, { mustBeNew: true }, "running", /holds a farm already/);
  mkdirSync(join(folder.nodes, "attic-a"));
  await refused(folder, { mustBeNew: true }, "broken-data", /farm\.json is gone/);
});

test("nodes that nobody knows any more are no new farm: what they hold would be lost beside it without a word", async () => {
  const folder = await stoppedFarm(work);
  for (const name of ["attic-a", "attic-b"]) mkdirSync(join(folder.nodes, name));
  writeFileSync(join(folder.nodes, "attic-a", "identity"), "x");
  const kept = readFileSync(folder.state);
  rmSync(folder.state);
  await refused(folder, {}, "broken-data", /farm\.json is gone, and there are 2 folders of nodes in .*nodes: bring it back from a backup/);
  writeFileSync(folder.state, kept);
  const opened = await open(folder);
  assert.ok(opened.kind === "open");
  assert.deepEqual(opened.state.nodes, fiveNodes.nodes);
  await opened.lock.release();
});

test("a port that somebody has is named with the program that has it", async (context) => {
  const folder = await stoppedFarm(work);
  const holder = createServer().listen(0, "127.0.0.1");
  context.after(() => holder.close());
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  await refused(folder, { port }, "port-in-use", new RegExp(`port ${port} is in use by .*process ${process.pid}.*choose another --port`));
});

test("a farm that is opened knows the manifest's number, and forgets a wish that was over another one, no other", async () => {
  const folder = await stoppedFarm(work);
  for (const [over, wish] of [
    [5, 7],
    [4, undefined],
  ] as const) {
    await writeScaleWish(folder, newWish({ manifestNodes: over }, 7));
    const opened = await open(folder, { manifestNodes: 5 });
    assert.ok(opened.kind === "open");
    assert.deepEqual([opened.state.manifestNodes, (await readScaleWish(folder))?.nodes], [5, wish]);
    assert.deepEqual(await open(folder), { kind: "running", pid: process.pid });
    await opened.lock.release();
  }
});
