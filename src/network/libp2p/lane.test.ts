// Proves when a lane closes by itself, under a clock that only the test moves: idle, but not while a request on it waits for
// its answer, at whichever end; and at once where the peer breaks the format, or asks on and on and reads no answer.
import { strict as assert } from "node:assert";
import { Duplex } from "node:stream";
import { it } from "node:test";
import type { TLSSocket } from "node:tls";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createChunkBuffers } from "./chunk-buffers.ts";
import { encodeFrame, type FrameType } from "./frame.ts";
import { createLane, type Lane } from "./lane.ts";
import { noteBytesMax, noteTransfer } from "./lane-format.ts";
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

/** A socket of which the peer reads what is written, or nothing. */
function socket(reads: boolean): TLSSocket {
  const write = (_bytes: unknown, _encoding: unknown, done: () => void): void => void (reads && done());
  return Object.assign(new Duplex({ read: () => {}, write }), { setNoDelay: () => {} }) as unknown as TLSSocket;
}

for (const reads of [true, false])
  it(`a peer that asks on and on ${reads ? "and reads its answers keeps the lane" : "and reads none of its answers loses the lane"}`, async () => {
    const { lane: asked, told } = lane();
    asked.attach(socket(reads));
    asked.opened();
    const answer = Buffer.concat(
      encodeFrame({ id: 1, type: "answer", code: 0, transfer: 0, body: new Uint8Array(noteBytesMax / 2), chunks: [] }),
    );
    for (let i = 0; i < 200; i += 1) {
      if (told.includes("closed")) break;
      asked.reader.take(note("request").arriving);
      asked.send({ transfer: 0, note: answer, chunks: [] }, 1);
      await new Promise(setImmediate);
    }
    assert.equal(told.includes("closed"), !reads);
    assert.ok(told.filter((type) => type === "noted").length >= 128);
  });
