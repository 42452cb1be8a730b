// Proves of membership certificates: they read back as made whatever the order of their signers; strangers, doubles, too few,
// other networks, other rounds and wrong names are refused; and no random or damaged bytes throw or have two encodings.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ChainHead,
  emptyChain,
  headAfter,
  judgeCertificate,
  type MembershipStatement,
  quorumOf,
  type ReadCertificate,
  readCertificate,
  sealCertificate,
  signAsOwner,
  signVote,
  statementId,
} from "./certificate.ts";
import { encodeCanonical } from "./encoding.ts";
import { createGenesis } from "./genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "./keys.ts";
import { certificateNamesMax, certificateSizeMax, confirmedNodesMax } from "./limits.ts";
import { type PeerId, peerIdFromPublicKey } from "./peer-id.ts";

const key = (n: number): SigningKey => signingKeyFromSeed(Uint8Array.of(...new Uint8Array(30).fill(7), n >> 8, n & 255));
const peerOf = (signer: SigningKey): PeerId => peerIdFromPublicKey(signer.publicKey);
const owner = key(60_000);
const copies = { min: 1, target: 1, max: 1 };
const genesis = createGenesis({ name: "a", copies, placeUnit: 1, createdAt: 1 }, owner);
const other = createGenesis({ name: "a", copies, placeUnit: 1, createdAt: 2 }, owner);
const keys = Array.from({ length: 8 }, (_, n) => key(n));
const sorted = (list: readonly SigningKey[]): readonly PeerId[] => list.map(peerOf).sort();

const first: MembershipStatement = { sequence: 1, previous: genesis.networkId, joining: sorted(keys.slice(0, 5)), leaving: [] };
const founding = signAsOwner(genesis, owner, first);
const founded: ChainHead = headAfter(emptyChain(genesis.networkId), founding.id, first);
const next = (names: Partial<MembershipStatement>): MembershipStatement => ({
  ...{ sequence: 2, previous: founding.id, joining: [], leaving: [] },
  ...names,
});
const byNodes = (statement: MembershipStatement, signers: readonly SigningKey[], network = genesis, round = 3): ReadCertificate => {
  const vote = { statement: statementId(network.networkId, statement), round };
  const signatures = signers.map((signer) => ({ node: peerOf(signer), signature: signVote(network.networkId, signer, vote) }));
  return sealCertificate(genesis.networkId, { statement, approval: { kind: "nodes", round: 3, signatures } });
};
const joins = next({ joining: sorted(keys.slice(5, 7)), leaving: sorted(keys.slice(0, 1)) });
const codeOf = (certificate: ReadCertificate, head = founded): string => {
  const verdict = judgeCertificate(genesis, head, certificate);
  return verdict.ok ? "ok" : verdict.code;
};

test("the owner founds, more than half of the confirmed continue, and both read back as made", () => {
  assert.equal(codeOf(founding, emptyChain(genesis.networkId)), "ok");
  assert.deepEqual(readCertificate(genesis.networkId, founding.bytes), { ok: true, value: founding });
  const made = byNodes(joins, keys.slice(2, 5));
  assert.equal(codeOf(made), "ok");
  assert.deepEqual(readCertificate(genesis.networkId, made.bytes), { ok: true, value: made });
  assert.deepEqual(made.bytes, byNodes(joins, keys.slice(2, 5).reverse()).bytes);
  assert.deepEqual([...headAfter(founded, made.id, joins).confirmed].sort(), sorted(keys.slice(1, 7)));
  assert.equal(made.id, byNodes(joins, keys.slice(0, 4)).id, "the id does not depend on who signs");
});

test("too few, strangers, forged words and other networks are refused", () => {
  assert.equal(codeOf(byNodes(joins, keys.slice(0, 2))), "too-few");
  assert.equal(codeOf(byNodes(joins, [...keys.slice(0, 3), ...keys.slice(7)])), "stranger");
  assert.equal(codeOf(byNodes(joins, keys.slice(0, 3), other)), "bad-signature");
  assert.equal(codeOf(byNodes(joins, keys.slice(0, 3), genesis, 4)), "bad-signature", "a word of another round");
  assert.equal(codeOf(signAsOwner(genesis, key(9), first), emptyChain(genesis.networkId)), "bad-signature");
  assert.equal(codeOf(signAsOwner(other, owner, next({ leaving: sorted(keys.slice(0, 1)) }))), "bad-signature");
  assert.equal(codeOf(byNodes(first, keys.slice(0, 5)), emptyChain(genesis.networkId)), "stranger", "nodes cannot found a network");
});

test("a signer named twice is not read, whatever its place", () => {
  const made = byNodes(joins, keys.slice(0, 2));
  assert.ok(made.approval.kind === "nodes");
  const [one, two] = made.approval.signatures;
  assert.ok(one !== undefined && two !== undefined);
  const signatures = [one, one, two].map(({ node, signature }) => ({ node, signature }));
  const bytes = (list: typeof signatures): Uint8Array => {
    const previous = Buffer.from(joins.previous, "hex");
    return encodeCanonical({
      statement: { ...joins, previous: new Uint8Array(previous) },
      approval: { kind: "nodes", round: 3, signatures: list },
    });
  };
  assert.equal(readCertificate(genesis.networkId, bytes(signatures)).ok, false);
  assert.equal(readCertificate(genesis.networkId, bytes([two, one])).ok, false, "one order only");
  assert.equal(readCertificate(genesis.networkId, bytes([one, two])).ok, true);
});

test("names must fit: nobody in twice, nobody out who is not in, nobody left, none, too many, another place", () => {
  const owned = (names: Partial<MembershipStatement>): string => codeOf(signAsOwner(genesis, owner, next(names)));
  const signed = (names: Partial<MembershipStatement>): string => codeOf(byNodes(next(names), keys.slice(0, 5)));
  assert.equal(signed({ joining: sorted(keys.slice(0, 1)) }), "names");
  assert.equal(signed({ leaving: sorted(keys.slice(6, 7)) }), "names");
  assert.equal(owned({ leaving: first.joining }), "names", "nobody would be left");
  assert.equal(owned({ joining: sorted(keys.slice(6, 7)) }), "names", "the owner lets nobody in later");
  assert.equal(owned({ leaving: sorted(keys.slice(0, 4)) }), "ok");
  assert.equal(signed({ leaving: sorted(keys.slice(0, 1)), previous: genesis.networkId }), "gap");
  assert.equal(signed({ leaving: sorted(keys.slice(0, 1)), sequence: 3 }), "gap");
  const many = Array.from({ length: certificateNamesMax + 1 }, (_, n) => key(100 + n));
  assert.equal(signed({ joining: sorted(many) }), "names");
  assert.throws(() => next({}) && signAsOwner(genesis, owner, next({})), "nobody named");
  const both = sorted(keys.slice(0, 1));
  assert.throws(() => signAsOwner(genesis, owner, next({ joining: both, leaving: both })));
  assert.throws(() => signAsOwner(genesis, owner, next({ leaving: [...first.joining].reverse() })), "one order only");
});

test("the largest certificates fit their limit, and one byte more is not read", () => {
  const all = sorted(Array.from({ length: confirmedNodesMax }, (_, n) => key(n)));
  const largest = signAsOwner(genesis, owner, { ...first, joining: all });
  assert.ok(largest.bytes.length <= certificateSizeMax);
  assert.ok(readCertificate(genesis.networkId, largest.bytes).ok);
  assert.equal(readCertificate(genesis.networkId, new Uint8Array(certificateSizeMax + 1)).ok, false);
});

test("two quorums of the same nodes always meet", () => {
  for (let nodes = 1; nodes <= 100; nodes += 1) assert.ok(2 * quorumOf(nodes) > nodes && quorumOf(nodes) <= nodes);
});

test("random and damaged bytes never throw, are never accepted as another certificate", () => {
  const made = byNodes(joins, keys.slice(0, 3));
  const damage = fc.tuple(fc.nat(made.bytes.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(damage, ([at, bits]) => {
      const bytes = made.bytes.map((byte, i) => (i === at ? byte ^ bits : byte));
      const read = readCertificate(genesis.networkId, bytes);
      if (read.ok) assert.notEqual(codeOf(read.value), "ok");
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !readCertificate(genesis.networkId, bytes).ok));
});
