// Proves that a Range header means what RFC 9110 says: every part lies within the object and is what was asked for as far as there
// is any, whatever numbers are in it; and that what is no single byte range is no range at all. Method: a property against the
// words of the RFC, on integers of any length, and a table of odd headers.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { chooseRange } from "./byte-range.ts";

const size = fc.integer({ min: 1, max: 2 ** 40 });
// Around the size, and far beyond what a number holds exactly.
const position = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 41n }), fc.bigInt({ min: 0n, max: 10n ** 40n }));

test("first and last: outside where the first is beyond the end, else cut at the end; the wrong way round it is none", () => {
  fc.assert(
    fc.property(size, position, fc.option(position), (bytes, first, last) => {
      const chosen = chooseRange(`bytes=${first}-${last ?? ""}`, bytes);
      if (last !== null && Number(last) < Number(first)) assert.equal(chosen.kind, "whole");
      else if (first >= BigInt(bytes)) assert.equal(chosen.kind, "outside");
      else {
        const end = last === null || last >= BigInt(bytes) ? bytes : Number(last) + 1;
        assert.deepEqual(chosen, { kind: "part", range: { start: Number(first), end } });
      }
    }),
  );
});

test("the last so many bytes: at most all of them, and none is outside", () => {
  fc.assert(
    fc.property(size, position, (bytes, length) => {
      const chosen = chooseRange(`bytes=-${length}`, bytes);
      if (length === 0n) assert.equal(chosen.kind, "outside");
      else assert.deepEqual(chosen, { kind: "part", range: { start: length > BigInt(bytes) ? 0 : bytes - Number(length), end: bytes } });
    }),
  );
});

test("what is no single range of bytes asks for everything", () => {
  for (const header of [
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=0-1,4-5",
    "bytes=0 - 1",
    "lines=0-1",
    "bytes=+1-2",
    "bytes=0x1-2",
  ])
    assert.deepEqual(chooseRange(header, 10), { kind: "whole" }, header);
  assert.deepEqual(chooseRange("BYTES= 2-3 ", 10), { kind: "part", range: { start: 2, end: 4 } }, "a unit has no case");
});
