// Proves of dropping copies too many, over any answers of those who must prove theirs: exactly those copies go for which every
// one of `proofs` showed the bytes, nobody is asked about a chunk that it need not prove, and nothing goes once it is to end.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type Auditor, type AuditTarget, type AuditVerdict, auditVerdicts } from "../audit/auditor.ts";
import { silentReplicationEvents } from "./replication-events.ts";
import { type Surplus, trim } from "./trimmer.ts";

const peers = Array.from(
  { length: 7 },
  (_, n): PeerId => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(n + 1)).publicKey),
);
const address = (n: number): Address => chunkAddress(Uint8Array.of(n));
const size = 10;
const vault = vaultName(signingKeyFromSeed(new Uint8Array(32).fill(90)).publicKey);

type Case = {
  /** Who must prove each chunk. */
  readonly proofs: readonly (readonly PeerId[])[];
  /** What a node answers of a chunk; most prove theirs, so that some copies go. */
  readonly answers: readonly (readonly AuditVerdict[])[];
};
const verdict = fc.oneof({ weight: 8, arbitrary: fc.constant<AuditVerdict>("proven") }, fc.constantFrom(...auditVerdicts));
const cases: fc.Arbitrary<Case> = fc.integer({ min: 0, max: 6 }).chain((chunks) =>
  fc.record({
    proofs: fc.array(fc.subarray(peers), { minLength: chunks, maxLength: chunks }),
    answers: fc.array(fc.array(verdict, { minLength: chunks, maxLength: chunks }), { minLength: peers.length, maxLength: peers.length }),
  }),
);

type Trimmed = { readonly removed: readonly Address[]; readonly asked: readonly AuditTarget[]; readonly told: readonly number[] };

/** Trims; `end` aborts as soon as the first node answers. */
async function trimmed({ proofs, answers }: Case, end = new AbortController(), aborts = false): Promise<Trimmed> {
  const removed: Address[] = [];
  const asked: AuditTarget[] = [];
  const told: number[] = [];
  const numberOf = (chunk: Address): number => proofs.findIndex((_, n) => address(n) === chunk);
  const auditor: Auditor = {
    audit: async (target) => {
      asked.push(target);
      if (aborts) end.abort(new Error("over"));
      return target.chunks.map((chunk) => answers[peers.indexOf(target.peer)]?.[numberOf(chunk)] ?? assert.fail("asked in vain"));
    },
  };
  const store = {
    info: () => ({ vault, size, storedAtMs: 0 }),
    remove: async (chunk: Address) => {
      removed.push(chunk);
      return true;
    },
  };
  const events = { ...silentReplicationEvents, trimmed: (count: number, bytes: number) => void told.push(count, bytes) };
  const surplus = proofs.map((those, n): Surplus => ({ address: address(n), proofs: those }));
  await trim({ auditor, store, events, stays: () => true }, surplus, end.signal);
  return { removed, asked, told };
}

test("exactly what everybody asked has proven is dropped", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const { removed, asked, told } = await trimmed(one);
      const proven = (those: readonly PeerId[], n: number): boolean =>
        those.length > 0 && those.every((peer) => one.answers[peers.indexOf(peer)]?.[n] === "proven");
      const expected = one.proofs.flatMap((those, n) => (proven(those, n) ? [address(n)] : []));
      assert.deepEqual(removed, expected);
      assert.deepEqual(
        told,
        expected.flatMap(() => [1, size]),
      );
      assert.equal(new Set(asked.map(({ peer }) => peer)).size, asked.length, "a node is asked once");
      for (const { peer, chunks } of asked)
        assert.deepEqual(
          chunks,
          one.proofs.flatMap((those, n) => (those.includes(peer) ? [address(n)] : [])),
        );
    }),
    { numRuns: 500 },
  );
});

test("once it is to end, nothing is dropped, whatever was proven", async () => {
  const one: Case = { proofs: [peers.slice(0, 5)], answers: peers.map(() => ["proven"]) };
  assert.deepEqual((await trimmed(one)).removed, [address(0)]);
  assert.deepEqual((await trimmed(one, new AbortController(), true)).removed, []);
});
