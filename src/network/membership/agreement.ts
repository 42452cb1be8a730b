// Who says what of whom, and when that is enough: two witnesses at first hand confirm a silent node (in farms of three or
// fewer, all others). One witness alone never does, and one that calls living nodes dead is not counted.
import type { Sight } from "../../protocol/messages/suspicions.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/** What the agreement reads of the directory. */
export type AgreementView = {
  /** Whether this side sees a node alive. */
  isLive(peer: PeerId): boolean;
  /** Nodes known and not gone, this one and the silent one among them. */
  nodeCount(): number;
};

export type Agreement = {
  /** Takes in how a witness sees a node. */
  hear(witness: PeerId, subject: PeerId, sight: Sight, nowMs: number): void;
  /** A sign of life: what was said against a node falls. */
  clear(subject: PeerId): void;
  /** All that was said falls. */
  forget(): void;
  /** Whether enough nodes suspect this one: those heard, and this side itself where `ownWord`. */
  isConfirmed(subject: PeerId, ownWord: boolean, nowMs: number): boolean;
};

/** Two agree; a stall or a lie of one does nothing. */
const witnessesMin = 2;
/** Nodes one witness may call silent at a time: the largest zone of the largest directory is told in parts. */
const claimsPerWitnessMax = 1024;
/** Witnesses remembered: more than a panel or the connections of a node. Whose words count no longer makes room. */
const witnessesMax = 1024;
/** A witness that calls more than this part of all nodes silent, and more than two, while this side sees them live, is not counted. */
const contradictedPart = 0.25;
const contradictedFree = 2;

/** Nothing said yet. A word counts for `validMs` after it was heard. */
export function createAgreement(view: AgreementView, validMs: number): Agreement {
  // In the order in which they last spoke, and of whom.
  const claims = new Map<PeerId, Map<PeerId, number>>();
  const spokeMs = new Map<PeerId, number>();
  const drop = (witness: PeerId): void => {
    claims.delete(witness);
    spokeMs.delete(witness);
  };

  const hear = (witness: PeerId, subject: PeerId, sight: Sight, nowMs: number): void => {
    const said = claims.get(witness) ?? new Map<PeerId, number>();
    if (sight !== "suspected") {
      said.delete(subject);
      if (said.size === 0) drop(witness);
      return;
    }
    const [longest] = claims.size < witnessesMax ? [] : claims.keys();
    const makesRoom = (peer: PeerId): boolean => !view.isLive(peer) || nowMs - (spokeMs.get(peer) ?? nowMs) > validMs;
    if (longest !== undefined && !claims.has(witness) && makesRoom(longest)) drop(longest);
    const [first] = said.size < claimsPerWitnessMax ? [] : said;
    if (first !== undefined && nowMs - first[1] > validMs) said.delete(first[0]);
    const roomFor = said.has(subject) || said.size < claimsPerWitnessMax;
    if (!roomFor || (!claims.has(witness) && claims.size >= witnessesMax)) return;
    said.delete(subject);
    said.set(subject, nowMs);
    drop(witness);
    claims.set(witness, said);
    spokeMs.set(witness, nowMs);
  };
  const counts = (witness: PeerId, said: ReadonlyMap<PeerId, number>, nowMs: number): boolean => {
    if (!view.isLive(witness)) return false;
    const contradicted = [...said].filter(([peer, heardMs]) => nowMs - heardMs <= validMs && view.isLive(peer)).length;
    return contradicted <= Math.max(contradictedFree, view.nodeCount() * contradictedPart);
  };
  const isConfirmed = (subject: PeerId, ownWord: boolean, nowMs: number): boolean => {
    const needed = Math.min(witnessesMin, view.nodeCount() - 1);
    let agreed = ownWord ? 1 : 0;
    for (const [witness, said] of claims) {
      const heardMs = said.get(subject);
      if (heardMs === undefined || witness === subject) continue;
      if (nowMs - heardMs > validMs) said.delete(subject);
      else if (counts(witness, said, nowMs)) agreed += 1;
    }
    return needed > 0 && agreed >= needed;
  };
  return {
    hear,
    clear: (subject) => {
      for (const said of claims.values()) said.delete(subject);
    },
    forget: () => {
      claims.clear();
      spokeMs.clear();
    },
    isConfirmed,
  };
}
