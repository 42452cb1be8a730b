// Proves that a signature holds for one kind, one version, one network, one signer and one body, each changed in turn.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { z } from "zod";
import { type Address, addressBytes, addressFromBytes } from "./address.ts";
import { encodeCanonical } from "./encoding.ts";
import { type SigningKey, signingKeyFromSeed } from "./keys.ts";
import { openSigned, type SignedKind, signedVersion, signFields, verifyOpened } from "./signed.ts";

const key = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n));
const network = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
type Fields = { readonly n: number };
const fields: z.ZodType<Fields> = z.object({ n: z.int() });
const grantLike: SignedKind<Fields> = { tag: "grant", fields };
const receiptLike: SignedKind<Fields> = { tag: "receipt", fields };
const bytes = signFields(grantLike, network(1), key(1), { n: 5 });

/** An envelope made by hand, signed properly over whatever body. */
const envelope = (body: unknown, signer = key(1)): Uint8Array => {
  const encoded = encodeCanonical(body);
  return encodeCanonical([encoded, signer.sign(encoded)]);
};

test("what was signed opens and verifies for its signer and network only", () => {
  const opened = openSigned(grantLike, bytes);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.fields, { n: 5 });
  assert.equal(opened.value.networkId, network(1));
  assert.ok(verifyOpened(opened.value, network(1), key(1).publicKey));
  assert.equal(verifyOpened(opened.value, network(2), key(1).publicKey), false);
  assert.equal(verifyOpened(opened.value, network(1), key(2).publicKey), false);
});

test("another kind with the same fields does not open", () => {
  const opened = openSigned(receiptLike, bytes);
  assert.ok(!opened.ok && opened.code === "wrong-shape");
});

test("another version is refused with both versions named", () => {
  const opened = openSigned(grantLike, envelope(["grant", signedVersion + 1, addressBytes(network(1)), { n: 5 }]));
  assert.ok(!opened.ok && opened.why === `version ${signedVersion + 1}, this program reads ${signedVersion}`, JSON.stringify(opened));
});

test("a signature over another body does not verify", () => {
  const other = openSigned(grantLike, signFields(grantLike, network(1), key(1), { n: 6 }));
  const opened = openSigned(grantLike, bytes);
  assert.ok(opened.ok && other.ok);
  assert.equal(verifyOpened({ ...opened.value, signature: other.value.signature }, network(1), key(1).publicKey), false);
});

test("malformed envelopes are refused with a reason", () => {
  const body = ["grant", signedVersion, addressBytes(network(1)), { n: 5 }];
  const encoded = encodeCanonical(body);
  const wrong: readonly Uint8Array[] = [
    new Uint8Array(0),
    encodeCanonical([encoded]),
    encodeCanonical([encoded, new Uint8Array(63)]),
    encodeCanonical([encoded, new Uint8Array(64), 1]),
    encodeCanonical(["text", new Uint8Array(64)]),
    envelope(["grant", signedVersion, new Uint8Array(31), { n: 5 }]),
    envelope(["grant", signedVersion, addressBytes(network(1)), { n: "5" }]),
    envelope(["grant", signedVersion, addressBytes(network(1))]),
    envelope(["grant", 1.5, addressBytes(network(1)), { n: 5 }]),
    envelope("grant"),
  ];
  for (const each of wrong) assert.equal(openSigned(grantLike, each).ok, false);
  assert.ok(openSigned(grantLike, envelope(body)).ok);
});

test("fields that break the schema are not signed", () => {
  assert.throws(() => signFields(grantLike, network(1), key(1), { n: 0.5 }));
});
