// Proves that no node is declared lost that answers, whatever it knows of certificates, that what is assumed counts each node
// once and begins with the newest certificate, and that nothing is said to be signed which nobody took. Method: the real command
// line, mostly without a signature (--dry-run), real health servers, nobody on the ports for commands; no farm is started.
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

type Says = readonly (NodeStatus | "silent")[];

async function declareLost(context: TestContext, says: Says, ...args: readonly string[]): Promise<Ended> {
  await stoppedFarm(work, { ...fiveNodes, nodes: await nodesSaying(context, says) });
  return runInProcess(["declare-lost", ...args, "--json"], work);
}

const wouldLose = (context: TestContext, says: Says, ...nodes: readonly string[]): Promise<Ended> =>
  declareLost(context, says, ...nodes, "--dry-run");

test("one that answers is not lost, also where it knows no certificate yet or is of an older version", async (context) => {
  const { membership: _, ...older } = readyStatus;
  for (const lives of [member, readyStatus, older]) {
    const { code, err } = await wouldLose(context, [member, lives, "silent", "silent", "silent"], "attic-b", "attic-c");
    assert.equal(code, exitCodes.refused);
    assert.match(JSON.parse(err).error.message, /^attic-b answers: it is not lost; nothing was signed$/);
  }
});

test("a node that is named twice is lost once", async (context) => {
  const { code, out } = await wouldLose(context, [member, member, "silent", "silent", "silent"], "attic-c", "attic-d", "attic-c");
  const { lost, assumes } = JSON.parse(out.toString()) as { lost: { name: string }[]; assumes: string[] };
  assert.deepEqual([code, lost.map(({ name }) => name)], [exitCodes.done, ["attic-c", "attic-d"]]);
  assert.match(assumes.join("\n"), /^attic-c, attic-d never come back[\s\S]*\n3 confirmed nodes are left/);
});

test("it rests on the newest certificate that anybody knows, whoever that is", async (context) => {
  const newer: NodeStatus = { ...readyStatus, membership: { ...unfounded, sequence: 7, confirmed: 4 } };
  for (const says of [
    [member, newer, readyStatus],
    [newer, readyStatus, member],
  ]) {
    const { out } = await wouldLose(context, [...says, "silent", "silent"], "attic-d", "attic-e");
    const { assumes } = JSON.parse(out.toString()) as { assumes: string[] };
    assert.match(assumes.join("\n"), /certificate 7 is the newest[\s\S]*\n2 confirmed nodes are left, of which 2 then decide/);
  }
});

test("where no node that answers knows a certificate there is nothing to sign on", async (context) => {
  const { code, err } = await declareLost(context, [readyStatus, readyStatus, readyStatus, "silent", "silent"], "attic-d");
  assert.deepEqual([code, JSON.parse(err).error.code], [exitCodes.unreachable, "not-running"]);
});

test("what no node takes is not said to be signed", async (context) => {
  const { code, out, err } = await declareLost(context, [member, member, member, "silent", "silent"], "attic-d");
  assert.deepEqual([code, out.toString()], [exitCodes.refused, ""], err);
  assert.match(JSON.parse(err).error.message, /^attic-a did not take it: /);
});
