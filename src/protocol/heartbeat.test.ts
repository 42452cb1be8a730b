// Proves of the heartbeat's datagrams that they come back as they were, that both sides of a session derive the same keys
// and no other, and that no changed, cut or foreign bytes pass.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "./address.ts";
import { datagramMax, isAuthentic, openBeat, peekSession, sealBeat, sessionKeys, subjectOf, wordsPerDatagramMax } from "./heartbeat.ts";
import type { PeerId } from "./peer-id.ts";

const key = new Uint8Array(32).fill(7);
const word = fc.record(
  {
    subject: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    verdict: fc.constantFrom("silent" as const, "heard" as const),
  },
  { noNullPrototype: true },
);
const beat = fc.record(
  {
    session: fc.integer({ min: 0, max: 0xffff_ffff }),
    sequence: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    intervalMs: fc.integer({ min: 0, max: 0xffff }),
    lateMs: fc.integer({ min: 0, max: 0xffff }),
    words: fc.array(word, { minLength: 1, maxLength: wordsPerDatagramMax }),
  },
  { noNullPrototype: true, requiredKeys: ["session", "sequence", "intervalMs", "lateMs"] },
);

test("what is sealed opens as it was, under its key only", () => {
  fc.assert(
    fc.property(beat, (value) => {
      const bytes = Buffer.from(sealBeat(value, key));
      assert.ok(bytes.length <= datagramMax);
      assert.equal(peekSession(bytes), value.session);
      assert.ok(isAuthentic(bytes, key) && !isAuthentic(bytes, new Uint8Array(32).fill(8)));
      assert.deepEqual(openBeat(bytes), value);
    }),
  );
});

test("one changed bit anywhere is noticed, by its form or by its tag", () => {
  fc.assert(
    fc.property(beat, fc.nat(), fc.integer({ min: 0, max: 7 }), (value, at, bit) => {
      const bytes = Buffer.from(sealBeat(value, key));
      const index = at % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
      assert.ok(typeof peekSession(bytes) === "string" || !isAuthentic(bytes, key));
    }),
  );
});

test("a plain heartbeat has 34 bytes; more words or numbers than fit are refused where they are made", () => {
  const head = { session: 1, sequence: 1, intervalMs: 5, lateMs: 0 };
  assert.equal(sealBeat(head, key).length, 34);
  const words = Array.from({ length: wordsPerDatagramMax + 1 }, () => ({ subject: "12345678", verdict: "heard" as const }));
  assert.throws(() => sealBeat({ ...head, words }, key), RangeError);
  assert.throws(() => sealBeat({ ...head, sequence: 2 ** 48 }, key), RangeError);
});

test("both sides derive mirrored keys; another secret, network or network key gives others", () => {
  const id = addressFromBytes(new Uint8Array(32).fill(1));
  const a = { peer: "peer-a" as PeerId, secret: new Uint8Array(32).fill(2) };
  const b = { peer: "peer-b" as PeerId, secret: new Uint8Array(32).fill(3) };
  const [atA, atB] = [sessionKeys({ id }, a, b), sessionKeys({ id }, b, a)];
  assert.deepEqual([atA.send, atA.receive], [atB.receive, atB.send]);
  assert.notDeepEqual(atA.send, atA.receive);
  const others = [
    sessionKeys({ id }, { ...a, secret: new Uint8Array(32).fill(4) }, b),
    sessionKeys({ id, key: new Uint8Array(32).fill(9) }, a, b),
    sessionKeys({ id: addressFromBytes(new Uint8Array(32).fill(5)) }, a, b),
  ];
  for (const other of others) assert.notDeepEqual(other.send, atA.send);
  assert.equal(subjectOf(a.peer).length, 8);
  assert.notEqual(subjectOf(a.peer), subjectOf(b.peer));
});
