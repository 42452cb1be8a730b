// Proves that a byte which changed on a disk is never served: chunks are damaged in place, first on three of eight nodes
// (everything reads back identical), then on all (what comes is a beginning of the original or nothing).
import { strict as assert } from "node:assert";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { damageFolder } from "../support/damage.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const first = noise(12 * 2 ** 20, 6);
const second = noise(8 * 2 ** 20, 7);
let farm: Farm;
let stored: readonly [Stored, Stored];
before(async () => {
  farm = await startFarm();
  stored = [await store(farm.gateway(0), first), await store(farm.gateway(0), second)];
});
after(() => farm?.remove());

async function damageNodes(indices: readonly number[]): Promise<void> {
  const folders = (await readdir(join(farm.data, "nodes"))).toSorted();
  for (const i of indices)
    assert.ok((await damageFolder(join(farm.data, "nodes", folders[i] ?? assert.fail()))) > 0, "nothing was there to damage");
}

test("damage on three of eight nodes: the file reads back identical", async () => {
  await damageNodes([0, 3, 5]);
  await assertReads(farm.gateway(1), stored[0].address, first);
});

test("damage on all nodes: never a wrong byte", async () => {
  await damageNodes([1, 2, 4, 6, 7]);
  const answer = await fetch(`${farm.gateway(1)}/v1/objects/${stored[1].address}`, { signal: AbortSignal.timeout(120_000) });
  if (answer.status !== 200) {
    assert.ok(answer.status >= 500 || answer.status === 404, `status ${answer.status}`);
    assert.match(answer.headers.get("content-type") ?? "", /problem\+json/);
    return;
  }
  const pieces: Uint8Array[] = [];
  await assert.rejects(async () => {
    for await (const piece of answer.body ?? []) pieces.push(piece);
  }, "a body that cannot be whole must not end as if it were");
  const came = Buffer.concat(pieces);
  assert.ok(came.equals(second.subarray(0, came.length)), "what came is a beginning of the original");
});
