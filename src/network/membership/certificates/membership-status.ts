// Who is confirmed and whether enough of them can be reached, in figures and in words, for status, metrics and people. Pure.
import { type ChainHead, quorumOf } from "../../../protocol/certificate.ts";
import { groupSizes } from "../../../protocol/groups.ts";
import type { MembershipStatus } from "../../../protocol/node-status.ts";
import { type FarmSight, hasQuorum, reachableOf } from "./wanted.ts";

/** Fewest nodes with which a group bears a lying or lost holder. */
const tolerantFrom = 4;

/** What this node says of membership. */
export function membershipStatus(head: ChainHead, sight: Pick<FarmSight, "self" | "seen">): MembershipStatus {
  const confirmed = head.confirmed.size;
  const reachable = reachableOf(head, sight).length;
  const needed = confirmed === 0 ? 0 : quorumOf(confirmed);
  const state = head.sequence === 0 ? "unfounded" : hasQuorum(head, sight) ? "whole" : "partitioned";
  const { holders, writes, liars } = confirmed === 0 ? { holders: 0, writes: 0, liars: 0 } : groupSizes(confirmed);
  return {
    ...{ state, sequence: head.sequence, head: head.id, confirmed, reachable, needed, isConfirmed: head.confirmed.has(sight.self) },
    group: { holders, writes, liars, losses: holders - writes },
    text: inWords(state, { confirmed, reachable, needed }),
  };
}

type Figures = { readonly confirmed: number; readonly reachable: number; readonly needed: number };

function inWords(state: MembershipStatus["state"], { confirmed, reachable, needed }: Figures): string {
  if (state === "unfounded") return "no membership certificate yet";
  if (state === "partitioned") return `partitioned (${reachable} of ${confirmed} reachable, ${needed} needed)`;
  const weak = confirmed < tolerantFrom ? "; tolerates no lying or lost holder" : "";
  return `${reachable} of ${confirmed} confirmed nodes reachable${weak}`;
}
