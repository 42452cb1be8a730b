// Proves that `drain` begins nothing where too few nodes would be left, and that it and `undrain` promise nothing that the farm has
// another wish about: they refuse, and tell the node nothing. Method: the real command line, real health servers, nobody on the ports for commands; no farm is started.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { NodeStatus } from "../../protocol/node-status.ts";
import { runInProcess } from "../command-fixture.ts";
import { exitCodes } from "../exit-code.ts";
import { fiveNodes, placeOf, stoppedFarm } from "../local-farm/farm-fixture.ts";
import type { FarmFolder } from "../local-farm/farm-folder.ts";
import type { NodePlace } from "../local-farm/farm-state.ts";
import { nodesSaying, readyStatus } from "../local-farm/node-fixture.ts";
import { newWish, readScaleWish, writeScaleWish } from "../local-farm/scale-wish.ts";

const work = mkdtempSync(join(tmpdir(), "drain-"));
after(() => rmSync(work, { recursive: true, force: true }));

type Saying = { readonly last?: Partial<NodeStatus> | "silent"; readonly more?: readonly NodePlace[] };

/** Five nodes that answer, the first of them with `change`, the last as `last` says; `more` of them do not. */
async function farmOfFive(
  context: TestContext,
  change: Partial<NodePlace> = {},
  { last = {}, more = [] }: Saying = {},
): Promise<FarmFolder> {
  const says = fiveNodes.nodes.map(({ peerId = "" }, i) => {
    if (i < 4) return { ...readyStatus, peerId };
    return last === "silent" ? last : { ...readyStatus, peerId, ...last };
  });
  const nodes = await nodesSaying(context, says);
  return stoppedFarm(work, { ...fiveNodes, nodes: [...nodes.map((node, i) => (i === 0 ? { ...node, ...change } : node)), ...more] });
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

test("a node is not drained where fewer others would be left than copies are promised: silent ones, starting ones and such that leave are none", async (context) => {
  const none: readonly (Partial<NodeStatus> | "silent")[] = ["silent", { state: "starting" }, { admin: "draining" }, { admin: "fenced" }];
  for (const last of none) {
    await farmOfFive(context, {}, { last });
    const { code, err } = await runInProcess(["drain", "attic-a"], work);
    assert.equal(code, exitCodes.refused, err);
    assert.match(err, /attic-a stays: without it 3 nodes would be left for the 4 copies.*nothing was changed\n$/);
  }
  await farmOfFive(context, {}, { last: { admin: "cordoned" } });
  const told = await runInProcess(["drain", "attic-a"], work);
  assert.deepEqual([told.code, /attic-a did not take the command/.test(told.err)], [exitCodes.unreachable, true], told.err);
});

test("a node leaves for good only while all others serve: the farm might take another one away in its place", async (context) => {
  const gone = { ...placeOf("f", 5), ports: { libp2p: 1, lane: 1, heartbeat: 1, health: 1, admin: 1 } };
  const folder = await farmOfFive(context, {}, { more: [gone] });
  await writeScaleWish(folder, newWish(fiveNodes, 6));
  const { code, err } = await runInProcess(["drain", "attic-a", "--leave"], work);
  assert.equal(code, exitCodes.refused, err);
  assert.match(err, /attic-a stays: to leave, all other nodes must be ready and none of them draining.*nothing was changed\n$/);
  assert.equal((await readScaleWish(folder))?.nodes, 6);
  assert.equal((await runInProcess(["drain", "attic-a"], work)).code, exitCodes.unreachable, "without --leave it is told");
});
