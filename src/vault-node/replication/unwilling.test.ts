// Proves which vaults are passed over for a while: those that say that they take nothing, and those that fail often and long enough, for a chunk or for
// all; that who takes a copy is forgiven; and that a bounded number is remembered. Method: direct calls at times that are set.
import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { createUnwilling, type Unwilling } from "./unwilling.ts";

const limits = { passedForMs: 1000, failuresMin: 3, patienceMs: 100, chunksMax: 4 };
const [one, other] = [1, 2].map((n) => vaultName(signingKeyFromSeed(new Uint8Array(32).fill(n)).publicKey)) as [Address, Address];
const chunk = (n: number): Address => chunkAddress(Uint8Array.of(n));

let now: number;
let unwilling: Unwilling;
beforeEach(() => {
  now = 0;
  unwilling = createUnwilling(() => now, limits);
});
const failAt = (...times: readonly number[]): void => {
  for (const ms of times) {
    now = ms;
    unwilling.failed(one, chunk(1));
  }
};

test("who said that it takes nothing is passed over, and tried again after a while", () => {
  unwilling.takesNothing(one);
  assert.deepEqual([unwilling.saidNo(one), unwilling.saidNo(other), unwilling.fails(one, chunk(1))], [true, false, false]);
  now = limits.passedForMs - 1;
  assert.ok(unwilling.saidNo(one));
  now = limits.passedForMs;
  assert.ok(!unwilling.saidNo(one));
});

for (const [name, times, passed] of [
  ["often, but within a moment", [0, 1, 2, 99], false],
  ["for long, but twice", [0, 500], false],
  ["often and for long", [0, 50, 100], true],
] as const)
  test(`who fails ${name} is ${passed ? "" : "not "}passed over`, () => {
    failAt(...times);
    assert.equal(unwilling.fails(one, chunk(1)), passed);
    assert.equal(unwilling.fails(one, chunk(2)), passed, "what a vault does not take is counted over all chunks");
    assert.ok(!unwilling.fails(other, chunk(1)));
    now += limits.passedForMs;
    assert.ok(!unwilling.fails(one, chunk(1)), "tried again");
  });

test("a vault that takes a chunk is forgiven for all but those that it still does not take", () => {
  failAt(0, 50, 100);
  unwilling.took(one, chunk(2));
  assert.deepEqual([unwilling.fails(one, chunk(1)), unwilling.fails(one, chunk(2))], [true, false]);
  unwilling.took(one, chunk(1));
  assert.ok(!unwilling.fails(one, chunk(1)));
});

test("of many chunks that fail the oldest is forgotten, and counted anew", () => {
  failAt(0, 50, 100);
  unwilling.took(one, chunk(9));
  for (let n = 2; n <= limits.chunksMax; n += 1) unwilling.failed(other, chunk(n));
  assert.ok(unwilling.fails(one, chunk(1)), "as many as are remembered");
  unwilling.failed(other, chunk(limits.chunksMax + 1));
  assert.ok(!unwilling.fails(one, chunk(1)));
});
