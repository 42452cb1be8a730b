// Proves that `scale` keeps a wish only for as many nodes as copies need and the disk has room for, and that the newest word
// holds, the wish or a manifest that was changed since. Method: the real command line on a farm's folder; no farm is started (test/integration/scale.test.ts does).
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { type Ended, runInProcess } from "../command-fixture.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { fiveNodes, stoppedFarm } from "../local-farm/farm-fixture.ts";
import type { FarmFolder } from "../local-farm/farm-folder.ts";
import { writeFarmState } from "../local-farm/farm-state.ts";
import { dropReplacedWish, readScaleWish, scaledSpec, writeScaleWish } from "../local-farm/scale-wish.ts";

const work = mkdtempSync(join(tmpdir(), "scale-"));
after(() => rmSync(work, { recursive: true, force: true }));

let folder: FarmFolder;
beforeEach(async () => {
  folder = await stoppedFarm(work);
});

const scale = (...args: readonly string[]): Promise<Ended> => runInProcess(["scale", ...args], work);
const wanted = async (): Promise<number> => (await scaledSpec(folder, { replicas: 5 })).replicas;

test("a farm that does not run has more or fewer nodes from its next start", async () => {
  const { code, out } = await scale("7");
  assert.deepEqual([code, out.toString()], [exitCodes.done, "attic will have 7 nodes once it is started: vaultfarm up\n"]);
  assert.equal(await wanted(), 7);
  const json = await scale("6", "--json");
  assert.deepEqual(JSON.parse(json.out.toString()), { farm: "attic", nodes: 6, before: 5, ready: false });
  const fewer = await scale("4");
  assert.match(
    fewer.out.toString(),
    /^attic will have 4 nodes once it is started and has proven that the others have the copies: vaultfarm up\n$/,
  );
  assert.equal(await wanted(), 4);
});

test("the newest word holds: the wish over its manifest, a manifest changed since over the wish, which then never returns", async () => {
  await scale("7");
  assert.deepEqual([await wanted(), (await scaledSpec(folder, { replicas: 9 })).replicas], [7, 9]);
  await dropReplacedWish(folder, 5);
  assert.deepEqual(await readScaleWish(folder), { nodes: 7, over: 5 });
  await dropReplacedWish(folder, 9);
  assert.equal(await wanted(), 5);
  await writeScaleWish(folder, { nodes: 8 });
  assert.equal((await scaledSpec(folder, { replicas: 9 })).replicas, 8, "of an earlier version, which did not know the manifest");
});

test("fewer nodes than copies.min, numbers that are none, and more than the disk holds are refused, and nothing is kept", async () => {
  const cases: readonly (readonly [string, ExitCode, RegExp])[] = [
    ["3", exitCodes.refused, /attic keeps its 5 nodes, nothing was changed: expected 4 or more, got 3: every chunk is kept on 4 nodes/],
    ["0", exitCodes.usage, /from 1 to 1000/],
    ["-1", exitCodes.usage, /unknown option|from 1 to 1000/],
    ["1001", exitCodes.usage, /from 1 to 1000/],
    ["many", exitCodes.usage, /from 1 to 1000/],
  ];
  for (const [asked, code, sentence] of cases) {
    const ended = await scale(asked);
    assert.equal(ended.code, code, asked);
    assert.match(ended.err, sentence);
  }
  await writeFarmState(folder, { ...fiveNodes, vaultsPerNode: 16, vaultCapacity: 2 ** 43 });
  const large = await scale("1000");
  assert.deepEqual([large.code, /this disk has room for/.test(large.err)], [exitCodes.cannotStart, true]);
  assert.equal(existsSync(folder.scale), false);
  assert.equal((await scale("4")).code, exitCodes.done, "fewer nodes need no room");
});

test("a wish that is damaged is none", async () => {
  await writeScaleWish(folder, { nodes: 8, over: 5 });
  assert.equal(await wanted(), 8);
  for (const text of ["", "{", '{"nodes": -1}', '{"nodes": 1e9}', '{"nodes": 8, "over": "five"}']) {
    writeFileSync(folder.scale, text);
    assert.equal(await wanted(), 5);
  }
});
