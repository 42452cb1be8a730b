// Proves over a real directory that a node that others only tell of is no node of the farm for a customer: it is not shown, what it
// published is not counted, and it makes no room among those that may be distrusted; once met it is a node like every other.
// And what is told of copies while a node that has just started has not counted yet; and that a view is of one moment.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews } from "../network/membership/node-views.ts";
import { createGenesis } from "../protocol/genesis.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import type { CopyFigures } from "../protocol/node-figures.ts";
import { createNodeRecord, type NodeRecord } from "../protocol/node-record.ts";
import { createCopiesLedger } from "./copies-ledger.ts";
import { seenNodes } from "./distrust.ts";
import { createLastCounts } from "./last-counts.ts";
import { networkView } from "./network-view.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "told of", copies, placeUnit: 2 ** 20, createdAt: 0 }, keyOf(90));
const whole = { live: [0, 0, 0, 0, 0, 3], partial: false, repairing: 0, bytesLeft: 0, etaMs: 0, waiting: 0, dueMs: null };

function recordOf(n: number, zone = "", counted: CopyFigures = whole): NodeRecord {
  return createNodeRecord(genesis.networkId, keyOf(n), {
    addresses: [],
    domain: { region: "", zone, host: "" },
    software: "",
    startCounter: 1,
    sequence: 1,
    signedAtMs: 0,
    vaults: [{ key: keyOf(n + 40), capacity: 2 ** 20, used: 0, chunks: 3, state: "active", wallet: null }],
    figures: { copies: counted, suspects: [], seen: [] },
  });
}

/** What a farm is seen through, and whom it was told of: nobody yet. */
function emptyFarm(beforePick?: () => void) {
  const views = createNodeViews(genesis, () => 0, beforePick);
  const { directory } = views;
  return { views, parts: { genesis, membership: { directory }, ledger: createCopiesLedger(10), lastCounts: createLastCounts(directory) } };
}

test("a node that is only told of is not shown and not counted until it was met", () => {
  const { views, parts } = emptyFarm();
  const [met, told] = [recordOf(1), recordOf(2)];
  views.putRecord(met, "live");
  views.putRecord(told, "suspected", true);
  const seen = () => {
    const view = networkView(parts, 1_000);
    const trusted = seenNodes(views.directory.nodes()).map(({ peer }) => peer);
    return { shown: view.nodes.map(({ peerId }) => peerId), chunks: view.copies.histogram.at(-1), of: view.copies.reporting.of, trusted };
  };
  assert.deepEqual(seen(), { shown: [met.peerId], chunks: 3, of: 1, trusted: [met.peerId] });
  views.setStranger(told.peerId, false);
  views.setState(told.peerId, "live");
  assert.deepEqual(seen(), { shown: [met.peerId, told.peerId], chunks: 6, of: 2, trusted: [met.peerId, told.peerId] });
});

test("a node that has just started says nothing of copies: what it counted last holds until it has counted again, or is gone", () => {
  const { views, parts } = emptyFarm();
  const says = (counted: CopyFigures) => {
    views.putRecord(recordOf(1, "", counted), "live");
    const { belowMin, histogram, reporting } = networkView(parts, 1_000).copies;
    return [belowMin, histogram, reporting.nodes];
  };
  const started = { ...whole, live: [0, 0, 0, 0, 0, 0], partial: true };
  assert.deepEqual(says(started), [0, [0, 0, 0, 0, 0, 0], 0], "nothing known yet");
  assert.deepEqual(says({ ...whole, live: [0, 0, 2, 0, 0, 1], onLeavers: 1 }), [1, [0, 0, 2, 0, 0, 1], 1]);
  assert.deepEqual(says(started), [1, [0, 0, 2, 0, 0, 1], 0], "what was below min still is");
  assert.deepEqual(
    says({ ...whole, live: [0, 1, 0, 0, 0, 1], partial: true }),
    [1, [0, 1, 0, 0, 0, 1], 0],
    "more than it remembers: what it counts holds",
  );
  assert.deepEqual(says(whole), [0, [0, 0, 0, 0, 0, 3], 1]);
  views.setState(recordOf(1).peerId, "gone");
  views.putRecord(recordOf(1, "", started), "gone");
  views.setState(recordOf(1).peerId, "live");
  assert.deepEqual(says(started), [0, [0, 0, 0, 0, 0, 0], 0], "long gone");
});

test("it is said where copies cannot be spread: for want of nodes, or of nodes in other zones; and no more once they can", () => {
  const { views, parts } = emptyFarm();
  const said = () => networkView(parts, 1_000).copies.spread;
  for (const n of [1, 2, 3, 4]) views.putRecord(recordOf(n, "north"), "live");
  assert.deepEqual(said(), { short: "nodes", text: "only 4 nodes take chunks now, so that none gets the intended 5 copies" });
  views.putRecord(recordOf(5, "south"), "live");
  assert.deepEqual(said(), {
    short: "zones",
    text: "up to 4 of the 5 copies of a chunk share a zone (3 if nodes were spread evenly): of nodes that take chunks zone south has 1",
  });
  const sixth = recordOf(6, "south");
  views.putRecord(sixth, "live");
  assert.equal(said(), undefined);
  views.setState(sixth.peerId, "away");
  assert.equal(said()?.short, "zones");
});

test("what looking for holders finds out of nodes is in the same view", () => {
  const { views, parts } = emptyFarm(() => views.setState(record.peerId, "live"));
  const record = recordOf(1);
  views.putRecord(record, "suspected");
  assert.deepEqual(
    networkView(parts, 1_000).nodes.map(({ state }) => state),
    ["live"],
  );
});
