// Proves that a byte which changed on a disk is never served: chunks are damaged in place, first on three of eight nodes
// (everything reads back identical), then on all (what comes is a beginning of the original or nothing).
import { strict as assert } from "node:assert";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
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

/** Changes one byte in every 16 KiB of what a node's chunk store appended; resolves with how many. */
async function damage(folder: string): Promise<number> {
  let changed = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    // The index beside the segments is another test's; here it is the bytes of chunks.
    if (!entry.isFile() || !/seg|log|data-/.test(entry.name) || entry.name.endsWith(".mdb")) continue;
    const file = await open(join(entry.parentPath, entry.name), "r+");
    try {
      const { size } = await file.stat();
      for (let at = 8192; at < size; at += 16_384) {
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, at);
        byte[0] = (byte[0] ?? 0) ^ 0x5a;
        await file.write(byte, 0, 1, at);
        changed += 1;
      }
    } finally {
      await file.close();
    }
  }
  return changed;
}

async function damageNodes(indices: readonly number[]): Promise<void> {
  const folders = (await readdir(join(farm.data, "nodes"))).toSorted();
  for (const i of indices)
    assert.ok((await damage(join(farm.data, "nodes", folders[i] ?? assert.fail()))) > 0, "nothing was there to damage");
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
