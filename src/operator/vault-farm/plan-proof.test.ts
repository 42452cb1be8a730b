// Proves that the plan takes a node away on real signed statements only: two of the node and two of the second source whose
// turn it is, half a minute apart; forged, of another node, or about another inventory they allow nothing.
// The same at its goodbye after an operator's change, of which there is one new pair: whatever that says against it keeps it.
// Method: keys from seeds, statements as nodes sign them, the plan with the protocol's own decision.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createGenesis } from "../../protocol/genesis.ts";
import { hash } from "../../protocol/hash.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { signStopStatement, signStopWitness } from "../../protocol/safe-to-stop.ts";
import { type StopPair, witnessFor } from "../../protocol/stop-decision.ts";
import type { StopEvidence } from "./observed.ts";
import { planFarm } from "./plan.ts";
import { farmOf, goalWith, podNode, report } from "./plan-fixture.ts";

const names = ["a", "b", "c", "d", "e"];
const keyOf = (name: string): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(name.charCodeAt(0)));
const peerOf = (name: string) => peerIdFromPublicKey(keyOf(name).publicKey);
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "attic", copies, placeUnit: 1, createdAt: 0 }, keyOf("o"));
const nowMs = 1_000_000;

/** `missed`, `failed`: chunks that the second source alone misses copies of, or whose holders did not show them. */
type Said = {
  readonly by?: string;
  readonly inventory?: number;
  readonly short?: number;
  readonly missed?: number;
  readonly failed?: number;
};
const digest = (byte: number): Uint8Array => hash(Uint8Array.of(byte));

function pairAt(takenAtMs: number, { by = "a", inventory = 1, short = 0, missed = short, failed = 0 }: Said = {}): StopPair {
  const seen = { membership: digest(9), inventory: digest(inventory), count: 10, short };
  const own = {
    ...seen,
    startCounter: 1,
    purpose: "removal" as const,
    stayers: 4,
    bytesLeft: 0,
    estimateSeconds: 0,
    statedAtMs: takenAtMs,
  };
  const statement = signStopStatement(genesis.networkId, keyOf(by), own);
  const candidates = names.slice(1).map((name) => ({ peerId: peerOf(name), host: `host-${name}` }));
  const turn = witnessFor(statement, { peerId: peerOf("a"), host: "host-a" }, candidates)?.peerId;
  const witness = names.find((name) => peerOf(name) === turn) ?? assert.fail();
  const word = { ...seen, statement: hash(statement), short: missed, audited: 10, failed, statedAtMs: takenAtMs };
  return { statement, witness: signStopWitness(genesis.networkId, keyOf(witness), word), takenAtMs };
}

function firstStep(first: StopPair, second?: StopPair, released?: true): string {
  const looks = second === undefined ? { first } : { first, second };
  const evidence: StopEvidence = { purpose: "removal", among: names.slice(1), ...looks };
  const assigned = { leaving: "ScaleDown" as const, ...(released === undefined ? {} : { released }) };
  const leaving = { assigned, report: { ...report, admin: "draining" as const }, evidence };
  const nodes = names.map((name) => podNode(name, names, { peerId: peerOf(name), ...(name === "a" ? leaving : {}) }));
  const [step] = planFarm(goalWith({ nodes: 4, copies }), farmOf(nodes, { networkId: genesis.networkId }), nowMs);
  return step === undefined
    ? "nothing"
    : `${step.kind}${step.kind === "assign-node" && step.assigned.released === true ? " released" : ""}: ${step.why}`;
}

const good = pairAt(nowMs - 40_000);
test("two sound pairs, half a minute apart, release the node", () => {
  assert.match(firstStep(good, pairAt(nowMs - 5000)), /^assign-node released/);
});

const useless: readonly (readonly [string, StopPair, StopPair, RegExp])[] = [
  ["the same pair twice", good, good, /^prove-node: it is one too many/],
  ["another inventory", good, pairAt(nowMs - 5000, { inventory: 2 }), /^prove-node: what the node holds changed/],
  ["missing copies", good, pairAt(nowMs - 5000, { short: 3 }), /^prove-node: 3 chunks would have fewer than 4 copies/],
  ["the word of another node", good, pairAt(nowMs - 5000, { by: "b" }), /^prove-node: of .* not of/],
  ["garbage", good, { ...good, statement: Uint8Array.of(1, 2, 3), takenAtMs: nowMs - 5000 }, /^prove-node: /],
  ["a forged witness", good, { ...pairAt(nowMs - 5000), witness: good.witness }, /^prove-node: /],
];
for (const [what, first, second, expected] of useless)
  test(`${what} allows nothing`, () => {
    assert.match(firstStep(first, second), expected);
  });

test("a released node goes with one new sound pair, and with the two of its release", () => {
  assert.match(firstStep(pairAt(nowMs - 5000), undefined, true), /^stop-node/);
  assert.match(firstStep(good, pairAt(nowMs - 5000), true), /^stop-node/);
});

const against: readonly (readonly [string, StopPair, RegExp])[] = [
  ["whose second source misses copies", pairAt(nowMs - 5000, { missed: 3 }), /misses copies of 3 chunks, so it is kept$/],
  ["whose holders do not show their copies", pairAt(nowMs - 5000, { failed: 2 }), /showed their copies of 2 of 10 chunks, so it is kept$/],
  ["with a forged word", { ...pairAt(nowMs - 5000), witness: good.witness }, /, so it is kept$/],
  ["with the word on another node", pairAt(nowMs - 5000, { by: "b" }), /^assign-node: of .* not of .*, so it is kept$/],
];
for (const [what, pair, expected] of against)
  test(`a released node ${what} is kept`, () => {
    assert.match(firstStep(pair, undefined, true), /^assign-node: /);
    assert.match(firstStep(pair, undefined, true), expected);
  });

test("a released node whose last pair is too old for a goodbye is looked at anew", () => {
  assert.match(firstStep(good, pairAt(nowMs - 61_000), true), /^prove-node/);
});
