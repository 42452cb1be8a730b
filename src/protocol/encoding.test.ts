// Proves that a value has one encoding: every other encoding of the same value is refused, by hand-made cases of each kind
// (RFC 8949 section 4.2.1) and by properties; and that no bytes make a decoder throw.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { addressFromBytes } from "./address.ts";
import { fromHex, toHex } from "./bytes.ts";
import { decodeCanonical, decodeMessage, encodeCanonical, encodeMessage } from "./encoding.ts";
import { addressesPerRequestMax, messageBodyMax, messageItemsMax } from "./limits.ts";
import { hasChunksReply } from "./messages/has-chunks.ts";

const verdict = (hex: string): string => {
  const result = decodeCanonical(fromHex(hex) ?? assert.fail(`not hex: ${hex}`));
  return result.ok ? "ok" : result.code;
};

test("canonical encodings are read, and written just so", () => {
  const table: readonly (readonly [hex: string, value: unknown])[] = [
    ["00", 0],
    ["17", 23],
    ["1818", 24],
    ["190100", 256],
    ["1a00010000", 65536],
    ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["20", -1],
    ["40", new Uint8Array(0)],
    ["4101", Uint8Array.of(1)],
    ["6161", "a"],
    ["80", []],
    ["820102", [1, 2]],
    ["a0", {}],
    ["a2616101616202", { a: 1, b: 2 }],
    // Shorter keys sort first, whatever their letters.
    ["a261620162616102", { b: 1, aa: 2 }],
    ["f4", false],
    ["f5", true],
    ["f6", null],
  ];
  for (const [hex, value] of table) {
    assert.deepEqual(decodeCanonical(fromHex(hex) ?? new Uint8Array(0)), { ok: true, value }, hex);
    assert.equal(toHex(encodeCanonical(value)), hex);
  }
});

test("every other encoding of the same value is refused", () => {
  const table: readonly (readonly [what: string, hex: string])[] = [
    ["0 in two bytes", "1800"],
    ["23 in two bytes", "1817"],
    ["24 in three bytes", "190018"],
    ["256 in five bytes", "1a00000100"],
    ["1 in nine bytes", "1b0000000000000001"],
    ["-1 in two bytes", "3800"],
    ["a length in two bytes", "580101"],
    ["a text's length in two bytes", "780161"],
    ["an array's length in two bytes", "98020102"],
    ["a map's length in two bytes", "b801616101"],
    ["bytes of indefinite length", "5f4101ff"],
    ["text of indefinite length", "7f6161ff"],
    ["an array of indefinite length", "9f01ff"],
    ["a map of indefinite length", "bf616101ff"],
    ["keys in the wrong order", "a2616202616101"],
    ["a longer key first", "a262616102616201"],
    ["a key twice", "a2616101616102"],
    ["1 as a float of 2 bytes", "f93c00"],
    ["1 as a float of 4 bytes", "fa3f800000"],
    ["1 as a float of 8 bytes", "fb3ff0000000000000"],
    ["1.5 in 4 bytes", "fa3fc00000"],
    ["undefined", "f7"],
    ["a tag", "c100"],
    ["a number as key", "a10102"],
    ["false in two bytes", "f814"],
    ["bytes after the value", "0000"],
    ["nothing", ""],
    ["a value cut short", "6261"],
    ["an array larger than the input", "9a7fffffff00"],
    ["bytes longer than the input", "5b00ffffffffffffff00"],
    ["text that is not UTF-8", "61ff"],
  ];
  for (const [what, hex] of table) assert.notEqual(verdict(hex), "ok", `${what}: ${hex}`);
});

test("a key named like the prototype is a field like any other", () => {
  const decoded = decodeCanonical(fromHex("a1695f5f70726f746f5f5fa16161f5") ?? new Uint8Array(0));
  assert.ok(decoded.ok && typeof decoded.value === "object" && decoded.value !== null);
  assert.deepEqual(Object.keys(decoded.value), ["__proto__"]);
  assert.equal(Reflect.get(decoded.value, "a"), undefined);
});

test("nesting as deep as a message can be is an answer, not a crash", () => {
  assert.equal(decodeCanonical(new Uint8Array(200_000).fill(0x81)).ok, false);
});

const plain: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.maxSafeInteger(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
}))["value"];

test("whatever is encoded is decoded to itself", () => {
  fc.assert(
    fc.property(plain, (value) => {
      const bytes = encodeCanonical(value);
      const back = decodeCanonical(bytes);
      assert.ok(back.ok);
      assert.deepEqual(encodeCanonical(back.value), bytes);
      assert.deepEqual(back.value, value);
    }),
    { numRuns: 300 },
  );
});

test("whatever bytes are accepted are the only ones for their value, and none throw", () => {
  const accepts = (bytes: Uint8Array): void => {
    const result = decodeCanonical(bytes);
    if (result.ok) assert.deepEqual(encodeCanonical(result.value), bytes);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), accepts), { numRuns: 2000 });
  fc.assert(
    fc.property(plain, fc.nat(), fc.nat({ max: 255 }), (value, at, byte) => {
      const bytes = encodeCanonical(value);
      bytes[at % bytes.length] = byte;
      accepts(bytes);
    }),
    { numRuns: 1000 },
  );
});

test("a message is checked against its schema, unknown fields left out, and wrong values are not encoded", () => {
  const schema: z.ZodType<{ readonly n: number }> = z.object({ n: z.int().max(9) });
  assert.deepEqual(decodeMessage(schema, encodeCanonical({ n: 3, later: "x" })), { ok: true, value: { n: 3 } });
  const wrong = decodeMessage(schema, encodeCanonical({ n: 10 }));
  assert.ok(!wrong.ok && wrong.code === "wrong-shape" && wrong.why.startsWith("n:"));
  assert.throws(() => encodeMessage(schema, { n: 10 }));
});

test("a body is not worked through item by item beyond what the largest message has", () => {
  const schema = z.object({ chunks: z.array(z.int()).max(4) });
  const stuffed = encodeCanonical({ chunks: [1], filling: Array.from({ length: messageItemsMax }, () => 0) });
  assert.ok(stuffed.length < messageBodyMax);
  const refused = decodeMessage(schema, stuffed);
  assert.equal(!refused.ok && refused.code, "malformed");
  const address = addressFromBytes(new Uint8Array(32));
  const known = { chunk: address, vault: address, size: 1 };
  const reply = { held: Array.from({ length: addressesPerRequestMax }, () => known), receipts: [], coming: [address] };
  assert.ok(decodeMessage(hasChunksReply, encodeMessage(hasChunksReply, reply)).ok, "the largest message is read");
});
