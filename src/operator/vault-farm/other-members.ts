// The members of a network that are not nodes of the farm: who they are, out of what the farm's nodes say, and what they count.
// A chunk is counted by one node of the network, so the farm's own count proves nothing of the chunks that others count. Pure.
import type { LowCopies } from "../../protocol/node-figures.ts";
import type { MemberSeen, NodeStatus } from "../../protocol/node-status.ts";
import type { CopiesCount, ObservedNode, OtherMembers } from "./observed.ts";

/** Live members by their PeerIds, each as the least hopeful of those who told of it; `untold`: how many more there are. */
export type MembersTold = { readonly members: ReadonlyMap<string, Omit<MemberSeen, "peerId">>; readonly untold: number };

/** What nodes say of members, as it comes in, so that nobody has to keep what each of them said. */
export type MembersTally = { add(status: Pick<NodeStatus, "peerId" | "networkId" | "members">): void; told(): MembersTold };

/** How long a node of the farm that is gone from it may still be taken for live by others, milliseconds. */
const rememberedMs = 120_000;
/** Members named of those that have not counted; the others are a number. */
const namedMax = 3;
/** Letters of a PeerId that tell nodes apart: the first ones are the same for all. */
const tellingLetters = 12;

/** Of one network: a node that is of another, as one on a volume of another farm is, tells of strangers. */
export function createMembersTally(networkId: string): MembersTally {
  const members = new Map<string, Omit<MemberSeen, "peerId">>();
  const telling = new Set<string>();
  let live = 0;
  return {
    add: ({ peerId, networkId: of, members: seen }) => {
      if (of !== networkId) return;
      telling.add(peerId);
      if (seen === undefined) return;
      live = Math.max(live, seen.live);
      for (const { peerId: peer, counted, takes } of seen.next) {
        const known = members.get(peer);
        members.set(peer, known === undefined ? { counted, takes } : worse(known, { counted, takes }));
      }
    },
    told: () => {
      const known = new Set([...telling, ...members.keys()]).size;
      return { members, untold: Math.max(0, live - known) };
    },
  };
}

// One of two that tell of a node has a record from before, and nobody knows which.
function worse(a: Omit<MemberSeen, "peerId">, b: Omit<MemberSeen, "peerId">): Omit<MemberSeen, "peerId"> {
  const counted = a.counted === null || b.counted === null ? null : sumOf(a.counted, b.counted, Math.max);
  return { counted, takes: a.takes || b.takes };
}

function sumOf(a: LowCopies, b: LowCopies, add: (one: number, other: number) => number): LowCopies {
  return { belowMin: add(a.belowMin, b.belowMin), lowest: Math.min(a.lowest, b.lowest) };
}

/** The PeerIds of a farm's nodes, and of those that it had a moment ago: other nodes go on seeing them live until they miss them. */
export type OwnPeers = { at(nodes: readonly ObservedNode[], nowMs: number): ReadonlySet<string> };

export function createOwnPeers(): OwnPeers {
  const seenMs = new Map<string, number>();
  return {
    at: (nodes, nowMs) => {
      for (const { peerId, formerPeerId } of nodes)
        for (const peer of [peerId, formerPeerId]) if (peer !== undefined) seenMs.set(peer, nowMs);
      for (const [peer, atMs] of seenMs) if (nowMs - atMs > rememberedMs) seenMs.delete(peer);
      return new Set(seenMs.keys());
    },
  };
}

type Count = Omit<CopiesCount, "sinceMs">;

/** The count of the farm's own nodes with what members that are not among `own` count, and who those are; `others` is absent where there are none. */
export function countWithOthers(
  count: Count | undefined,
  { members, untold }: MembersTold,
  own: ReadonlySet<string>,
): { readonly count?: Count; readonly others?: OtherMembers } {
  const others = [...members].filter(([peer]) => !own.has(peer)).sort(([a], [b]) => (a < b ? -1 : 1));
  const live = others.length + untold;
  if (live === 0) return count === undefined ? {} : { count };
  const missing = others.filter(([, { counted }]) => counted === null);
  const told: OtherMembers = {
    live,
    uncounted: missing.length + untold,
    named: missing.slice(0, namedMax).map(([peer]) => peer),
    taking: others.filter(([, { takes }]) => takes).length,
  };
  if (count === undefined) return { others: told };
  let sum: Count = count;
  const by = [count.by ?? ""];
  for (const [peer, { counted }] of others) {
    if (counted === null) continue;
    sum = { ...sum, ...sumOf(sum, counted, (a, b) => a + b) };
    by.push(peer.slice(-tellingLetters));
  }
  return { count: { ...sum, by: by.join() }, others: told };
}
