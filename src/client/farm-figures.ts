// The farm's figures out of what its nodes publish of themselves. Each chunk is counted by one node, so that sums over nodes
// are the farm. Pure.
import type { NodeView } from "../network/directory.ts";
import type { CopiesPolicy } from "../protocol/genesis.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { CopyFigures, SeenFigures } from "../protocol/node-figures.ts";
import type { SeenFaults } from "../protocol/peer-faults.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { standingOf } from "../protocol/standing.ts";
import type { CopiesFigures } from "./copies-ledger.ts";
import type { CopiesSummary, VaultStanding } from "./farm-client.ts";
import type { LastCounts } from "./last-counts.ts";

/** What this client knows by itself: `none` = chunks that it put or counted and that have no live holder. */
export type OwnFigures = CopiesFigures & { readonly none: number };

// A suspicion that lasts less is mostly false: what the node published still holds (vault-node: lastingSilenceMs).
const lastingSilenceMs = 2_000;

/** The nodes whose published figures count now. */
export function publishers(nodes: readonly NodeView[], wallMs: number): readonly NodeView[] {
  return nodes.filter(({ state, since }) => state === "live" || (state === "suspected" && wallMs - since < lastingSilenceMs));
}

/** The nodes whose figures count, and what each counted before it started anew. */
export type CountedFarm = { readonly nodes: readonly NodeView[]; readonly last: Pick<LastCounts, "of"> };

/** Copies of the whole farm; where no node publishes figures, of the chunks that this client knows. */
export function sumCopies(policy: CopiesPolicy, { nodes: counted, last }: CountedFarm, own: OwnFigures): CopiesSummary {
  const figures = counted.flatMap(({ record }) => {
    const copies = record.figures?.copies ?? undefined;
    return copies === undefined ? [] : [{ ...copies, ...(isEmpty(copies) ? last.of(record.peerId) : {}), signedAtMs: record.signedAtMs }];
  });
  const sum = (of: (one: (typeof figures)[number]) => number): number => figures.reduce((total, one) => total + of(one), 0);
  const reporting = { nodes: figures.filter(({ partial }) => !partial).length, of: counted.length };
  const dueAt = figures.flatMap(({ waiting, dueMs, signedAtMs }) => (waiting === 0 || dueMs === null ? [] : [signedAtMs + dueMs]));
  const repair = {
    chunks: sum(({ repairing }) => repairing),
    bytesLeft: sum(({ bytesLeft }) => bytesLeft),
    etaMs: Math.max(0, ...figures.map(({ etaMs }) => etaMs)),
    waiting: sum(({ waiting }) => waiting),
    dueAtMs: dueAt.length === 0 ? null : Math.min(...dueAt),
  };
  const histogram = Array.from({ length: policy.target + 1 }, (_, copies) => sum(({ live }) => live[copies] ?? 0));
  histogram[0] = (histogram[0] ?? 0) + own.none;
  const all = histogram.reduce((total, chunks) => total + chunks, 0);
  // A farm whose chunks were not counted yet knows less than who just stored some.
  if (all === own.none) {
    const { lowest, belowMin, belowTarget } = own;
    return { policy, lowest, belowMin, belowTarget, histogram, reporting, repair };
  }
  const below = (copies: number): number => histogram.slice(0, copies).reduce((total, chunks) => total + chunks, 0);
  // A copy on a node that leaves is one too, as long as the node runs.
  const onLeavers = sum((one) => one.onLeavers ?? 0);
  const lowest = histogram.findIndex((chunks) => chunks > 0);
  return { policy, lowest, belowMin: below(policy.min) - onLeavers, belowTarget: below(policy.target), histogram, reporting, repair };
}

/** Whether a node has not counted yet: nothing is known of its chunks then but what it said before. */
function isEmpty({ live, partial }: CopyFigures): boolean {
  return partial && live.every((chunks) => chunks === 0);
}

/** Who publishes that it has not heard of a node for seconds. */
export function suspicionsBy(counted: readonly NodeView[]): ReadonlyMap<PeerId, readonly PeerId[]> {
  const by = new Map<PeerId, PeerId[]>();
  for (const { record } of counted)
    for (const suspect of record.figures?.suspects ?? []) by.set(suspect, [...(by.get(suspect) ?? []), record.peerId]);
  return by;
}

/** What the nodes that publish counted against each node: sums by kind, and how many of them counted anything. */
export function faultsOf(counted: readonly NodeView[]): ReadonlyMap<PeerId, SeenFaults> {
  const found = new Map<PeerId, { byNodes: number; readonly counts: Map<string, number> }>();
  for (const { record } of counted) {
    // Named twice by one node is named once.
    for (const [peer, counts] of new Map(record.figures?.faults?.map(({ peer, counts }) => [peer, counts]))) {
      const seen = found.get(peer) ?? { byNodes: 0, counts: new Map<string, number>() };
      found.set(peer, seen);
      seen.byNodes += 1;
      for (const { fault, count } of counts) seen.counts.set(fault, (seen.counts.get(fault) ?? 0) + count);
    }
  }
  return new Map([...found].map(([peer, { byNodes, counts }]) => [peer, { byNodes, counts: Object.fromEntries(counts) }]));
}

/** Each vault as the middle one of the nodes that have seen it sees it: one that lies moves nothing. */
export function standingsOf(counted: readonly NodeView[]): ReadonlyMap<VaultName, VaultStanding> {
  const seen = new Map<VaultName, SeenFigures[]>();
  for (const { record } of counted)
    for (const one of record.figures?.seen ?? []) {
      const list = seen.get(one.vault) ?? [];
      seen.set(one.vault, list);
      list.push(one);
    }
  return new Map([...seen].map(([vault, list]) => [vault, standingIn(list)]));
}

function standingIn(seen: readonly SeenFigures[]): VaultStanding {
  const middle = (of: (one: SeenFigures) => number): number => seen.map(of).sort((a, b) => a - b)[Math.floor((seen.length - 1) / 2)] ?? 0;
  const conduct = middle((one) => one.conduct) / 1000;
  return { score: middle((one) => one.score) / 1000, conduct, standing: standingOf(conduct), age: middle((one) => one.age) };
}
