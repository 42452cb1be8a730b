// Gathers what a node publishes in its record for people: copies, suspects, what it saw of others' vaults; and says when
// that is news.
import type { Directory, NodeView } from "../network/directory.ts";
import {
  type CopyFigures,
  type FaultFigures,
  faultyNodesMax,
  type NodeFigures,
  type SeenFigures,
  seenFiguresMax,
  suspectsMax,
} from "../protocol/node-figures.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { standingOf } from "../protocol/standing.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Scoreboard, VaultScore } from "./scores/scoreboard.ts";

export type NodeFiguresParts = {
  readonly self: PeerId;
  readonly directory: Pick<Directory, "nodes" | "node">;
  readonly clock: Clock;
  readonly scoreboard: Pick<Scoreboard, "scores">;
  /** Undefined where the node does not look after copies. */
  copies(isLive: (peer: PeerId) => boolean): CopyFigures | undefined;
};

/** A node that misses signs of life for less than this, milliseconds, is published as live: false suspicions are shorter. */
export const lastingSilenceMs = 2_000;
// Scores move with audits, minutes apart, and sorting those of a large network costs milliseconds.
const scoresEveryMs = 60_000;
// In a larger network vaults without fault are not told of one by one: nobody reads them, and everybody would keep them.
const allScoresUpToNodes = 64;

/** Reads the figures of now at each call. */
export function createNodeFigures(parts: NodeFiguresParts): () => NodeFigures {
  const { self, directory, clock, scoreboard } = parts;
  let seen: readonly SeenFigures[] = [];
  let faults: readonly FaultFigures[] = [];
  let seenAtMs = Number.NEGATIVE_INFINITY;
  const isLive = (peer: PeerId): boolean => {
    const view = directory.node(peer);
    return peer === self || (view !== undefined && !isSilent(view, clock.wallMs()));
  };
  return () => {
    const nodes = directory.nodes();
    if (clock.monotonicMs() - seenAtMs >= scoresEveryMs) {
      seenAtMs = clock.monotonicMs();
      const scores = scoreboard.scores();
      seen = seenFigures(scores, nodes.length <= allScoresUpToNodes);
      faults = faultFigures(scores);
    }
    const suspects = nodes.filter((view) => view.state === "suspected" && isSilent(view, clock.wallMs()));
    return {
      copies: parts.copies(isLive) ?? null,
      suspects: suspects.slice(0, suspectsMax).map(({ record }) => record.peerId),
      seen,
      ...(faults.length === 0 ? {} : { faults }),
    };
  };
}

/** Whether a node is not there, or has missed signs of life for longer than a false suspicion lasts: who is silent counts no chunks. */
export function isSilent({ state, since }: NodeView, wallMs: number): boolean {
  return state === "gone" || (state !== "live" && wallMs - since >= lastingSilenceMs);
}

function seenFigures(scores: readonly VaultScore[], all: boolean): readonly SeenFigures[] {
  const told = scores.slice(0, seenFiguresMax);
  return told
    .filter(({ conduct }) => all || standingOf(conduct) !== "good")
    .map(({ vault, score, conduct, honesty, age }) => ({
      vault,
      score: thousandths(score),
      conduct: thousandths(conduct),
      honesty: thousandths(honesty),
      age,
    }));
}

/** Each node at fault, those with the worst vaults first. */
function faultFigures(scores: readonly VaultScore[]): readonly FaultFigures[] {
  const byPeer = new Map(scores.map(({ peer, faults }) => [peer, Object.entries(faults)]));
  return [...byPeer]
    .filter(([, counts]) => counts.length > 0)
    .slice(0, faultyNodesMax)
    .map(([peer, counts]) => ({ peer, counts: counts.map(([fault, count]) => ({ fault, count })) }));
}

function thousandths(value: number): number {
  return Math.round(value * 1000);
}

/** What is told at once when it changes: whether copies are missing, made or waited for, who is suspected, who stands badly. */
export function pressingOf({ copies, suspects, seen }: NodeFigures): string {
  const below = copies?.live.slice(0, -1).some((chunks) => chunks > 0) ?? false;
  const some = [below, (copies?.repairing ?? 0) > 0, (copies?.waiting ?? 0) > 0, copies?.partial];
  const standings = seen.map(({ vault, conduct }) => `${vault} ${standingOf(conduct / 1000)}`).filter((text) => !text.endsWith(" good"));
  return JSON.stringify([some, [...suspects].sort(), standings.sort()]);
}

/** What is told from time to time when it changes. Times that only run down are not news. */
export function countsOf({ copies, faults }: NodeFigures): string {
  return JSON.stringify([copies?.live, copies?.repairing, copies?.bytesLeft, copies?.waiting, faults]);
}
