// Proves that a node record is believed only whole: signed by its node and each vault, of this network, not from the
// future, within its size; and which of two records of a node is the newer.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, addressFromBytes } from "./address.ts";
import { decodeCanonical, encodeCanonical } from "./encoding.ts";
import { type SigningKey, signingKeyFromSeed, vaultName } from "./keys.ts";
import { clockToleranceMs, nodeRecordMax, vaultsPerNodeMax } from "./limits.ts";
import { liveFiguresMax } from "./node-figures.ts";
import { createNodeRecord, isNewer, type NodeRecordDraft, readNodeRecord } from "./node-record.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";

const wallMs = 1_800_000_000_000;
const key = (n: number): SigningKey => {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, n);
  return signingKeyFromSeed(seed);
};
const network = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));
const vault = (n: number): NodeRecordDraft["vaults"][number] => ({
  key: key(n),
  capacity: 1000 + n,
  used: 10,
  chunks: 2,
  state: "active",
  wallet: key(900).publicKey,
});
const draft = (change: Partial<NodeRecordDraft> = {}): NodeRecordDraft => ({
  addresses: [{ ip: "10.0.0.1", libp2p: 4001, lane: 4002, heartbeat: 4003 }],
  domain: { region: "r", zone: "z", host: "h" },
  software: "vaultfarm/test",
  startCounter: 3,
  sequence: 4,
  signedAtMs: wallMs,
  vaults: [vault(101), vault(102)],
  ...change,
});
const record = createNodeRecord(network(1), key(1), draft());
const code = (bytes: Uint8Array, networkId = network(1), atMs = wallMs): string => {
  const read = readNodeRecord(networkId, bytes, atMs);
  return read.ok ? "ok" : read.code;
};

/** The record's fields changed without a new signature, or signed anew by `signer`. */
function resigned(change: (fields: Record<string, unknown>) => object, signer?: SigningKey): Uint8Array {
  const outer = decodeCanonical(record.bytes);
  assert.ok(outer.ok);
  const [body, signature] = outer.value as [Uint8Array, Uint8Array];
  const inner = decodeCanonical(body);
  assert.ok(inner.ok);
  const [tag, version, networkId, fields] = inner.value as [string, number, Uint8Array, Record<string, unknown>];
  const next = encodeCanonical([tag, version, networkId, { ...fields, ...change(fields) }]);
  return encodeCanonical([next, signer?.sign(next) ?? signature]);
}

test("figures for people travel with a record, within their limits; one without them, or with fields of later versions, is read too", () => {
  const copies = { live: [0, 1, 2], partial: true, repairing: 3, bytesLeft: 4, etaMs: 5, waiting: 6, dueMs: null };
  const seen = [{ vault: vaultName(key(101).publicKey), score: 30, conduct: 1000, age: 0 }];
  const faults = [{ peer: record.peerId, counts: [{ fault: "late", count: 2 }] }];
  const figures = { copies, suspects: [record.peerId], seen, faults };
  const read = readNodeRecord(network(1), createNodeRecord(network(1), key(1), draft({ figures })).bytes, wallMs);
  assert.ok(read.ok);
  assert.deepEqual(read.value.figures, figures);
  assert.equal(Object.hasOwn(record, "figures"), false);
  const later = { ...figures, suspects: [], seen: [], copies: { ...copies, weather: "fine" }, more: 1 };
  assert.equal(code(resigned(() => ({ figures: later }), key(1))), "ok");
  const tooMany = { ...later, copies: { ...copies, live: Array.from({ length: liveFiguresMax + 1 }, () => 0) } };
  assert.equal(code(resigned(() => ({ figures: tooMany }), key(1))), "malformed");
});

test("a record reads as it was made, with its vaults' names", () => {
  const read = readNodeRecord(network(1), record.bytes, wallMs);
  assert.ok(read.ok);
  assert.deepEqual(read.value, record);
  assert.equal(read.value.peerId, peerIdFromPublicKey(key(1).publicKey));
  assert.deepEqual(
    read.value.vaults.map(({ name }) => name),
    [vaultName(key(101).publicKey), vaultName(key(102).publicKey)],
  );
});

test("another network, a later time, a changed field and garbage are refused, each with its code", () => {
  assert.equal(code(record.bytes, network(2)), "other-network");
  assert.equal(code(record.bytes, network(1), wallMs - clockToleranceMs), "ok");
  assert.equal(code(record.bytes, network(1), wallMs - clockToleranceMs - 1), "future");
  assert.equal(code(resigned(() => ({ sequence: 99 }))), "bad-signature");
  assert.equal(code(resigned(() => ({ sequence: 99 }), key(2))), "bad-signature");
  assert.equal(code(resigned(() => ({ sequence: 99 }), key(1))), "ok");
  assert.equal(code(resigned(() => ({ sequence: -1 }), key(1))), "malformed");
  assert.equal(code(resigned(() => ({ peerId: "12D3KooW" }), key(1))), "malformed");
  assert.equal(code(resigned(() => ({ addresses: [{ ip: "node.example", libp2p: 1, lane: 1, heartbeat: 1 }] }), key(1))), "malformed");
  assert.equal(code(resigned(() => ({ addresses: [{ ip: "10.0.0.1", libp2p: 65536, lane: 1, heartbeat: 1 }] }), key(1))), "malformed");
  assert.equal(code(new Uint8Array(10)), "malformed");
  assert.equal(code(new Uint8Array(nodeRecordMax + 1)), "too-large");
});

test("a future record is refused with both times", () => {
  const read = readNodeRecord(network(1), record.bytes, wallMs - 500_000);
  assert.ok(!read.ok && read.why.includes(String(wallMs)) && read.why.includes(String(wallMs - 500_000)));
});

test("a vault's entry holds for the node and the vault that made it, once", () => {
  const elsewhere = createNodeRecord(network(1), key(2), draft({ vaults: [vault(103)] }));
  const outer = decodeCanonical(elsewhere.bytes);
  assert.ok(outer.ok);
  const inner = decodeCanonical((outer.value as [Uint8Array])[0]);
  assert.ok(inner.ok);
  const stolen = (inner.value as [string, number, Uint8Array, { vaults: object[] }])[3].vaults;
  assert.equal(code(resigned(() => ({ vaults: stolen }), key(1))), "bad-signature");
  assert.equal(code(resigned(({ vaults }) => ({ vaults: [...(vaults as object[]), ...(vaults as object[])] }), key(1))), "malformed");
  const forged = resigned(({ vaults }) => {
    const [first] = vaults as { entry: Uint8Array }[];
    const entry = Uint8Array.from(first?.entry ?? []);
    entry[entry.length - 1] = (entry[entry.length - 1] ?? 0) ^ 1;
    return { vaults: [{ ...first, entry }] };
  }, key(1));
  assert.equal(code(forged), "bad-signature");
});

test("an entry signed for another network is refused", () => {
  const foreign = createNodeRecord(network(2), key(1), draft());
  const outer = decodeCanonical(foreign.bytes);
  assert.ok(outer.ok);
  const inner = decodeCanonical((outer.value as [Uint8Array])[0]);
  assert.ok(inner.ok);
  const { vaults } = (inner.value as [string, number, Uint8Array, { vaults: object[] }])[3];
  assert.equal(code(resigned(() => ({ vaults }), key(1))), "bad-signature");
});

test("the largest record fits its limit, and one vault more is not made", () => {
  const many = Array.from({ length: vaultsPerNodeMax }, (_, n) => ({
    ...vault(200 + n),
    capacity: 2 ** 50,
    used: 2 ** 49,
    chunks: 2 ** 30,
  }));
  const addresses = Array.from({ length: 8 }, () => ({
    ip: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    libp2p: 65535,
    lane: 65535,
    heartbeat: 65535,
  }));
  const domain = { region: "r".repeat(63), zone: "z".repeat(63), host: "h".repeat(253) };
  const largest = createNodeRecord(network(1), key(1), draft({ vaults: many, addresses, domain, software: "s".repeat(63) }));
  assert.ok(largest.bytes.length <= nodeRecordMax, `${largest.bytes.length} bytes`);
  assert.equal(code(largest.bytes), "ok");
  assert.throws(() => createNodeRecord(network(1), key(1), draft({ vaults: [...many, vault(999)] })));
});

test("the start counter counts before the sequence", () => {
  assert.ok(isNewer({ startCounter: 2, sequence: 0 }, { startCounter: 1, sequence: 9 }));
  assert.ok(isNewer({ startCounter: 2, sequence: 3 }, { startCounter: 2, sequence: 2 }));
  assert.equal(isNewer(record, record), false);
  assert.equal(isNewer({ startCounter: 1, sequence: 9 }, { startCounter: 2, sequence: 0 }), false);
});
