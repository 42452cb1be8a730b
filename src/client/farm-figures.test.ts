// Proves what the farm's figures are, given what nodes publish: sums, the middle of what is said of a vault, and what counts
// of nodes that are silent, older, or not through with counting.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NodeView } from "../network/directory.ts";
import { signingKeyFromSeed, type VaultName, vaultName } from "../protocol/keys.ts";
import type { CopyFigures, NodeFigures } from "../protocol/node-figures.ts";
import { createNodeRecord } from "../protocol/node-record.ts";
import { faultsOf, publishers, standingsOf, sumCopies, suspicionsBy } from "./farm-figures.ts";

const policy = { min: 4, target: 5, max: 8 };
const nothing = { lowest: null, belowMin: 0, belowTarget: 0, none: 0 };
const rest: CopyFigures = { live: [0, 0, 0, 0, 0, 10], partial: false, repairing: 0, bytesLeft: 0, etaMs: 0, waiting: 0, dueMs: null };
const noneBefore = { of: () => undefined };
const network = vaultName(signingKeyFromSeed(new Uint8Array(32).fill(99)).publicKey);
const signedAtMs = 1_000_000;
const vault: VaultName = vaultName(signingKeyFromSeed(new Uint8Array(32).fill(50)).publicKey);

function node(n: number, figures: Partial<NodeFigures> | undefined, change: Partial<NodeView> = {}): NodeView {
  const told = figures === undefined ? {} : { figures: { copies: null, suspects: [], seen: [], ...figures } };
  const draft = { addresses: [], domain: { region: "", zone: "", host: "" }, software: "", startCounter: 1, sequence: 1, signedAtMs };
  const record = createNodeRecord(network, signingKeyFromSeed(new Uint8Array(32).fill(n)), { ...draft, vaults: [], ...told });
  return { record, state: "live", since: 0, confirmed: false, ...change };
}

test("copies are summed over nodes; the nearest time and the longest work count", () => {
  const one = node(1, { copies: { ...rest, live: [0, 0, 0, 2, 3, 10], repairing: 2, bytesLeft: 100, etaMs: 40, waiting: 3, dueMs: 5000 } });
  const two = node(2, { copies: { ...rest, live: [0, 0, 0, 0, 1, 7], repairing: 1, bytesLeft: 50, etaMs: 90, waiting: 1, dueMs: 3000 } });
  assert.deepEqual(sumCopies(policy, { nodes: [one, two], last: noneBefore }, nothing), {
    policy,
    lowest: 3,
    belowMin: 2,
    belowTarget: 6,
    histogram: [0, 0, 0, 2, 4, 17],
    reporting: { nodes: 2, of: 2 },
    repair: { chunks: 3, bytesLeft: 150, etaMs: 90, waiting: 4, dueAtMs: signedAtMs + 3000 },
  });
});

test("nodes of an older version and those that still count are said to be missing; a chunk with no holder is known to who stored it", () => {
  const nodes = [node(1, { copies: rest }), node(2, undefined), node(3, { copies: { ...rest, partial: true } }), node(4, {})];
  const figures = sumCopies(policy, { nodes, last: noneBefore }, { lowest: 0, belowMin: 1, belowTarget: 1, none: 1 });
  assert.deepEqual([figures.reporting, figures.lowest, figures.belowMin], [{ nodes: 1, of: 4 }, 0, 1]);
  assert.deepEqual(figures.histogram, [1, 0, 0, 0, 0, 20]);
});

test("while no node has counted anything, what this client stored is told", () => {
  const own = { lowest: 4, belowMin: 0, belowTarget: 2, none: 0 };
  const { lowest, belowMin, belowTarget } = sumCopies(policy, { nodes: [node(1, undefined)], last: noneBefore }, own);
  assert.deepEqual({ lowest, belowMin, belowTarget, none: 0 }, own);
  assert.equal(sumCopies(policy, { nodes: [], last: noneBefore }, nothing).lowest, null);
});

test("what a node published counts while it lives, or is silent for a moment only", () => {
  const nodes = [
    node(1, {}),
    node(2, {}, { state: "suspected", since: 9_000 }),
    node(3, {}, { state: "suspected", since: 7_000 }),
    node(4, {}, { state: "away", since: 9_900 }),
  ];
  assert.deepEqual(publishers(nodes, 10_000), nodes.slice(0, 2));
});

test("who suspects a node, and the middle of what is said of a vault", () => {
  const suspect = node(9, {}).record.peerId;
  const seen = (conduct: number): NodeFigures["seen"] => [{ vault, score: conduct / 2, conduct, age: 3 }];
  const nodes = [
    node(1, { suspects: [suspect], seen: seen(820) }),
    node(2, { suspects: [suspect], seen: seen(0) }),
    node(3, { seen: seen(1000) }),
  ];
  assert.deepEqual(suspicionsBy(nodes).get(suspect), [nodes[0]?.record.peerId, nodes[1]?.record.peerId]);
  assert.deepEqual(standingsOf(nodes).get(vault), { score: 0.41, conduct: 0.82, standing: "warned", age: 3 });
});

test("faults are summed by kind over the nodes that counted any; who names a node twice adds no second witness", () => {
  const { peerId: peer } = node(9, undefined).record;
  const late = { peer, counts: [{ fault: "late", count: 2 }] };
  const worse = {
    peer,
    counts: [
      { fault: "late", count: 1 },
      { fault: "wrong-bytes", count: 3 },
    ],
  };
  const faults = faultsOf([node(1, { faults: [late, late] }), node(2, { faults: [worse] }), node(3, {}), node(4, undefined)]);
  assert.deepEqual([...faults], [[peer, { byNodes: 2, counts: { late: 3, "wrong-bytes": 3 } }]]);
});
