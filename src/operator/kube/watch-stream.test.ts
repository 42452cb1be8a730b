// Proves that a watch is read the same however its bytes are cut, that nothing in it grows without limit, and that silence
// ends it. Method: random cuts (fast-check) of known lines; virtual time for silence.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { KubeError } from "./errors.ts";
import { createLineSplitter, readEvents, type WatchEvent } from "./watch-stream.ts";

const reading = (more: Partial<Parameters<typeof readEvents>[1]> = {}) => ({
  name: "/watch",
  clock: createVirtualClock(),
  lineBytesMax: 1000,
  idleMs: 5000,
  abort: () => {},
  ...more,
});

async function* pieces(parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === "string" ? Buffer.from(part) : part;
}

async function all(parts: readonly (string | Uint8Array)[], more: Parameters<typeof reading>[0] = {}): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of readEvents(pieces(parts), reading(more))) events.push(event);
  return events;
}

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const map = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } });

test("lines come out whole wherever their bytes were cut, even within a letter", () => {
  const lines = ["first", "zweite Zeile äöü 🙂", "x".repeat(200), "last"];
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sizes) => {
      const splitter = createLineSplitter(1000);
      const found: string[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        found.push(...splitter.push(bytes.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(found, lines);
      assert.equal(splitter.pending(), 0);
    }),
    { seed: 6 },
  );
});

test("events are typed; the server's error is the last one, with its code", async () => {
  const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
  const events = await all([
    line("ADDED", map("a", "1")) + line("MODIFIED", map("a", "2")),
    line("DELETED", map("a", "3")),
    line("BOOKMARK", { metadata: { resourceVersion: "9" } }),
    line("ERROR", gone),
    line("ADDED", map("never", "10")),
  ]);
  assert.deepEqual(
    events.map((event) => (event.kind === "error" ? event.error.code : event.kind)),
    ["added", "modified", "deleted", "bookmark", "gone"],
  );
  const busy = await all([line("ERROR", { code: 429, details: { retryAfterSeconds: 2 } })]);
  assert.deepEqual(
    busy.map((event) => (event.kind === "error" ? [event.error.code, event.error.retryAfterMs] : [])),
    [["too-many-requests", 2000]],
  );
});

test("what is no event is an error: no JSON, no version, an unknown type, half a line", async () => {
  for (const [text, code] of [
    ["<html>\n", "bad-answer"],
    [line("ADDED", { metadata: { name: "a" } }), "bad-answer"],
    [line("RENAMED", map("a", "1")), "bad-answer"],
    ['{"type":"ADD', "unreachable"],
  ] as const) {
    const [event] = await all([text]);
    assert.equal(event?.kind === "error" ? event.error.code : "none", code);
  }
});

test("a line without end is given up at its limit", async () => {
  const [event, ...more] = await all(Array.from({ length: 100 }, () => "x".repeat(100)));
  assert.equal(event?.kind === "error" ? event.error.code : "none", "too-large");
  assert.deepEqual(more, []);
});

test("a watch that is silent too long is broken off; any byte counts as a sign of life", async () => {
  const clock = createVirtualClock();
  const aborted: KubeError[] = [];
  const gate = Promise.withResolvers<void>();
  const body = (async function* () {
    yield Buffer.from("{");
    await clock.sleep(4000);
    yield Buffer.from(" ");
    await gate.promise;
  })();
  const abort = (reason: KubeError): void => {
    aborted.push(reason);
    gate.resolve();
  };
  const reader = readEvents(body, reading({ clock, abort })).next();
  await clock.advance(8999);
  assert.equal(aborted.length, 0);
  await clock.advance(1);
  assert.equal(aborted[0]?.code, "timeout");
  await reader;
});
