// Proves when a lane closes by itself, under a clock that only the test moves: idle, but not while a request on it waits for
// its answer, at whichever end.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createChunkBuffers } from "./chunk-buffers.ts";
import { encodeFrame, type FrameType } from "./frame.ts";
import { createLane, type Lane } from "./lane.ts";
import { noteTransfer } from "./lane-format.ts";
import type { FromLaneWorker } from "./lane-messages.ts";

const times = { idleMs: 60_000, stallMs: 30_000 };

function lane(): { readonly lane: Lane; readonly clock: VirtualClock; readonly told: FromLaneWorker["type"][] } {
  const clock = createVirtualClock();
  const told: FromLaneWorker["type"][] = [];
  const buffers = createChunkBuffers(0);
  const post = (message: FromLaneWorker): void => void told.push(message.type);
  return { lane: createLane({ lane: 1, role: "send", window: 1_000, buffers, times, clock, post, onEnd: () => {} }), clock, told };
}

/** A frame, and the same as it arrives on a lane. */
function note(type: FrameType): { readonly frame: Uint8Array; readonly arriving: Uint8Array } {
  const frame = Buffer.concat(encodeFrame({ id: 1, type, code: 0, transfer: 0, body: new Uint8Array(1), chunks: [] }));
  return { frame, arriving: Buffer.concat([Buffer.from([0, 0, 0, noteTransfer]), frame]) };
}

it("a lane without work closes when it is idle", async () => {
  const { clock, told } = lane();
  await clock.advance(times.idleMs - 1);
  assert.deepEqual(told, []);
  await clock.advance(times.idleMs);
  assert.deepEqual(told, ["closed"]);
});

it("a lane stays open for the answer to a request of its own, and closes when idle after it", async () => {
  const { lane: asking, clock, told } = lane();
  asking.send({ transfer: 0, note: note("request").frame, chunks: [] }, undefined);
  await clock.advance(10 * times.idleMs);
  assert.deepEqual(told, []);
  assert.equal(asking.reader.take(note("answer").arriving), true);
  await clock.advance(2 * times.idleMs);
  assert.deepEqual(told, ["noted", "closed"]);
});

it("a lane stays open while the peer waits for an answer, and closes when idle after it", async () => {
  const { lane: asked, clock, told } = lane();
  asked.reader.take(note("request").arriving);
  await clock.advance(10 * times.idleMs);
  assert.deepEqual(told, ["noted"]);
  asked.send({ transfer: 0, note: note("answer").frame, chunks: [] }, 1);
  await clock.advance(2 * times.idleMs);
  assert.deepEqual(told, ["noted", "closed"]);
});

it("what breaks the format closes a lane at once", () => {
  const { lane: broken, told } = lane();
  assert.equal(broken.reader.take(new Uint8Array(8).fill(1)), false);
  assert.deepEqual(told, ["closed"]);
});

it("more announced than a lane takes closes it, and throws nothing at the worker that has the others' lanes too", () => {
  const { lane: flooded, told } = lane();
  for (let transfer = 1; transfer <= 20_000; transfer += 1) flooded.expect(transfer, [1]);
  assert.deepEqual(told, ["closed"]);
});
