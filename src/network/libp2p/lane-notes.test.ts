// Proves what of a lane's own requests and answers is let in: what breaks their format or the peer's window breaks the lane,
// before anybody is told of it.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { encodeFrame, FrameError, type FrameType } from "./frame.ts";
import { createLaneNotes, type LaneNotes } from "./lane-notes.ts";

type Note = { readonly type?: FrameType; readonly id?: number; readonly transfer?: number; readonly chunk?: number };

const lengthBytes = 4;
const kib = 1024;

/** A note as it arrives, announcing one chunk where `transfer` is given. */
function note({ type = "request", id = 1, transfer = 0, chunk = 0 }: Note): Uint8Array {
  const chunks = chunk === 0 ? [] : [new Uint8Array(chunk)];
  return new Uint8Array(Buffer.concat(encodeFrame({ id, type, code: 0, transfer, body: new Uint8Array(1), chunks }))).subarray(lengthBytes);
}

const receiving = (window: number): LaneNotes => createLaneNotes({ bulk: true, window, unsent: () => false });
const sending = (unsent: (transfer: number) => boolean = () => false): LaneNotes => createLaneNotes({ bulk: false, window: kib, unsent });

describe("notes on a lane", () => {
  it("a request is let in with what follows it, until the window is full of those without an answer", () => {
    const notes = receiving(300 * kib);
    assert.deepEqual(notes.arrived(note({ id: 1, transfer: 1, chunk: 100 * kib })), { transfer: 1, lengths: [100 * kib] });
    notes.arrived(note({ id: 2, transfer: 2, chunk: 100 * kib }));
    assert.throws(() => notes.arrived(note({ id: 3, transfer: 3, chunk: 100 * kib })), RangeError);
    notes.sending(1);
    notes.arrived(note({ id: 4, transfer: 4, chunk: 99 * kib }));
    assert.throws(() => notes.arrived(note({ id: 4 })), RangeError, "one number twice");
  });

  it("what is taken back makes room again; only an answer is told of", () => {
    const notes = receiving(100 * kib);
    const asked = note({ id: 1, transfer: 1, chunk: 90 * kib });
    notes.arrived(asked);
    assert.equal(notes.revoked(asked), false);
    notes.arrived(note({ id: 2, transfer: 2, chunk: 90 * kib }));
    assert.equal(notes.revoked(note({ type: "answer", id: 9, transfer: 3, chunk: 1 })), true);
  });

  it("an answer that is taken back makes no room for a request of its number, which is still in work", () => {
    const notes = receiving(100 * kib);
    notes.arrived(note({ id: 1, transfer: 1, chunk: 90 * kib }));
    const answer = note({ type: "answer", id: 1, transfer: 2, chunk: 1 });
    notes.arrived(answer);
    assert.equal(notes.revoked(answer), true);
    assert.throws(() => notes.arrived(note({ id: 1, transfer: 3, chunk: 90 * kib })), RangeError, "one number twice");
    assert.throws(() => notes.arrived(note({ id: 2, transfer: 3, chunk: 90 * kib })), RangeError, "over the window");
  });

  it("garbage, a hello, chunks where none can follow, and an answer to what is still being sent break the lane", () => {
    assert.throws(() => sending().arrived(new Uint8Array(15)), FrameError);
    assert.throws(() => sending().arrived(new Uint8Array(40).fill(0xff)), FrameError);
    assert.throws(() => sending().arrived(note({ type: "hello" })), RangeError);
    assert.throws(() => sending().arrived(note({ transfer: 5, chunk: 10 })), RangeError);
    assert.throws(() => sending((transfer) => transfer === 7).arrived(note({ type: "answer", id: 7 })), RangeError);
    assert.equal(sending().arrived(note({ type: "answer", id: 7, transfer: 8, chunk: 10 })), undefined, "its chunks come by another lane");
  });

  it("somebody waits from a request to its answer, at either end", () => {
    const notes = sending();
    assert.equal(notes.waiting(), false);
    notes.sending(undefined);
    notes.arrived(note({ id: 1 }));
    notes.arrived(note({ type: "failure", id: 1 }));
    assert.equal(notes.waiting(), true);
    notes.sending(1);
    assert.equal(notes.waiting(), false);
    notes.arrived(note({ type: "answer", id: 2 }));
    assert.equal(notes.waiting(), false, "an answer to nothing");
  });
});
