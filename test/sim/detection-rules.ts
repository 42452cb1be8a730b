// The rules of noticing, with the eyes of one who knows who is dead, who stands still, who is cut off from whom, and what
// every node's router would read at this moment.
import type { NodeView } from "../../src/network/directory.ts";
import { Violation } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimWorld } from "./sim-world.ts";

/** How a node fares: it is dead · stands still · is cut off from all · is well, or only its timers are late. */
export type Plight = "dead" | "frozen" | "cut" | "well";

export type DetectionRules = {
  /** From now on this is how a node fares. */
  fares(node: SimNode, plight: Plight): void;
  /** From now on these two do not hear each other. */
  parted(a: SimNode, b: SimNode): void;
  rejoined(): void;
  /** A dead node was started again: whether all see it live. */
  isSeen(node: SimNode): boolean;
  /** A look at what all nodes see. Throws the first `Violation`. */
  look(): void;
  /** Every live node holds this dead one for confirmed. Throws the first `Violation`. */
  allConfirm(node: SimNode): void;
  /** The longest that somebody took to route round a node that was not there, and to come back to one that was, milliseconds. */
  longest(): { readonly noticedMs: number; readonly revokedMs: number };
};

/** The promise of protocol 3: a falsely suspected node serves again within this. */
const revokeMs = 100;

/** `startedMs`: when all saw it live after its last start; infinity until they do. */
type Seen = { readonly node: SimNode; plight: Plight; sinceMs: number; startedMs: number };
/** How one node sees another: since when it routes round it, and whether it noticed the other's plight. */
type Sight = { suspectedMs: number | undefined; noticed: boolean };

type State = {
  readonly world: SimWorld;
  readonly boundMs: () => number;
  readonly seen: readonly Seen[];
  readonly sights: Map<string, Sight>;
  /** When two that did not hear each other did again; infinity while they do not. */
  readonly apart: Map<string, number>;
  readonly worst: { noticedMs: number; revokedMs: number };
};

/** Rules of a farm whose nodes all see each other live; `boundMs`: within that everybody routes round a node that is not there. */
export function createDetectionRules(world: SimWorld, boundMs: () => number): DetectionRules {
  const { clock } = world;
  const seen = world.nodes.map((node): Seen => ({ node, plight: "well", sinceMs: Number.NEGATIVE_INFINITY, startedMs: 0 }));
  const state: State = { world, boundMs, seen, sights: new Map(), apart: new Map(), worst: { noticedMs: 0, revokedMs: 0 } };
  const observers = (): readonly Seen[] => seen.filter(({ node, plight }) => node.up() && (plight === "well" || plight === "cut"));
  const viewOf = (from: SimNode, to: SimNode): NodeView | undefined => from.membership()?.directory.node(to.peer);
  return {
    fares: (node, plight) => {
      for (const one of seen.filter((each) => each.node === node)) {
        const startedMs = one.plight === "dead" && plight === "well" ? Number.POSITIVE_INFINITY : one.startedMs;
        Object.assign(one, { plight, sinceMs: clock.monotonicMs(), startedMs });
      }
    },
    parted: (a, b) => void state.apart.set(pairOf(a, b), Number.POSITIVE_INFINITY),
    rejoined: () => {
      for (const [pair, ms] of state.apart) if (ms === Number.POSITIVE_INFINITY) state.apart.set(pair, clock.monotonicMs());
    },
    isSeen: (node) => {
      const others = seen.filter(({ plight, node: other }) => other !== node && plight === "well");
      const all = others.every(({ node: other }) => viewOf(other, node)?.state === "live" && viewOf(node, other)?.state === "live");
      if (all) for (const one of seen.filter((each) => each.node === node)) one.startedMs = clock.monotonicMs();
      return all;
    },
    look: () => {
      for (const from of observers()) for (const to of seen) if (from !== to) lookAt(state, from, to);
    },
    allConfirm: (node) => {
      for (const { node: other } of observers())
        if (other !== node && viewOf(other, node)?.confirmed !== true)
          throw new Violation("death-confirmed", `node ${node.number} is dead, and node ${other.number} does not hold it for confirmed`);
    },
    longest: () => state.worst,
  };
}

function pairOf(a: SimNode, b: SimNode): string {
  return [a.number, b.number].sort((one, other) => one - other).join(" ");
}

function sightOf({ sights }: State, from: Seen, to: Seen): Sight {
  const key = `${from.node.number} ${to.node.number}`;
  const sight = sights.get(key) ?? { suspectedMs: undefined, noticed: false };
  sights.set(key, sight);
  return sight;
}

function lookAt(state: State, from: Seen, to: Seen): void {
  const view = from.node.membership()?.directory.node(to.node.peer);
  const isLive = view?.state === "live";
  const canTell = from.plight === "well" && state.apart.get(pairOf(from.node, to.node)) !== Number.POSITIVE_INFINITY;
  if (to.plight !== "well") return canTell ? notice(state, from, to, isLive) : undefined;
  sightOf(state, from, to).noticed = false;
  const wellMs = state.world.clock.monotonicMs() - Math.max(to.sinceMs, to.startedMs);
  if (view?.confirmed === true && wellMs > revokeMs) {
    const words = `node ${from.node.number} takes node ${to.node.number} for dead, which is well for ${wellMs.toFixed(0)} ms`;
    throw new Violation("living-unconfirmed", words);
  }
  if (canTell) revoke(state, from, to, isLive);
}

function notice(state: State, from: Seen, to: Seen, isLive: boolean): void {
  const { world, boundMs, worst } = state;
  const sight = sightOf(state, from, to);
  const silentMs = world.clock.monotonicMs() - Math.max(to.sinceMs, from.sinceMs);
  if (!isLive && !sight.noticed) {
    sight.noticed = true;
    worst.noticedMs = Math.max(worst.noticedMs, silentMs);
  }
  if (!isLive || silentMs <= boundMs()) return;
  const words = `node ${to.node.number} is ${to.plight} for ${silentMs.toFixed(1)} ms, and node ${from.node.number} still uses it`;
  throw new Violation("death-noticed", words);
}

function revoke(state: State, from: Seen, to: Seen, isLive: boolean): void {
  const sight = sightOf(state, from, to);
  const nowMs = state.world.clock.monotonicMs();
  if (isLive) {
    sight.suspectedMs = undefined;
    return;
  }
  sight.suspectedMs ??= nowMs;
  const apartMs = state.apart.get(pairOf(from.node, to.node)) ?? 0;
  const suspectedMs = nowMs - Math.max(sight.suspectedMs, to.sinceMs, from.sinceMs, apartMs, to.startedMs, from.startedMs);
  state.worst.revokedMs = Math.max(state.worst.revokedMs, suspectedMs);
  if (suspectedMs <= revokeMs) return;
  const words = `node ${from.node.number} routes round node ${to.node.number}, which is well, for ${suspectedMs.toFixed(0)} ms`;
  throw new Violation("suspicion-revoked", words);
}
