// Proves that a sender whose bytes arrived while this process stood still is not given up, and one that sent nothing is:
// a body read with a clock moved by hand, which jumps past the whole patience at once as it does after a sleep.
import { strict as assert } from "node:assert";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createBodySource } from "./body-source.ts";

const limits = { sizeMax: 100, idleMs: 30_000, rateMin: 1 };

test("bytes that waited unread while the clock jumped are taken", async () => {
  const clock = createVirtualClock();
  const body = new PassThrough();
  const pieces = createBodySource(body, limits, clock)[Symbol.asyncIterator]();
  const first = pieces.next();
  // The wait has run out when the process wakes up; only then does it read its sockets.
  await clock.advance(limits.idleMs);
  body.end("here");
  assert.equal(String((await first).value), "here");
  assert.equal((await pieces.next()).done, true);
});

test("a sender that sent nothing is given up", async () => {
  const clock = createVirtualClock();
  const pieces = createBodySource(new PassThrough(), limits, clock)[Symbol.asyncIterator]();
  const refused = assert.rejects(pieces.next(), { code: "slow-upload" });
  await clock.advance(limits.idleMs);
  await clock.advance(limits.idleMs);
  await refused;
});
