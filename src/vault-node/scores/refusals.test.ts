// Proves which refusals of copies count against a node: those that its own record gives the lie, often enough, for long enough,
// with nothing taken in between. Method: the book alone, with views and times made by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NodeView } from "../../network/directory.ts";
import { chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { type RefusalReason, refusalReasons } from "../../protocol/receipt.ts";
import type { VaultState } from "../../protocol/states.ts";
import { createRefusals, type Refusals } from "./refusals.ts";

const key = signingKeyFromSeed(new Uint8Array(32).fill(1));
const vault = vaultName(key.publicKey);
const chunkOf = (n: number) => chunkAddress(new Uint8Array(8).fill(n));
const limits = { putOffsMin: 3, patienceMs: 100 };

function viewOf(state: VaultState, used: number, seenAs: NodeView["state"] = "live"): NodeView {
  const draft = { addresses: [], domain: { region: "", zone: "", host: "" }, software: "", startCounter: 1, sequence: 1, signedAtMs: 0 };
  const vaults = [{ key, capacity: 1000, used, chunks: 0, state, wallet: null }];
  return { record: createNodeRecord(vault, key, { ...draft, vaults }), state: seenAs, since: 0, confirmed: false };
}

const roomy = viewOf("active", 500);
const { peerId: peer } = roomy.record;

/** Refuses a copy of chunk `chunk` at each of these times; what the last refusal counts as. */
function refuse(times: readonly number[], reason: RefusalReason, { view = roomy, chunk = (at: number) => at, taken = -1 } = {}): boolean {
  let nowMs = 0;
  const book: Refusals = createRefusals(() => nowMs, limits);
  return times.reduce((_last, at) => {
    nowMs = at;
    const offered = { peer, vault, chunk: chunkOf(chunk(at)) };
    if (at === taken) book.took(offered);
    return book.refused(offered, reason, view);
  }, false);
}

test("a vault that claims room and takes nothing for long is at fault, whichever chunks it refuses", () => {
  assert.equal(refuse([0, 50, 99], "full"), false, "not long enough");
  assert.equal(refuse([0, 100], "full"), false, "not often enough");
  assert.equal(refuse([0, 50, 100], "full"), true);
  assert.equal(refuse([0, 50, 100], "full", { taken: 50 }), false, "it took one meanwhile");
});

test("so is one that takes all but one chunk", () => {
  let nowMs = 0;
  const book = createRefusals(() => nowMs, limits);
  const verdicts = [0, 50, 100].map((at) => {
    nowMs = at;
    book.took({ peer, vault, chunk: chunkOf(2) });
    return book.refused({ peer, vault, chunk: chunkOf(1) }, "cordoned", roomy);
  });
  assert.deepEqual(verdicts, [false, false, true]);
});

test("an honest refusal is none: of a vault that says it is full or not active, of a node that is not there, of the offerer's own doing", () => {
  const always = [0, 50, 100, 150];
  for (const view of [viewOf("active", 950), viewOf("cordoned", 0), viewOf("joining", 0), viewOf("active", 0, "suspected")])
    assert.equal(refuse(always, "full", { view }), false);
  assert.deepEqual(
    refusalReasons.filter((reason) => !refuse(always, reason)),
    ["not-admitted", "not-near"],
  );
});
