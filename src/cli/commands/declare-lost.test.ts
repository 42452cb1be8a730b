// Proves that no node is declared lost that answers, whatever it knows of certificates, and that what is assumed counts each node
// once. Method: the real command line without a signature (--dry-run), real health servers; no farm is started.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { NodeStatus } from "../../protocol/node-status.ts";
import { type Ended, runInProcess } from "../command-fixture.ts";
import { exitCodes } from "../exit-code.ts";
import { fiveNodes, stoppedFarm } from "../local-farm/farm-fixture.ts";
import { nodesSaying, readyStatus, unfounded } from "../local-farm/node-fixture.ts";

const work = mkdtempSync(join(tmpdir(), "declare-lost-"));
after(() => rmSync(work, { recursive: true, force: true }));

const member: NodeStatus = { ...readyStatus, membership: { ...unfounded, state: "partitioned", sequence: 4, confirmed: 5 } };

async function declareLost(context: TestContext, says: readonly (NodeStatus | "silent")[], ...nodes: readonly string[]): Promise<Ended> {
  await stoppedFarm(work, { ...fiveNodes, nodes: await nodesSaying(context, says) });
  return runInProcess(["declare-lost", ...nodes, "--dry-run", "--json"], work);
}

test("one that answers is not lost, also where it knows no certificate yet or is of an older version", async (context) => {
  const { membership: _, ...older } = readyStatus;
  for (const lives of [member, readyStatus, older]) {
    const { code, err } = await declareLost(context, [member, lives, "silent", "silent", "silent"], "attic-b", "attic-c");
    assert.equal(code, exitCodes.refused);
    assert.match(JSON.parse(err).error.message, /^attic-b answers: it is not lost; nothing was signed$/);
  }
});

test("a node that is named twice is lost once", async (context) => {
  const { code, out } = await declareLost(context, [member, member, "silent", "silent", "silent"], "attic-c", "attic-d", "attic-c");
  const { lost, assumes } = JSON.parse(out.toString()) as { lost: { name: string }[]; assumes: string[] };
  assert.deepEqual([code, lost.map(({ name }) => name)], [exitCodes.done, ["attic-c", "attic-d"]]);
  assert.match(assumes.join("\n"), /^attic-c, attic-d never come back[\s\S]*\n3 confirmed nodes are left/);
});
