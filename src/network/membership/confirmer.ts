// Turns suspicions into confirmed ones: a suspicion that lasts is told to the panel of the node, each answers with its own
// view, and agreement confirms. Who has just started or slept tells nothing and confirms nobody.
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { type Sight, type Sighting, sightingsPerMessageMax, suspicions } from "../../protocol/messages/suspicions.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { isStranger, memberNodes, type NodeView } from "../directory.ts";
import type { Handler, Peers } from "../peers.ts";
import { createAgreement } from "./agreement.ts";
import type { Intake } from "./intake.ts";
import type { MembershipLimits } from "./membership-limits.ts";
import { panelOf } from "./panel.ts";
import type { Roster } from "./roster.ts";

export type ConfirmerParts = {
  readonly peers: Pick<Peers, "self" | "request">;
  readonly clock: Clock;
  readonly roster: Roster;
  readonly intake: Pick<Intake, "offend" | "isBlocked" | "admitsSuspicions">;
  /** Whether this side is a node: a gateway's word does not count. */
  readonly isNode: boolean;
  /** Somebody calls this node silent: look for yourself. */
  readonly probe: (peer: PeerId) => void;
};

export type Confirmer = {
  /** Answers the `suspicions` of others. */
  readonly handler: Handler;
  /** Looks at every suspicion: tells those that lasted, confirms those agreed on. */
  tick(): void;
  /** This side started or slept: it forgets what was said and is no witness for a while. */
  quiet(): void;
  stop(): void;
};

type Doubt = { readonly startCounter: number; readonly sinceMs: number; toldMs: number; readonly told: Set<PeerId> };
/** A letter on its way: of whom something newer is known than what its answer will say, and of whom to write again once it is there. */
type Letter = { readonly overtaken: Set<PeerId>; readonly again: Set<PeerId> };
type Confirming = {
  readonly parts: ConfirmerParts;
  readonly limits: MembershipLimits;
  readonly doubts: Map<PeerId, Doubt>;
  readonly agreement: ReturnType<typeof createAgreement>;
  readonly probedMs: Map<PeerId, number>;
  /** One to each at a time. */
  readonly letters: Map<PeerId, Letter>;
  quietUntilMs: number;
  /** Nodes not gone, counted anew after a change of the directory. */
  nodeCount: number | undefined;
  /** Whom to tell of a node, chosen anew after a change of the directory: choosing takes a hash for each node there is. */
  readonly panels: Map<PeerId, readonly PeerId[]>;
};

// Nodes whose last probe is remembered.
const probesRemembered = 4096;

// Who is told that a suspicion is over: a panel, and who asked last. Words that are not taken back end by themselves.
const toldRemembered = 1024;

/** Quiet until `quiet` was called and its time has passed. */
export function createConfirmer(parts: ConfirmerParts, limits: MembershipLimits): Confirmer {
  const { roster, clock } = parts;
  const { directory } = roster;
  const view = {
    isLive: (peer: PeerId) => isLiveMember(directory.node(peer)),
    nodeCount: () => {
      state.nodeCount ??= memberNodes(directory).filter(({ state: seen }) => seen !== "gone").length;
      return state.nodeCount;
    },
  };
  const state: Confirming = {
    ...{ parts, limits, doubts: new Map(), probedMs: new Map(), letters: new Map(), panels: new Map() },
    agreement: createAgreement(view, limits.testimonyMs),
    quietUntilMs: Number.POSITIVE_INFINITY,
    nodeCount: undefined,
  };
  const forgetChanges = directory.onChange((peer) => onChange(state, peer));
  return {
    handler: async (from, message) => ({ body: answer(state, from, message.body), chunks: [] }),
    tick: () => tick(state),
    quiet: () => {
      state.agreement.forget();
      state.quietUntilMs = clock.monotonicMs() + limits.confirmQuietMs;
      for (const peer of state.doubts.keys()) roster.confirm(peer, false);
      state.doubts.clear();
      for (const { record, state: seen } of directory.nodes()) if (seen === "suspected") onChange(state, record.peerId);
    },
    stop: forgetChanges,
  };
}

/** Who may say of others that they are silent. */
function isLiveMember(view: NodeView | undefined): boolean {
  return view?.state === "live" && !isStranger(view);
}

function onChange(state: Confirming, peer: PeerId): void {
  const { parts, doubts, agreement } = state;
  const seen = parts.roster.directory.node(peer);
  const doubt = doubts.get(peer);
  state.nodeCount = undefined;
  state.panels.clear();
  if (isStranger(seen)) return void doubts.delete(peer);
  if (seen?.state === "suspected") {
    const { startCounter } = seen.record;
    if (doubt?.startCounter === startCounter) return;
    doubts.set(peer, {
      ...{ startCounter, sinceMs: parts.clock.monotonicMs() },
      ...{ toldMs: Number.NEGATIVE_INFINITY, told: doubt?.told ?? new Set() },
    });
    // What was missed is the start before. A newer record of the same start takes nothing back: who passed it on may reach a
    // node that this side and its witnesses do not.
    if (doubt === undefined) return;
    agreement.clear(peer);
    return parts.roster.confirm(peer, false);
  }
  if (doubt === undefined) return;
  doubts.delete(peer);
  agreement.clear(peer);
  for (const { overtaken } of state.letters.values()) overtaken.add(peer);
  if (isQuiet(state)) return;
  for (const to of doubt.told) void tell(state, to, [{ peer, sight: sightOf(state, peer) }]);
}

function isQuiet({ parts, quietUntilMs }: Confirming): boolean {
  return parts.clock.monotonicMs() < quietUntilMs;
}

function sightOf(state: Confirming, peer: PeerId): Sight {
  const { parts, doubts, limits } = state;
  const seen = parts.roster.directory.node(peer)?.state;
  if (isQuiet(state)) return "unsure";
  if (seen === "live") return "live";
  const lasted = parts.clock.monotonicMs() - (doubts.get(peer)?.sinceMs ?? Number.POSITIVE_INFINITY);
  // A word of others is not repeated as one's own, and a suspicion of a moment is a stall.
  return seen === "suspected" && parts.roster.causeOf(peer) !== "told" && lasted >= limits.tellAfterMs ? "suspected" : "unsure";
}

function tick(state: Confirming): void {
  const { parts, limits, doubts } = state;
  const nowMs = parts.clock.monotonicMs();
  if (isQuiet(state)) return;
  const due: PeerId[] = [];
  for (const [peer, doubt] of doubts) {
    judge(state, peer);
    // As many as fit one letter; the others are due at the next look.
    if (due.length >= sightingsPerMessageMax || nowMs - doubt.toldMs < limits.tellEveryMs) continue;
    if (sightOf(state, peer) !== "suspected") continue;
    doubt.toldMs = nowMs;
    due.push(peer);
  }
  if (due.length > 0) tellPanels(state, due);
}

function judge(state: Confirming, peer: PeerId): void {
  const { parts, agreement } = state;
  if (isQuiet(state) || parts.roster.directory.node(peer)?.state !== "suspected") return;
  const ownWord = parts.isNode && sightOf(state, peer) === "suspected";
  parts.roster.confirm(peer, agreement.isConfirmed(peer, ownWord, parts.clock.monotonicMs()));
}

function tellPanels(state: Confirming, due: readonly PeerId[]): void {
  const { parts, limits, doubts, panels } = state;
  const live = parts.roster.directory.nodes().filter(isLiveMember);
  const others = live.map(({ record }) => record.peerId).filter((peer) => peer !== parts.peers.self);
  const letters = new Map<PeerId, Sighting[]>();
  for (const peer of due) {
    const panel = panels.get(peer) ?? panelOf(peer, others, limits.panelSize);
    panels.set(peer, panel);
    for (const to of panel) {
      remember(doubts.get(peer), to);
      letters.set(to, [...(letters.get(to) ?? []), { peer, sight: "suspected" }]);
    }
  }
  for (const [to, sightings] of letters) void tell(state, to, sightings);
}

/** Somebody believes this side's word on a silent node; who was told of it longest ago makes room. */
function remember(doubt: Doubt | undefined, to: PeerId): void {
  if (doubt === undefined) return;
  doubt.told.delete(to);
  doubt.told.add(to);
  const [longest] = doubt.told.size > toldRemembered ? doubt.told : [];
  if (longest !== undefined) doubt.told.delete(longest);
}

/** Tells and takes in the answer. Never rejects: whoever does not answer is no witness. */
async function tell(state: Confirming, to: PeerId, sightings: readonly Sighting[]): Promise<void> {
  const { parts, limits, letters } = state;
  const before = letters.get(to);
  // A suspicion left out now is told at the next look; that it is over would never be told again.
  if (before !== undefined) return sightings.forEach(({ peer, sight }) => void (sight === "suspected" || before.again.add(peer)));
  const letter: Letter = { overtaken: new Set(), again: new Set() };
  letters.set(to, letter);
  try {
    const body = encodeMessage(suspicions, { sightings });
    const delivery = await parts.peers.request(to, "suspicions", { body, chunks: [] }, { timeoutMs: limits.requestTimeoutMs });
    const reply = decodeMessage(suspicions, delivery.body);
    delivery.release();
    if (!reply.ok) return parts.intake.offend(to, reply.why);
    // Who is told that a node lives is not asked about it: what it still believes is no testimony.
    const asked = new Set(sightings.flatMap(({ peer, sight }) => (sight === "suspected" ? [peer] : [])));
    for (const { peer, sight } of reply.value.sightings)
      if (asked.has(peer) && !letter.overtaken.has(peer)) hear(state, to, { peer, sight });
  } catch {
    // Its own silence is noticed elsewhere.
  } finally {
    letters.delete(to);
    const again = [...letter.again].slice(0, sightingsPerMessageMax);
    if (again.length > 0)
      void tell(
        state,
        to,
        again.map((peer) => ({ peer, sight: sightOf(state, peer) })),
      );
  }
}

function hear(state: Confirming, from: PeerId, { peer, sight }: Sighting): void {
  const { parts, agreement, doubts } = state;
  const { directory } = parts.roster;
  // Only nodes are witnesses, only known nodes are spoken of, and nobody speaks of itself or of whom it asks.
  if (directory.node(from) === undefined || directory.node(peer) === undefined || peer === from || peer === parts.peers.self) return;
  agreement.hear(from, peer, sight, parts.clock.monotonicMs());
  if (doubts.has(peer)) judge(state, peer);
}

function answer(state: Confirming, from: PeerId, body: Uint8Array): Uint8Array {
  const { parts } = state;
  const none = encodeMessage(suspicions, { sightings: [] });
  if (parts.intake.isBlocked(from)) return none;
  const request = decodeMessage(suspicions, body);
  if (!request.ok) {
    parts.intake.offend(from, request.why);
    throw new Error(`suspicions: ${request.why}`);
  }
  if (!parts.intake.admitsSuspicions(from)) return none;
  const { sightings } = request.value;
  for (const sighting of sightings) {
    state.letters.get(from)?.overtaken.add(sighting.peer);
    hear(state, from, sighting);
    if (sighting.sight === "suspected") probe(state, sighting.peer);
  }
  const answers = sightings.map(({ peer }) => ({ peer, sight: sightOf(state, peer) }));
  // Whom this side testifies to hears when it no longer does.
  for (const { peer, sight } of answers) if (sight === "suspected") remember(state.doubts.get(peer), from);
  return encodeMessage(suspicions, { sightings: answers });
}

/** A connection that stands still tells nothing: somebody's word is reason enough to ask the node, at most once in a while. */
function probe({ parts, limits, probedMs }: Confirming, peer: PeerId): void {
  const nowMs = parts.clock.monotonicMs();
  if (peer === parts.peers.self || parts.roster.directory.node(peer)?.state !== "live") return;
  if (nowMs - (probedMs.get(peer) ?? Number.NEGATIVE_INFINITY) < limits.probeEveryMs) return;
  if (probedMs.size >= probesRemembered) probedMs.clear();
  probedMs.set(peer, nowMs);
  parts.probe(peer);
}
