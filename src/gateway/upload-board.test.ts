// Proves that a full board makes room for an upload by what is missed least, never by what somebody watches, and that
// whoever fills it with names refuses nobody's upload. Direct calls, with a clock moved by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { GatewayError } from "./errors.ts";
import { coalesceMs } from "./limits.ts";
import { createUploadBoard, type UploadBoard, type UploadReporter } from "./upload-board.ts";

const limits = { watchedMax: 3, memoryMs: 120_000 };
const failure = new GatewayError("aborted", "cut");
const progress = { phase: "storing", bytes: 1, bytesTotal: 2, chunksConfirmed: 1, chunks: 1 } as const;

function knows(board: UploadBoard, id: string): boolean {
  const heard: string[] = [];
  board.watch(id, ({ event }) => heard.push(event))();
  return heard.length > 0;
}

/** An upload that has told of its progress. */
function begun(board: UploadBoard, id: string): UploadReporter {
  const reporter = board.begin(id);
  reporter.progress(progress);
  return reporter;
}

test("names that are only asked for keep no upload out", () => {
  const board = createUploadBoard(createVirtualClock(), limits);
  for (let name = 0; name < 10; name += 1) board.watch(`stranger-${name}`, () => {})();
  board.begin("an-upload-1").progress(progress);
  assert.ok(knows(board, "an-upload-1"));
  board.stop();
});

test("the oldest that ended goes first, then one that nobody watches; who watches hears to the end", async () => {
  const clock = createVirtualClock();
  const board = createUploadBoard(clock, limits);
  const heard: string[] = [];
  const watched = begun(board, "watched-1");
  board.watch("watched-1", ({ event }) => heard.push(event));
  const unwatched = begun(board, "unwatched-1");
  begun(board, "ended-1").failed(failure);
  begun(board, "another-1");
  assert.ok(knows(board, "unwatched-1") && knows(board, "another-1"));
  begun(board, "another-2");
  assert.ok(knows(board, "another-1") && knows(board, "another-2"));
  unwatched.failed(failure);
  await clock.advance(coalesceMs);
  watched.failed(failure);
  assert.deepEqual(heard, ["progress", "progress", "failed"]);
  board.stop();
});
