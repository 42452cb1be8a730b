// Proves what becomes of jobs for which no worker can be started: they are rejected and never run later, when their buffers
// are somebody else's; while another worker runs they wait for it. By a pool whose starts fail on command.
import { strict as assert } from "node:assert";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { hash } from "../../protocol/hash.ts";
import { entryUrl } from "../../runtime/entry-url.ts";
import type { HashJob } from "./chunk-jobs.ts";
import { plainPlace } from "./sealed-chunk.ts";
import { createWorkerPool, type WorkerPool } from "./worker-pool.ts";

type Starts = { left: number; readonly posted: unknown[] };

/** A pool of two, and how many workers may still be started. */
function poolWith(context: TestContext, left: number): { readonly pool: WorkerPool; readonly starts: Starts } {
  const starts: Starts = { left, posted: [] };
  const pool = createWorkerPool(2, () => {
    if (starts.left === 0) throw new Error("no more threads");
    starts.left -= 1;
    const worker = new Worker(entryUrl("client/self-encryption/chunk-worker"));
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: { readonly job: unknown }) => {
      starts.posted.push(message.job);
      post(message);
    };
    return worker;
  });
  context.after(() => pool.stop());
  return { pool, starts };
}

function hashJob(fill: number): HashJob {
  return { kind: "hash", buffer: new Uint8Array(new SharedArrayBuffer(1024)).fill(fill), length: 1000 };
}
const hashOf = ({ buffer, length }: HashJob): string => text(hash(plainPlace(buffer, length)));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("a job is rejected where no worker starts, and is never done later", async (context) => {
  const { pool, starts } = poolWith(context, 0);
  const refused = await Promise.allSettled([pool.hash(hashJob(1)), pool.hash(hashJob(2))]);
  assert.deepEqual(
    refused.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  starts.left = 1;
  const next = hashJob(3);
  assert.equal(text(await pool.hash(next)), hashOf(next));
  assert.deepEqual(starts.posted, [next]);
});

test("where a worker runs already, it does what the one that does not start would have done", async (context) => {
  const { pool } = poolWith(context, 1);
  const jobs = Array.from({ length: 9 }, (_, index) => hashJob(index));
  assert.deepEqual((await Promise.all(jobs.map((job) => pool.hash(job)))).map(text), jobs.map(hashOf));
});
