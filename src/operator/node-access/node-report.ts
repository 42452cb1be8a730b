// What nodes say of themselves, as the plan reads it: one node's report, the scores that they give each other, and the copies
// that all of them count together. Pure; the same in a cluster and on one machine.
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import { type LowCopies, lowCopies } from "../../protocol/node-figures.ts";
import type { NodeStatus, SeenVault } from "../../protocol/node-status.ts";
import type { CopiesCount, NodeReport, ObservedNode } from "../vault-farm/observed.ts";

/** What the plan reads of a node's own word. */
export function reportOf(status: NodeStatus): NodeReport {
  const sum = (of: (vault: NodeStatus["vaults"][number]) => number): number => status.vaults.reduce((total, one) => total + of(one), 0);
  const { membership } = status;
  return {
    admin: status.admin,
    joined: status.joined,
    version: status.version,
    declared: status.vaults.length === 0 ? 0 : Math.min(...status.vaults.map(({ capacity }) => capacity)),
    used: sum(({ used }) => used),
    chunks: sum(({ chunks }) => chunks),
    ...(membership === undefined || membership.state === "unfounded" ? {} : { confirmed: membership.confirmed }),
    ...(membership?.state === "partitioned" ? { partitioned: membership.text } : {}),
  };
}

/** What a node gives the vaults of others. */
export type ScoreSeen = Pick<SeenVault, "peerId" | "vault" | "score">;
type Scorer = { readonly seen?: readonly ScoreSeen[] | undefined };

type VaultScores = ReadonlyMap<string, { readonly peer: string; readonly score: number }>;

/** Scores as they come in, node by node, so that nobody has to keep what each of them said of each vault. */
export type ScoreTally = {
  add(one: Scorer): void;
  /** The score of each vault, by its name: the middle one of those who have seen it; `peer`: whose vault it is. */
  ofVaults(): VaultScores;
  /** The lowest score of the vaults of each node. */
  ofNodes(): ReadonlyMap<string, number>;
};

export function createScoreTally(): ScoreTally {
  const byVault = new Map<string, { readonly peer: string; readonly scores: number[] }>();
  const middle = (scores: number[]): number => scores.sort((a, b) => a - b)[Math.floor((scores.length - 1) / 2)] ?? 1;
  const ofVaults = (): VaultScores => new Map([...byVault].map(([vault, { peer, scores }]) => [vault, { peer, score: middle(scores) }]));
  return {
    add: ({ seen = [] }) => {
      for (const { peerId, vault, score } of seen) {
        const known = byVault.get(vault) ?? { peer: peerId, scores: [] };
        known.scores.push(score);
        byVault.set(vault, known);
      }
    },
    ofVaults,
    ofNodes: () => {
      const lowest = new Map<string, number>();
      for (const { peer, score } of ofVaults().values()) lowest.set(peer, Math.min(lowest.get(peer) ?? 1, score));
      return lowest;
    },
  };
}

function tallyOf(statuses: readonly Scorer[]): ScoreTally {
  const tally = createScoreTally();
  for (const status of statuses) tally.add(status);
  return tally;
}

/** The score of each vault, see `ScoreTally`. */
export function vaultScoresOf(statuses: readonly Scorer[]): VaultScores {
  return tallyOf(statuses).ofVaults();
}

/** The lowest score of the vaults of each node. */
export function scoresOf(statuses: readonly Scorer[]): ReadonlyMap<string, number> {
  return tallyOf(statuses).ofNodes();
}

/** The nodes, each that answers with the score that the others give it. */
export function withScores(nodes: readonly ObservedNode[], statuses: readonly (Scorer | undefined)[]): readonly ObservedNode[] {
  const scores = scoresOf(statuses.flatMap((status) => status ?? []));
  return nodes.map((node) => {
    const score = node.peerId === undefined ? undefined : scores.get(node.peerId);
    return node.report === undefined || score === undefined ? node : { ...node, report: { ...node.report, score } };
  });
}

/** Copies as all nodes together count them; undefined where not all have. `lowest` is of copies on nodes that stay. */
export function countCopies(statuses: readonly (Pick<NodeStatus, "copies"> | undefined)[], policy: CopiesPolicy): LowCopies | undefined {
  const counted = statuses.map((status) => status?.copies);
  if (counted.length === 0 || counted.some((one) => one === undefined || one.partial)) return undefined;
  const live = Array.from({ length: policy.max + 1 }, (_, n) => counted.reduce((sum, one) => sum + (one?.live[n] ?? 0), 0));
  const onLeavers = counted.reduce((sum, one) => sum + (one?.onLeavers ?? 0), 0);
  return lowCopies({ live, onLeavers }, policy);
}

/**
 * A count with the time since when it was never lower than now; what was not known in between begins anew, and so does what others
 * counted: who was set apart a moment ago is still in the counts of those that are left.
 */
export function keepCount(
  before: CopiesCount | undefined,
  count: Omit<CopiesCount, "sinceMs"> | undefined,
  nowMs: number,
): CopiesCount | undefined {
  const same = count !== undefined && count.lowest === before?.lowest && count.belowMin <= before.belowMin && count.by === before.by;
  return count === undefined ? undefined : { ...count, sinceMs: same && before !== undefined ? before.sinceMs : nowMs };
}
