// Proves that `scale` keeps a wish only for more nodes, of a size that the disk has room for, and that `up` carries it out
// over the manifest. Method: the real command line on a farm's folder; no farm is started (test/integration/scale.test.ts does).
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { type Ended, runInProcess } from "../command-fixture.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { type FarmFolder, farmFolder, makeFarmFolder } from "../local-farm/farm-folder.ts";
import { farmFormat, type NodePlace, writeFarmState } from "../local-farm/farm-state.ts";
import { scaledSpec, writeScaleWish } from "../local-farm/scale-wish.ts";

const work = mkdtempSync(join(tmpdir(), "scale-"));
after(() => rmSync(work, { recursive: true, force: true }));

const ports = { libp2p: 20_001, lane: 20_002, heartbeat: 20_003, health: 20_004, admin: 20_005 };
const nodes: readonly NodePlace[] = ["a", "b", "c", "d", "e"].map((end) => ({ name: `attic-${end}`, zone: "", ports, granted: true }));
let folder: FarmFolder;
beforeEach(async () => {
  rmSync(join(work, ".vaultfarm"), { recursive: true, force: true });
  folder = farmFolder(join(work, ".vaultfarm"), "attic");
  await makeFarmFolder(folder);
  await writeFarmState(folder, { format: farmFormat, name: "attic", vaultsPerNode: 1, vaultCapacity: 2 ** 24, nodes, gateways: [] });
});

const scale = (...args: readonly string[]): Promise<Ended> => runInProcess(["scale", ...args], work);
const wanted = async (): Promise<number> => (await scaledSpec(folder, { replicas: 5 })).replicas;

test("a farm that does not run has the nodes at its next start, whatever less its manifest says", async () => {
  const { code, out } = await scale("7");
  assert.deepEqual([code, out.toString()], [exitCodes.done, "attic will have 7 nodes once it is started: vaultfarm up\n"]);
  assert.deepEqual([await wanted(), (await scaledSpec(folder, { replicas: 9 })).replicas], [7, 9]);
  const json = await scale("6", "--json");
  assert.deepEqual(JSON.parse(json.out.toString()), { farm: "attic", nodes: 6, before: 5, ready: false });
  assert.equal(await wanted(), 6);
});

test("fewer nodes, numbers that are none, and more than the disk holds are refused, and nothing is kept", async () => {
  const cases: readonly (readonly [string, ExitCode, RegExp])[] = [
    ["4", exitCodes.refused, /has 5 nodes that hold data, and a local farm only grows: 4 would take 1 away; vaultfarm drain NODE/],
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
  const huge = { format: farmFormat, name: "attic", vaultsPerNode: 16, vaultCapacity: 2 ** 43, nodes, gateways: [] };
  await writeFarmState(folder, huge);
  const large = await scale("1000");
  assert.deepEqual([large.code, /this disk has room for/.test(large.err)], [exitCodes.cannotStart, true]);
  assert.equal(existsSync(folder.scale), false);
});

test("a wish that is damaged is none", async () => {
  await writeScaleWish(folder, 8);
  assert.equal(await wanted(), 8);
  for (const text of ["", "{", '{"nodes": -1}', '{"nodes": 1e9}']) {
    writeFileSync(folder.scale, text);
    assert.equal(await wanted(), 5);
  }
});
