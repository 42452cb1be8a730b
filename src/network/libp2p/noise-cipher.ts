// The cipher of Noise, native for messages of every size, with each key made ready once: since Node 24 the making costs
// three times what sealing a control message does. The handshake stays the library's.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import type { ICryptoInterface } from "@libp2p/noise";
import { defaultCrypto } from "@libp2p/noise/crypto";

type Bytes = Parameters<ICryptoInterface["chaCha20Poly1305Encrypt"]>[0];

const algorithm = "chacha20-poly1305";
const tagBytes = 16;
const options = { authTagLength: tagBytes } as const;
const ready = new WeakMap<Uint8Array, KeyObject>();

/** What Noise is given as its cryptography: RFC 8439's ChaCha20-Poly1305 as above, everything else the library's own. */
export const noiseCipher: ICryptoInterface = { ...defaultCrypto, chaCha20Poly1305Encrypt: seal, chaCha20Poly1305Decrypt: open };

function seal(plaintext: Bytes, nonce: Uint8Array, ad: Uint8Array, key: Uint8Array): Uint8Array {
  const text = joined(plaintext);
  const cipher = createCipheriv(algorithm, keyOf(key), nonce, options);
  cipher.setAAD(ad, { plaintextLength: text.length });
  const sealed = cipher.update(text);
  cipher.final();
  return Buffer.concat([sealed, cipher.getAuthTag()]);
}

/** Throws where the tag does not fit. */
function open(sealed: Bytes, nonce: Uint8Array, ad: Uint8Array, key: Uint8Array): Uint8Array {
  const bytes = joined(sealed);
  const length = bytes.length - tagBytes;
  if (length < 0) throw new RangeError(`a sealed message has at least ${tagBytes} bytes, got ${bytes.length}`);
  const decipher = createDecipheriv(algorithm, keyOf(key), nonce, options);
  decipher.setAAD(ad, { plaintextLength: length });
  decipher.setAuthTag(bytes.subarray(length));
  const text = decipher.update(bytes.subarray(0, length));
  decipher.final();
  return text;
}

// Noise makes a new array for every new key and never writes into one.
function keyOf(key: Uint8Array): KeyObject {
  const known = ready.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  ready.set(key, made);
  return made;
}

function joined(bytes: Bytes): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : bytes.subarray();
}
