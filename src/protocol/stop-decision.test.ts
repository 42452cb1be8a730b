// Proves that a node may be stopped only with two sound pairs of statements: each single thing that can be wrong with a pair,
// or between the two, is refused with its own word, and the second source is the same for everybody and changes with the statement.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, addressFromBytes } from "./address.ts";
import { hash } from "./hash.ts";
import { type SigningKey, signingKeyFromSeed } from "./keys.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import {
  copiesNeeded,
  createInventoryRoot,
  type StopStatement,
  type StopWitness,
  signStopStatement,
  signStopWitness,
} from "./safe-to-stop.ts";
import { mayBeStopped, type StopObstacle, type StopPair, type StopQuestion, type WitnessCandidate, witnessFor } from "./stop-decision.ts";

const key = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n));
const candidate = (n: number, host = ""): WitnessCandidate => ({ peerId: peerIdFromPublicKey(key(n).publicKey), host });
const networkId = addressFromBytes(new Uint8Array(32).fill(9));
const bytes = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const node = candidate(1);
const candidates = [2, 3, 4, 5, 6].map((n) => candidate(n));
const copies = { min: 4, target: 5, max: 8 };

type Change = {
  readonly statement?: Partial<StopStatement>;
  readonly witness?: Partial<StopWitness>;
  readonly signer?: number;
  readonly second?: number;
  readonly network?: Address;
};

function pair(takenAtMs: number, { statement = {}, witness = {}, signer = 1, second, network = networkId }: Change = {}): StopPair {
  const own = {
    ...({ startCounter: 1, purpose: "removal", membership: bytes(1), inventory: bytes(2), count: 7 } as const),
    ...{ stayers: 5, short: 0, bytesLeft: 0, estimateSeconds: 0, statedAtMs: 1_000 + takenAtMs },
    ...statement,
  };
  const signed = signStopStatement(network, key(signer), own);
  const turn = witnessFor(signed, node, candidates)?.peerId;
  const number = second ?? [2, 3, 4, 5, 6].find((n) => candidate(n).peerId === turn) ?? 2;
  const { membership, inventory, count } = own;
  const word = { membership, inventory, count, statement: hash(signed), short: 0, audited: 7, failed: 0, statedAtMs: 1_000, ...witness };
  return { statement: signed, witness: signStopWitness(networkId, key(number), word), takenAtMs };
}

const decide = (first: StopPair, second: StopPair, change: Partial<StopQuestion> = {}): StopObstacle | "yes" => {
  const decision = mayBeStopped({
    networkId,
    copies,
    node,
    purpose: "removal",
    candidates,
    first,
    second,
    nowMs: second.takenAtMs,
    ...change,
  });
  return decision.ok ? "yes" : decision.obstacle;
};

test("two sound pairs half a minute apart allow it", () => {
  assert.equal(decide(pair(0), pair(30_000)), "yes");
});

const wrong: readonly (readonly [string, StopObstacle, Change])[] = [
  ["for another purpose", "bad-statement", { statement: { purpose: "restart" } }],
  ["signed by another node", "bad-statement", { signer: 2 }],
  ["of another network", "bad-statement", { network: addressFromBytes(bytes(8)) }],
  ["with fewer nodes left than min", "too-few-nodes", { statement: { stayers: 3 } }],
  ["with a chunk that would lack copies", "short", { statement: { short: 1 } }],
  ["whose second source names another statement", "not-confirmed", { witness: { statement: bytes(3) } }],
  ["whose second source saw another inventory", "not-confirmed", { witness: { inventory: bytes(3) } }],
  ["whose second source counted otherwise", "not-confirmed", { witness: { count: 8 } }],
  ["whose second source sees other nodes", "membership-changed", { witness: { membership: bytes(3) } }],
  ["whose second source misses copies", "not-confirmed", { witness: { short: 1 } }],
  ["with holders that did not show their copies", "not-confirmed", { witness: { failed: 1 } }],
  ["confirmed by the node itself", "wrong-witness", { second: 1 }],
  ["confirmed by a stranger", "wrong-witness", { second: 7 }],
];
for (const [name, obstacle, change] of wrong)
  test(`a pair ${name} is no proof: ${obstacle}`, () => {
    assert.equal(decide(pair(0, change), pair(30_000)), obstacle);
    assert.equal(decide(pair(0), pair(30_000, change)), obstacle);
  });

test("where one of the candidates said whose turn it is in the network, the word is of that node: of no other, and never of the leaver", () => {
  const stranger = candidate(7).peerId;
  const told = (takenAtMs: number, second: number, turn = stranger): StopPair => ({ ...pair(takenAtMs, { second }), turn });
  assert.equal(decide(told(0, 7), told(30_000, 7)), "yes");
  assert.equal(decide(pair(0), told(30_000, 7)), "yes", "the turn changes with the statement");
  for (const second of [2, 3, 4, 5, 6]) assert.equal(decide(told(0, 7), told(30_000, second)), "wrong-witness");
  assert.equal(decide(told(0, 7), told(30_000, 1, node.peerId)), "wrong-witness");
});

test("what changed between the two voids them", () => {
  const change = (statement: Partial<StopStatement>): StopObstacle | "yes" => decide(pair(0), pair(30_000, { statement }));
  assert.equal(change({ startCounter: 2 }), "restarted");
  assert.equal(change({ inventory: bytes(5) }), "inventory-changed");
  assert.equal(change({ membership: bytes(5) }), "membership-changed");
});

test("one pair shown twice, pairs too near, and old ones are no proof", () => {
  assert.equal(decide(pair(0), pair(0)), "too-soon");
  assert.equal(decide(pair(0), pair(29_999)), "too-soon");
  assert.equal(decide(pair(0), { ...pair(0), takenAtMs: 40_000 }), "too-soon");
  assert.equal(decide(pair(0), pair(30_000), { nowMs: 90_001 }), "stale");
});

test("damaged bytes are refused and never thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (junk, isStatement) => {
      const damaged = isStatement ? { ...pair(0), statement: junk } : { ...pair(0), witness: junk };
      assert.notEqual(decide(damaged, pair(30_000)), "yes");
    }),
  );
});

test("the second source is on another host where there is one, never the node itself, and the same in any order", () => {
  const hosts = [candidate(2, "a"), candidate(3, "a"), candidate(4, "b"), candidate(1, "a")];
  const chosen = new Set<string>();
  for (let n = 0; n < 50; n += 1) {
    const statement = Uint8Array.of(n);
    assert.equal(witnessFor(statement, candidate(1, "a"), hosts)?.peerId, candidate(4).peerId);
    const turn = witnessFor(statement, node, candidates)?.peerId;
    assert.equal(witnessFor(statement, node, candidates.toReversed())?.peerId, turn);
    chosen.add(turn ?? "");
  }
  assert.equal(chosen.size, candidates.length);
  assert.equal(witnessFor(Uint8Array.of(1), candidate(1, "a"), hosts.slice(0, 2))?.host, "a");
  assert.equal(witnessFor(Uint8Array.of(1), node, [node]), undefined);
});

test("the root of an inventory tells any two sets apart, and depends on nothing else", () => {
  const root = (addresses: readonly Uint8Array[]): string => {
    const builder = createInventoryRoot();
    for (const address of addresses.toSorted(Buffer.compare)) builder.add(addressFromBytes(address));
    return Buffer.from(builder.end()).toString("hex");
  };
  const addresses = fc.uniqueArray(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 20, selector: (a) => a.join() });
  fc.assert(
    fc.property(addresses, fc.uint8Array({ minLength: 32, maxLength: 32 }), (set, extra) => {
      assert.equal(root(set), root(set.toReversed()));
      if (!set.some((one) => Buffer.compare(one, extra) === 0)) assert.notEqual(root(set), root([...set, extra]));
    }),
  );
});

test("a removal needs target copies as far as nodes are left, a restart min", () => {
  assert.deepEqual(
    [9, 5, 4, 3].map((stayers) => copiesNeeded("removal", copies, stayers)),
    [5, 5, 4, 3],
  );
  assert.equal(copiesNeeded("restart", copies, 9), 4);
});
