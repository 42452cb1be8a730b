// Proves that the cache never holds more than it may, keeps what is read, and that readers of one name who come together
// cost one fetch, whoever of them leaves.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { createByteCache, createSingleFlight } from "./chunk-cache.ts";

test("whatever is put and read, the bound holds and what comes back is what was put last", () => {
  const step = fc.record({ name: fc.constantFrom("a", "b", "c", "d", "e", "f"), size: fc.nat(3000), put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = createByteCache(8_000);
      const last = new Map<string, Uint8Array>();
      for (const { name, size, put } of steps) {
        if (put) {
          const bytes = new Uint8Array(size);
          // One too large for the cache leaves what is there.
          if (size + 256 <= 2_000) last.set(name, bytes);
          cache.put(name, bytes);
        } else {
          const found = cache.get(name);
          assert.ok(found === undefined || found === last.get(name));
        }
        assert.ok(cache.bytes() <= 8_000);
      }
    }),
  );
});

test("what is read stays, what is not read goes first", () => {
  const cache = createByteCache(8 * 1256);
  for (let index = 0; index < 8; index += 1) cache.put(`chunk ${index}`, new Uint8Array(1000));
  for (let index = 8; index < 12; index += 1) {
    assert.ok(cache.get("chunk 0") !== undefined);
    cache.put(`chunk ${index}`, new Uint8Array(1000));
  }
  assert.ok(cache.get("chunk 0") !== undefined);
  assert.equal(cache.get("chunk 1"), undefined);
});

test("readers who come together share one fetch; it ends when the last of them leaves", async () => {
  const join = createSingleFlight<string>();
  const fetched: AbortSignal[] = [];
  const answer = Promise.withResolvers<string>();
  const fetch = (signal: AbortSignal): Promise<string> => {
    fetched.push(signal);
    return answer.promise;
  };
  const leaving = new AbortController();
  const first = join("x", fetch, leaving.signal);
  const second = join("x", fetch, new AbortController().signal);
  leaving.abort(new Error("left"));
  await assert.rejects(first, /left/);
  assert.deepEqual([fetched.length, fetched[0]?.aborted], [1, false]);
  answer.resolve("bytes");
  assert.equal(await second, "bytes");
  const alone = new AbortController();
  const third = join("x", (signal) => fetch(signal).then(() => new Promise<string>(() => {})), alone.signal);
  alone.abort(new Error("left too"));
  await assert.rejects(third, /left too/);
  assert.deepEqual([fetched.length, fetched[1]?.aborted], [2, true]);
});
