// Proves that `drain --leave` and `undrain` promise nothing that the farm has another wish about: they refuse, and tell the node
// nothing. Method: the real command line, real health servers, nobody on the ports for commands; no farm is started.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { runInProcess } from "../command-fixture.ts";
import { exitCodes } from "../exit-code.ts";
import { fiveNodes, stoppedFarm } from "../local-farm/farm-fixture.ts";
import type { FarmFolder } from "../local-farm/farm-folder.ts";
import type { NodePlace } from "../local-farm/farm-state.ts";
import { nodesSaying, readyStatus } from "../local-farm/node-fixture.ts";
import { newWish, readScaleWish, writeScaleWish } from "../local-farm/scale-wish.ts";

const work = mkdtempSync(join(tmpdir(), "drain-"));
after(() => rmSync(work, { recursive: true, force: true }));

async function farmOfFive(context: TestContext, change: Partial<NodePlace> = {}): Promise<FarmFolder> {
  const says = fiveNodes.nodes.map(({ peerId = "" }) => ({ ...readyStatus, peerId }));
  const nodes = await nodesSaying(context, says);
  return stoppedFarm(work, { ...fiveNodes, nodes: nodes.map((node, i) => (i === 0 ? { ...node, ...change } : node)) });
}

test("undrain refuses a node that the farm has leave, and says what keeps it", async (context) => {
  await farmOfFive(context, { assigned: { leaving: "ScaleDown" } });
  const { code, err } = await runInProcess(["undrain", "attic-a"], work);
  assert.equal(code, exitCodes.refused, err);
  assert.match(err, /^vaultfarm: attic-a is to leave.*vaultfarm scale 5 takes that back\n$/);
});

test("drain --leave refuses where another number of nodes is asked for than there are, and changes nothing", async (context) => {
  const folder = await farmOfFive(context);
  await writeScaleWish(folder, newWish(fiveNodes, 9));
  const { code, err } = await runInProcess(["drain", "attic-a", "--leave"], work);
  assert.equal(code, exitCodes.refused, err);
  assert.match(err, /9 nodes are asked for.*nothing was changed\n$/);
  assert.equal((await readScaleWish(folder))?.nodes, 9);
});
