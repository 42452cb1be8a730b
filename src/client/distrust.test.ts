// Proves that customers distrust a node only where more than half of those that publish what they saw think badly of it: not for
// one loud voice, not for its own word, not for two of four, and never because of pace or absences.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NodeView } from "../network/directory.ts";
import { addressFromBytes } from "../protocol/address.ts";
import { signingKeyFromSeed, vaultName } from "../protocol/keys.ts";
import { createNodeRecord } from "../protocol/node-record.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createDistrust, seenNodes } from "./distrust.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n + 1));
const vaultKeyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n + 101));
const target = 5;

/** Nodes each of which publishes the honesty of some others, in thousandths; `conduct` is bad for all. */
function nodes(...published: readonly (Readonly<Record<number, number>> | "silent")[]): readonly NodeView[] {
  return published.map((seen, n): NodeView => {
    const record = createNodeRecord(addressFromBytes(new Uint8Array(32)), keyOf(n), {
      addresses: [],
      domain: { region: "", zone: "", host: "" },
      software: "",
      startCounter: 1,
      sequence: 1,
      signedAtMs: 0,
      vaults: [{ key: vaultKeyOf(n), capacity: 320, used: 0, chunks: 0, state: "active", wallet: null }],
      figures: {
        copies: null,
        suspects: [],
        seen: Object.entries(seen === "silent" ? {} : seen).map(([of, honesty]) => ({
          ...{ vault: vaultName(vaultKeyOf(Number(of)).publicKey), score: 0, conduct: 0, age: 0, honesty },
        })),
      },
    });
    return { record, state: seen === "silent" ? "suspected" : "live", confirmed: false, since: 0 };
  });
}

const honestyOf = (views: readonly NodeView[], n: number): number | undefined => seenNodes(views)[n]?.honesty;

test("one voice, the node's own and those of nodes that are not there count for nothing", () => {
  assert.equal(honestyOf(nodes({ 0: 0 }, { 0: 1000 }, { 0: 1000 }, { 0: 1000 }), 0), 1);
  assert.equal(honestyOf(nodes({}, { 0: 0 }, { 0: 0 }), 0), 1, "fewer than three voices");
  assert.equal(honestyOf(nodes({}, { 0: 0 }, { 0: 0 }, { 0: 1000 }, { 0: 1000 }), 0), 1, "two of four");
  assert.equal(honestyOf(nodes({}, { 0: 0 }, { 0: 0 }, "silent"), 0), 1);
  assert.equal(honestyOf(nodes({}, { 0: 100 }, { 0: 0 }, { 0: 1000 }), 0), 0.1, "two of three");
});

test("most voices make a node distrusted, one that slanders everybody does not", () => {
  const clock = createVirtualClock();
  const slander = Object.fromEntries(Array.from({ length: 7 }, (_, n) => [n, 0]));
  let views = nodes({ 1: 0 }, {}, { 1: 50 }, { 1: 0 }, { 1: 100 }, { 1: 900 }, slander);
  const distrusts = createDistrust({ nodes: () => views }, target, clock);
  const asked = views.map(({ record }) => distrusts(record.peerId));
  assert.deepEqual(asked, [false, true, false, false, false, false, false]);
  views = nodes({}, {}, {}, {}, {}, {}, {});
  assert.equal(distrusts(views[1]?.record.peerId ?? assert.fail()), true, "read every two seconds");
});

test("nodes that publish no honesty say nothing, however bad the conduct they saw", () => {
  const views = nodes({ 1: 0 }, {}, { 1: 0 }, { 1: 0 });
  const older = views.map((view) => {
    const seen = view.record.figures?.seen.map(({ honesty: _honesty, ...rest }) => rest) ?? [];
    return { ...view, record: { ...view.record, figures: { copies: null, suspects: [], seen } } };
  });
  assert.equal(honestyOf(older, 1), 1);
});
