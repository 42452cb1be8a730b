// Proves that a lane which is dropped before anybody opened it gives its admission back: a peer that asks for lanes again and again
// takes the room of nobody else. Method: the real worker, to which this test says what a main thread would.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { entryUrl } from "../../runtime/entry-url.ts";
import type { FromLaneWorker, ToLaneWorker } from "./lane-messages.ts";

const admissionsMax = 4_096;

test("lanes that were asked for and dropped leave room for others", async () => {
  const worker = new Worker(entryUrl("network/libp2p/lane-worker"), { workerData: { idleMs: 60_000, stallMs: 60_000 } });
  const post = (message: ToLaneWorker): void => worker.postMessage(message);
  const refused: FromLaneWorker[] = [];
  const last = admissionsMax + 1;
  const done = new Promise<void>((resolve) =>
    worker.on("message", (message: FromLaneWorker) => {
      if (message.type === "closed" && message.why === "too many lanes are being opened") refused.push(message);
      if (message.type === "closed" && message.lane === last) resolve();
    }),
  );
  for (let lane = 1; lane <= last; lane += 1) {
    const token = { identity: `identity ${lane}`, key: new Uint8Array(32) };
    post({ type: "admit", lane, role: "send", window: 0, token, lifeMs: 10_000 });
    post({ type: "drop", lane });
  }
  await done;
  await worker.terminate();
  assert.deepEqual(refused, []);
});
