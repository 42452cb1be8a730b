// Proves that of what nodes say of each other's vaults one score a node is remembered, and nothing of the names: an operator remembers
// the answers of ten thousand. Method: answers as they come over HTTP, read by the poll itself; the heap after a collection.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { idOf } from "../../../test/support/operator/simulated-nodes.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import type { CallMember } from "../node-access/http-call.ts";
import { createNodePoll } from "./node-poll.ts";
import type { PodObject } from "./resources.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const [farms, nodes, seenByEach] = [100, 10, 24];
const peerId = idOf({ key: signingKeyFromSeed(new Uint8Array(32).fill(7)) });
const vaultName = (farm: number, vault: number): string => `${farm}-${vault}-`.padEnd(64, "0");

/** What a node of a farm says. */
function answer(farm: number): Uint8Array {
  const seen = Array.from({ length: seenByEach }, (_, vault) => ({
    ...{ peerId, vault: vaultName(farm, vault), score: 0.5, conduct: 0.5, goodDays: 1, age: 1, faults: {} },
  }));
  const status = {
    ...{ peerId, networkId: "", version: "1", startCounter: 1, state: "ready", admin: "active", joined: true, granted: true },
    ...{ addresses: [], zone: "", host: "", vaults: [], disk: { live: 0, dead: 0, overhead: 0, free: 0, total: 0 } },
    ...{ store: { mode: "writable" }, ports: { health: 9090, admin: 9091 }, seen },
  };
  return Buffer.from(JSON.stringify(status));
}

test("the answers of a thousand nodes in farms of ten leave a score each, and not what they said of each vault", async (context) => {
  const call: CallMember = async ({ ip }) => ({ status: 200, header: () => undefined, body: answer(Number(ip.split(".")[2])) });
  const { ask } = createNodePoll(call);
  const pods = (farm: number): readonly PodObject[] =>
    Array.from({ length: nodes }, (_, node) => ({
      ...{ metadata: { name: `n${node}` }, ip: `10.0.${farm}.${node}`, phase: "Running", ready: true, restarts: 0, edited: false },
    }));
  const first = await ask(pods(0), "");
  assert.deepEqual([first.words.get("n0")?.report.score, first.words.get("n9")?.report.score], [0.5, 0.5]);
  const kept: unknown[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let farm = 1; farm <= farms; farm += 1) kept.push((await ask(pods(farm), "")).words);
  collect();
  const each = (process.memoryUsage().heapUsed - before) / (farms * nodes);
  context.diagnostic(`${each.toFixed(0)} bytes a node`);
  assert.ok(each < 1500, `${each} bytes a node`);
  assert.equal(kept.length, farms);
});
