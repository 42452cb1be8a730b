// Proves the cipher given to Noise: the published vector, agreement with the library's own implementation for any message
// in one piece or several, and that a changed bit anywhere is refused.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { pureJsCrypto } from "@libp2p/noise";
import fc from "fast-check";
import { noiseCipher } from "./noise-cipher.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

test("RFC 8439, 2.8.2", () => {
  const text = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const key = hex("80818283 84858687 88898a8b 8c8d8e8f 90919293 94959697 98999a9b 9c9d9e9f");
  const [nonce, ad] = [hex("07000000 40414243 44454647"), hex("50515253 c0c1c2c3 c4c5c6c7")];
  const sealed = noiseCipher.chaCha20Poly1305Encrypt(text, nonce, ad, key).subarray();
  assert.equal(Buffer.from(sealed.subarray(0, 16)).toString("hex"), "d31a8d34648e60db7b86afbc53ef7ec2");
  assert.equal(Buffer.from(sealed.subarray(-16)).toString("hex"), "1ae10b594f09e26a7e902ecbd0600691");
});

test("it agrees with the library's own, and refuses every change", () => {
  fc.assert(
    fc.property(bytes(32), bytes(12), fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 3000 }), fc.nat(), (...given) => {
      const [key, nonce, ad, text, at] = given;
      const sealed = noiseCipher.chaCha20Poly1305Encrypt(text, nonce, ad, key).subarray();
      assert.deepEqual(new Uint8Array(sealed), new Uint8Array(pureJsCrypto.chaCha20Poly1305Encrypt(text, nonce, ad, key).subarray()));
      assert.deepEqual(new Uint8Array(noiseCipher.chaCha20Poly1305Decrypt(sealed, nonce, ad, key).subarray()), text);
      const changed = new Uint8Array(sealed);
      changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ 1;
      assert.throws(() => noiseCipher.chaCha20Poly1305Decrypt(changed, nonce, ad, key));
      assert.throws(() => noiseCipher.chaCha20Poly1305Decrypt(sealed, nonce, Uint8Array.of(...ad, 1), key));
    }),
    { numRuns: 200 },
  );
  const [key, nonce] = [new Uint8Array(32), new Uint8Array(12)];
  assert.throws(() => noiseCipher.chaCha20Poly1305Decrypt(new Uint8Array(15), nonce, new Uint8Array(0), key), /at least 16 bytes/);
});
