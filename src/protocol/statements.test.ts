// Proves the small signed statements, genesis, grant, receipt, refusal and goodbye: they read back as made, and each
// wrong signer, network, holder, time or length is refused.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, addressFromBytes } from "./address.ts";
import { createGenesis, readGenesis } from "./genesis.ts";
import { checkGrant, checkPutGrant, createGrant, grantSizeMax, passOnGrant, putGrantSizeMax } from "./grant.ts";
import { hash } from "./hash.ts";
import { type SigningKey, signingKeyFromSeed, vaultName } from "./keys.ts";
import { addressesPerRequestMax, awayMax, receiptSizeMax } from "./limits.ts";
import { goodbyeSizeMax, readGoodbye, signGoodbye } from "./messages/goodbye.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { readReceipt, readRefusal, signReceipt, signRefusal } from "./receipt.ts";

const key = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n));
const address = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
const owner = key(1);
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "attic", copies, placeUnit: 1024, createdAt: 1 }, owner);
const other = createGenesis({ name: "attic", copies, placeUnit: 1024, createdAt: 2 }, owner);
const peer = peerIdFromPublicKey(key(2).publicKey);
const stranger = peerIdFromPublicKey(key(3).publicKey);

test("a genesis reads back, its network id is its hash, and nobody but its owner signs it", () => {
  assert.deepEqual(readGenesis(genesis.bytes), { ok: true, value: genesis });
  assert.equal(genesis.networkId, addressFromBytes(hash(genesis.bytes)));
  assert.notEqual(genesis.networkId, other.networkId);
  const forged = Uint8Array.from(genesis.bytes);
  forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
  assert.equal(readGenesis(forged).ok, false);
  assert.throws(() => createGenesis({ name: "x", copies: { min: 5, target: 4, max: 8 }, placeUnit: 1, createdAt: 0 }, owner));
  assert.throws(() => createGenesis({ name: "x", copies, placeUnit: 0, createdAt: 0 }, owner));
});

test("a granted key passes the right to put on, once, for as long as it has it, and nothing more", () => {
  const proxy = key(8);
  const proxyPeer = peerIdFromPublicKey(proxy.publicKey);
  const by = (notAfterMs: number): Uint8Array => createGrant(genesis, owner, { peerId: proxyPeer, notAfterMs });
  const passed = passOnGrant(genesis, proxy, by(0), peer);
  assert.ok(passed.length <= putGrantSizeMax);
  assert.ok(checkPutGrant(genesis, passed, peer, 5000).ok);
  assert.ok(checkPutGrant(genesis, createGrant(genesis, owner, { peerId: peer, notAfterMs: 0 }), peer, 0).ok);
  assert.equal(checkGrant(genesis, passed, peer, 0).ok, false, "it makes no member");
  assert.equal(checkPutGrant(genesis, passed, stranger, 0).ok, false);
  assert.equal(checkPutGrant(other, passed, peer, 0).ok, false);
  assert.ok(checkPutGrant(genesis, passOnGrant(genesis, proxy, by(1000), peer), peer, 1000).ok);
  assert.equal(checkPutGrant(genesis, passOnGrant(genesis, proxy, by(1000), peer), peer, 1001).ok, false);
  assert.equal(checkPutGrant(genesis, passOnGrant(genesis, key(9), by(0), peer), peer, 0).ok, false, "signed by somebody else");
  const forged = createGrant(genesis, key(9), { peerId: proxyPeer, notAfterMs: 0 });
  assert.equal(checkPutGrant(genesis, passOnGrant(genesis, proxy, forged, peer), peer, 0).ok, false, "not the owner's");
  assert.throws(() => passOnGrant(genesis, proxy, passOnGrant(genesis, proxy, by(0), proxyPeer), peer), "not twice");
});

test("a grant holds for its peer, its network and its time", () => {
  const forever = createGrant(genesis, owner, { peerId: peer, notAfterMs: 0 });
  const dated = createGrant(genesis, owner, { peerId: peer, notAfterMs: 1000 });
  assert.ok(forever.length <= grantSizeMax);
  assert.ok(checkGrant(genesis, forever, peer, 5000).ok);
  assert.ok(checkGrant(genesis, dated, peer, 1000).ok);
  assert.equal(checkGrant(genesis, dated, peer, 1001).ok, false);
  assert.equal(checkGrant(genesis, forever, stranger, 0).ok, false);
  assert.equal(checkGrant(other, forever, peer, 0).ok, false);
  assert.equal(checkGrant(genesis, createGrant(genesis, key(9), { peerId: peer, notAfterMs: 0 }), peer, 0).ok, false);
  assert.equal(checkGrant(genesis, new Uint8Array(0), peer, 0).ok, false);
});

test("receipts and refusals hold for their vault and network, and one is not the other", () => {
  const vault = key(4);
  const chunks = [address(7), address(8)];
  const receipt = signReceipt(genesis.networkId, vault, { node: peer, chunks, storedAtMs: 9 });
  const read = readReceipt(genesis.networkId, receipt);
  assert.deepEqual(read, {
    ok: true,
    value: { vault: vault.publicKey, node: peer, chunks, storedAtMs: 9, name: vaultName(vault.publicKey) },
  });
  assert.equal(readReceipt(other.networkId, receipt).ok, false);
  assert.equal(readRefusal(genesis.networkId, receipt).ok, false);
  const refusal = signRefusal(genesis.networkId, vault, { node: peer, chunks, reason: "full", refusedAtMs: 9 });
  const refused = readRefusal(genesis.networkId, refusal);
  assert.ok(refused.ok && refused.value.reason === "full");
  assert.equal(readReceipt(genesis.networkId, refusal).ok, false);
  receipt[receipt.length - 1] = (receipt[receipt.length - 1] ?? 0) ^ 1;
  assert.equal(readReceipt(genesis.networkId, receipt).ok, false);
});

test("a receipt over a whole request fits its limit; none and one more are not signed", () => {
  const list = (count: number): readonly Address[] => Array.from({ length: count }, () => address(1));
  const sign = (chunks: readonly Address[]): Uint8Array =>
    signReceipt(genesis.networkId, key(4), { node: peer, chunks, storedAtMs: 2 ** 42 });
  assert.ok(sign(list(addressesPerRequestMax)).length <= receiptSizeMax);
  assert.throws(() => sign([]));
  assert.throws(() => sign(list(addressesPerRequestMax + 1)));
});

test("a goodbye names its node, holds in one network, and is away for ten minutes at most", () => {
  const away = { startCounter: 2, sequence: 5, departure: { kind: "away", backInMs: awayMax } } as const;
  const bytes = signGoodbye(genesis.networkId, key(2), away);
  assert.deepEqual(readGoodbye(genesis.networkId, bytes), { ok: true, value: { ...away, peerId: peer } });
  assert.equal(readGoodbye(other.networkId, bytes).ok, false);
  assert.ok(readGoodbye(genesis.networkId, signGoodbye(genesis.networkId, key(2), { ...away, departure: { kind: "leaving" } })).ok);
  assert.throws(() => signGoodbye(genesis.networkId, key(2), { ...away, departure: { kind: "away", backInMs: awayMax + 1 } }));
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  assert.equal(readGoodbye(genesis.networkId, bytes).ok, false);
  assert.equal(readGoodbye(genesis.networkId, new Uint8Array(goodbyeSizeMax + 1)).ok, false);
});
