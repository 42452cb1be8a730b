// Proves with eight real nodes that SIGTERM never costs a copy below `min`, also right after puts that are not finished to
// `target`, and that a node back within its delay costs not one byte of repair, while somebody reads all the time. Method: the
// farm's own figures, sampled without a pause; a node that stays away shows that these figures would tell.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/deadline.ts";
import { assertAllRead, type KeptChunks, putChunk } from "../support/kept-chunks.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";

const repairDelayMs = 30_000;
const bytesMade = "vaultfarm_copies_made_bytes_total";
const chunkBytes = 64 * 1024;
const chunks: KeptChunks = new Map();
let farm: NodeFarm;

before(async () => {
  farm = await startNodeFarm({ nodes: 8, repairDelayMs });
  for (let n = 0; n < 40; n += 1) await putChunk(farm, chunks, chunkBytes);
});
after(() => farm?.remove());

const at = (index: number): FarmNode => farm.nodes[index] ?? assert.fail();
const besides = (index: number): readonly FarmNode[] => farm.nodes.filter((_, other) => other !== index);

async function sum(nodes: readonly FarmNode[], metric: string): Promise<number> {
  const values = await Promise.all(nodes.map((node) => node.metric(metric)));
  return values.reduce((total, value) => total + value, 0);
}

/** Chunks by live copies, as the nodes that count them say. */
async function copiesSeen(nodes: readonly FarmNode[]): Promise<readonly number[]> {
  const seen = await Promise.all(nodes.map(async (node) => (await node.status()).copies?.live ?? []));
  return Array.from({ length: 9 }, (_, copies) => seen.reduce((total, live) => total + (live[copies] ?? 0), 0));
}

const atTarget = async (nodes: readonly FarmNode[]): Promise<boolean> =>
  (await copiesSeen(nodes)).slice(5).reduce((total, count) => total + count, 0) === chunks.size;

/** Reads everything and takes a sample of `nodes`, again and again until `done`; how many samples there were. */
async function watched(nodes: readonly FarmNode[], done: Promise<void>): Promise<number> {
  let going = true;
  const ended = done.finally(() => {
    going = false;
  });
  const sampling = async (): Promise<number> => {
    let samples = 0;
    for (; going; samples += 1) {
      assert.equal(await sum(nodes, "vaultfarm_chunks_below_min"), 0, `sample ${samples}`);
      await assertAllRead(farm, chunks);
      // The nodes share this machine's cores with whoever reads.
      await sleep(50);
    }
    return samples;
  };
  const [samples] = await Promise.all([sampling(), ended]);
  return samples;
}

test("a node that gets SIGTERM and is back within its delay costs no copy and no byte", async () => {
  await until("all chunks have five copies", () => atTarget(farm.nodes));
  const before = await sum(besides(2), bytesMade);
  const beganMs = performance.now();
  const returned = async (): Promise<void> => {
    await at(2).terminate();
    await farm.restart(at(2));
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs < repairDelayMs, `this machine took ${tookMs} ms to stop and start a node, which is longer than its delay`);
    await until("all chunks have five copies again", () => atTarget(farm.nodes));
    // What its delay would have begun has begun by then.
    await until("its delay is long over", () => performance.now() - beganMs > 1.3 * repairDelayMs);
  };
  const samples = await watched(besides(2), returned());
  assert.ok(samples > 10, `${samples} samples`);
  assert.equal((await sum(besides(2), bytesMade)) - before, 0, "bytes of copies made");
  assert.equal(await sum([at(2)], bytesMade), 0, "bytes of copies made by who came back");
});

test("SIGTERM right after puts, and nobody comes back: never below min, and the delay later five copies again", async () => {
  for (let n = 0; n < 20; n += 1) await putChunk(farm, chunks, chunkBytes);
  const left = besides(5);
  const before = await sum(left, bytesMade);
  const repaired = async (): Promise<void> => {
    await at(5).terminate();
    await until("all chunks have five copies again", () => atTarget(left), 4 * repairDelayMs);
  };
  const samples = await watched(left, repaired());
  assert.ok(samples > 10, `${samples} samples`);
  assert.ok((await sum(left, bytesMade)) > before);
});
