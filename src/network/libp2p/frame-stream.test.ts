// Proves that a stream which is held hands over little more of what had arrived before, and all of it in order once it is let go on:
// the library gives a stream that goes on all that came meanwhile at once. Method: a stream that only records.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Stream } from "@libp2p/interface";
import { encodeFrame } from "./frame.ts";
import { createFrameStream } from "./frame-stream.ts";

type Fake = { readonly stream: Stream; readonly calls: string[]; readonly events: EventTarget };

function fake(): Fake {
  const [events, calls]: [EventTarget, string[]] = [new EventTarget(), []];
  const note = (call: string) => (): void => void calls.push(call);
  const stream = Object.assign(events, { writeBufferLength: 0, pause: note("pause"), resume: note("resume"), abort: note("abort") });
  return { stream: stream as unknown as Stream, calls, events };
}

/** Pieces of so many small frames each, as they wait in the library. */
function pieces(count: number, framesEach: number): readonly Uint8Array[] {
  const frame = (id: number): readonly Uint8Array[] =>
    encodeFrame({ id, type: "request", code: 0, transfer: 0, body: new Uint8Array(0), chunks: [] });
  return Array.from({ length: count }, (_, piece) =>
    Buffer.concat(Array.from({ length: framesEach }, (_, n) => frame(1 + piece * framesEach + n)).flat()),
  );
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what arrived before a stream was held waits, and comes in order", async () => {
  const { stream, calls, events } = fake();
  const ids: number[] = [];
  const frames = createFrameStream(stream, {
    onFrame: ({ id }) => {
      ids.push(id);
      if (id % 1_000 === 5) frames.hold(true);
    },
    onGarbage: (why) => assert.fail(why),
    onClose: () => {},
  });
  events.dispatchEvent(new MessageEvent("message", { data: pieces(40, 100) }));
  await turn();
  assert.deepEqual([ids.length, calls], [100, ["pause"]]);
  for (const expected of [1_100, 2_100, 3_100]) {
    frames.hold(false);
    await turn();
    assert.equal(ids.length, expected);
    assert.ok(!calls.includes("resume"), "what waits is read before more is let in");
  }
  frames.hold(false);
  await turn();
  assert.deepEqual(
    ids,
    Array.from({ length: 4_000 }, (_, n) => n + 1),
  );
  assert.equal(calls.at(-1), "resume");
});

test("garbage that waited is told of when it is read, and what waits behind a close is never", async () => {
  const { stream, events } = fake();
  const said: string[] = [];
  const frames = createFrameStream(stream, {
    onFrame: ({ id }) => {
      said.push(`frame ${id}`);
      if (id === 1) frames.hold(true);
    },
    onGarbage: (why) => {
      said.push(why);
      frames.close();
    },
    onClose: () => said.push("closed"),
  });
  const [first = assert.fail(), second = assert.fail()] = pieces(2, 1);
  events.dispatchEvent(new MessageEvent("message", { data: [first, new Uint8Array(4), second] }));
  await turn();
  assert.deepEqual(said, ["frame 1"]);
  frames.hold(false);
  await turn();
  assert.deepEqual(said, ["frame 1", "a frame length outside the limits", "closed"]);
});
