// Proves what the operator's seal on a decision is worth: it holds for one record, one farm, one key and what was decided, a release
// for an hour, and nobody without the key has it counted; zone and sizes want none. Method: sealed, changed in one thing, read.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { seededRandom } from "../../runtime/random.ts";
import type { AssignedSpec } from "../api/vault-node.ts";
import { type DecidedNode, releaseHoldsMs, sealDecision, sealedPart } from "./decision-seal.ts";
import { newNetworkSecret, readNetworkSecret } from "./network-secret.ts";

const wallMs = Date.parse("2027-01-01T00:00:00Z");
const node: DecidedNode = { farmUid: "f1", name: "attic-aaaaa", uid: "r1" };
const open: AssignedSpec = { zone: "za", capacity: 2 ** 30, specCapacity: 2 ** 29 };
const released: AssignedSpec = { ...open, leaving: "ScaleDown", released: true };

function keysOf(seed: number): Parameters<typeof sealDecision>[2]["keys"] {
  const farm = { name: "attic", namespace: "farms", uid: "f1" };
  const beginning = { copies: { min: 4, target: 5, max: 8 }, vaultCapacity: 2 ** 30, createdAtMs: wallMs };
  const read = readNetworkSecret(newNetworkSecret(farm, beginning, seededRandom(seed))["data"] as Readonly<Record<string, string>>);
  return read.ok ? read.keys : assert.fail(read.why);
}
const keys = keysOf(1);
const seal = sealDecision(released, node, { keys, wallMs });

test("what was sealed counts as it is; zone and sizes count without a seal, and get none", () => {
  assert.deepEqual(sealedPart(released, seal, node, { keys, wallMs }), released);
  assert.equal(sealDecision(open, node, { keys, wallMs }), undefined);
  assert.deepEqual(sealedPart(open, undefined, node, { keys, wallMs }), open);
  const grown = { ...released, capacity: 2 ** 31 };
  assert.deepEqual(sealedPart(grown, seal, node, { keys, wallMs }), grown);
});

test("another record, farm, key or decision, and what is no seal: the node neither leaves nor is released", () => {
  const read = (assigned: AssignedSpec, one = seal, of = node, by = keys): AssignedSpec =>
    sealedPart(assigned, one, of, { keys: by, wallMs });
  const later = `${wallMs + 1}.${seal?.split(".")[1]}`;
  const cases = [
    ...[undefined, "", ".", "x", "1.", `${wallMs}.`, `${wallMs}.AAAA`, `${seal}A.`, later].map((one) =>
      sealedPart(released, one, node, { keys, wallMs }),
    ),
    read(released, seal, { ...node, uid: "r2" }),
    read(released, seal, { ...node, name: "attic-bbbbb" }),
    read(released, seal, { ...node, farmUid: "f2" }),
    read(released, seal, node, keysOf(2)),
    read({ ...released, leaving: "Replaced" }),
    read({ ...open, released: true }),
    read({ ...open, leaving: "ScaleDown" }),
    read({ ...open, leaving: "ScaleDown", released: false }),
  ];
  for (const [i, one] of cases.entries()) assert.deepEqual(one, open, String(i));
});

test("a release counts for an hour, by a clock that went back too; that the node leaves counts for good", () => {
  const at = (ms: number): boolean | undefined => sealedPart(released, seal, node, { keys, wallMs: wallMs + ms }).released;
  assert.deepEqual([at(releaseHoldsMs - 1), at(releaseHoldsMs), at(-releaseHoldsMs)], [true, undefined, undefined]);
  const { released: _released, ...leaving } = released;
  assert.deepEqual(sealedPart(released, seal, node, { keys, wallMs: wallMs + releaseHoldsMs }), leaving);
  const long = sealDecision(leaving, node, { keys, wallMs });
  assert.deepEqual(sealedPart(leaving, long, node, { keys, wallMs: wallMs + 1000 * releaseHoldsMs }), leaving);
});
