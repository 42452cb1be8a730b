// Proves keys against RFC 8032's own test vectors, PeerIds against the text form that libp2p's packages gave for a key,
// and that malformed keys, signatures and ids are answers and not errors.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "./address.ts";
import { fromHex, textBytes, toHex } from "./bytes.ts";
import { hash } from "./hash.ts";
import { parsePublicKey, publicKeyBytes, publicKeyFromBytes, signingKeyFromSeed, vaultName, verifySignature } from "./keys.ts";
import { parsePeerId, peerIdFromPublicKey, publicKeyOfPeerId } from "./peer-id.ts";

const bytes = (hex: string): Uint8Array => fromHex(hex) ?? assert.fail(hex);

test("keys and signatures are those of RFC 8032 section 7.1, tests 1 to 3", () => {
  const table: readonly (readonly [seed: string, key: string, message: string, signature: string])[] = [
    [
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
      "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
  ];
  for (const [seed, key, message, signature] of table) {
    const signer = signingKeyFromSeed(bytes(seed));
    assert.equal(signer.publicKey, key);
    assert.equal(toHex(signer.sign(bytes(message))), signature);
    assert.ok(verifySignature(signer.publicKey, bytes(message), bytes(signature)));
    assert.equal(verifySignature(signer.publicKey, textBytes(`${message}x`), bytes(signature)), false);
  }
});

test("a malformed key, seed or signature is refused", () => {
  const signer = signingKeyFromSeed(new Uint8Array(32).fill(1));
  assert.throws(() => signingKeyFromSeed(new Uint8Array(31)), RangeError);
  assert.throws(() => publicKeyFromBytes(new Uint8Array(33)), RangeError);
  assert.equal(parsePublicKey(signer.publicKey), signer.publicKey);
  for (const wrong of ["", signer.publicKey.slice(2), signer.publicKey.toUpperCase()]) assert.equal(parsePublicKey(wrong), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 80 }), (key, signature) => {
      assert.equal(verifySignature(publicKeyFromBytes(key), textBytes("x"), signature), false);
    }),
    { numRuns: 200 },
  );
});

test("a vault is named by the hash of its public key", () => {
  const { publicKey } = signingKeyFromSeed(new Uint8Array(32).fill(1));
  assert.equal(vaultName(publicKey), addressFromBytes(hash(publicKeyBytes(publicKey))));
});

test("a PeerId reads as libp2p writes it", () => {
  const { publicKey } = signingKeyFromSeed(new Uint8Array(32).fill(7));
  assert.equal(publicKey, "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c");
  assert.equal(peerIdFromPublicKey(publicKey), "12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7");
});

test("PeerIds and public keys turn into each other, and no other text is a PeerId", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      const peerId = peerIdFromPublicKey(publicKeyFromBytes(key));
      assert.equal(parsePeerId(peerId), peerId);
      assert.equal(publicKeyOfPeerId(peerId), toHex(key));
    }),
  );
  const peerId = "12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7";
  const wrong = [
    "",
    peerId.slice(1),
    `${peerId}1`,
    `1${peerId}`,
    peerId.replace("K", "0"),
    ` ${peerId}`,
    "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    "bafzaajaiaejcb2xtoqwn5pwzybxjmp2hlnbpmbzdrqwqj",
    "16Uiu2HAm3WFKMZ9W8M7J5o4uXyaSg5wrwkHcRVxYsMAVgMXCLkDe",
  ];
  for (const text of wrong) assert.equal(parsePeerId(text), undefined, text);
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => assert.equal(parsePeerId(text), undefined)));
});
