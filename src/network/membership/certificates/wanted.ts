// What should change in the set of confirmed nodes as this node sees the farm, whose turn it is to propose it, and what of
// others' proposals this node may sign. Pure.
import { type Address, addressFromBytes } from "../../../protocol/address.ts";
import { textBytes } from "../../../protocol/bytes.ts";
import { type ChainHead, type MembershipStatement, quorumOf } from "../../../protocol/certificate.ts";
import { hash } from "../../../protocol/hash.ts";
import { certificateChainMax, certificateNamesMax, confirmedNodesMax } from "../../../protocol/limits.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { CertificateLimits } from "./certificate-limits.ts";

/** live · left: said goodbye for good, or was taken out before · lost: silent by agreement · unknown: nothing was ever heard of it · unclear: anything else. */
export type Presence = "live" | "left" | "lost" | "unknown" | "unclear";

/** How this node sees another, and for how many milliseconds. */
export type Sighted = { readonly presence: Presence; readonly forMs: number };

/** What this node knows of the farm beside the chain. */
export type FarmSight = {
  readonly self: PeerId;
  /** Every node of the directory and every confirmed one but this node. */
  readonly seen: ReadonlyMap<PeerId, Sighted>;
  /** Whether a node showed a grant of the owner that holds. */
  granted(peer: PeerId): boolean;
};

/** The change that this node would like to see now; undefined where there is none. */
export function wantedStatement(head: ChainHead, sight: FarmSight, limits: CertificateLimits): MembershipStatement | undefined {
  if (head.sequence === 0 || head.sequence >= certificateChainMax) return undefined;
  const named = [...sight.seen].sort(([a], [b]) => (a < b ? -1 : 1));
  const isDue = ([peer, one]: readonly [PeerId, Sighted]): boolean => head.confirmed.has(peer) && isLost(one, limits.lostAfterMs);
  const leaving = named.filter(isDue).map(([peer]) => peer);
  const kept = leaving.slice(0, certificateNamesMax);
  const room = Math.min(certificateNamesMax - kept.length, confirmedNodesMax - head.confirmed.size + kept.length);
  const joining = named
    .filter(([peer, { presence, forMs }]) => presence === "live" && forMs >= limits.joinAfterMs && mayJoin(head, sight, peer))
    .map(([peer]) => peer)
    .slice(0, room);
  if (kept.length + joining.length === 0) return undefined;
  return { sequence: head.sequence + 1, previous: head.id, joining, leaving: kept };
}

/** Whether this node sees the named ones as the statement does. */
export function agreesWith(head: ChainHead, sight: FarmSight, statement: MembershipStatement, limits: CertificateLimits): boolean {
  const isGone = (peer: PeerId): boolean => {
    const one = sight.seen.get(peer);
    return peer !== sight.self && one !== undefined && isLost(one, limits.lostAfterMs * limits.signShare);
  };
  const isHere = (peer: PeerId): boolean => sight.seen.get(peer)?.presence === "live" && mayJoin(head, sight, peer);
  return statement.leaving.every(isGone) && statement.joining.every(isHere);
}

function mayJoin(head: ChainHead, sight: FarmSight, peer: PeerId): boolean {
  return !head.confirmed.has(peer) && sight.granted(peer);
}

function isLost({ presence, forMs }: Sighted, afterMs: number): boolean {
  return presence === "left" || ((presence === "lost" || presence === "unknown") && forMs >= afterMs);
}

/** Confirmed nodes that are live as this one sees it, itself among them where it is confirmed. */
export function reachableOf(head: ChainHead, { self, seen }: Pick<FarmSight, "self" | "seen">): readonly PeerId[] {
  return [...head.confirmed].filter((peer) => peer === self || seen.get(peer)?.presence === "live");
}

/** Whether enough confirmed nodes can be reached to change anything. */
export function hasQuorum(head: ChainHead, sight: Pick<FarmSight, "self" | "seen">): boolean {
  return head.sequence > 0 && reachableOf(head, sight).length >= quorumOf(head.confirmed.size);
}

/** How many live confirmed nodes are closer than this one to the statement: they propose it first. */
export function turnOf(id: Address, candidates: readonly PeerId[], self: PeerId): number {
  const own = distance(id, self);
  return candidates.filter((peer) => peer !== self && distance(id, peer) < own).length;
}

function distance(id: Address, peer: PeerId): bigint {
  return BigInt(`0x${id}`) ^ BigInt(`0x${addressFromBytes(hash(textBytes(peer)))}`);
}
