// Which members of the network live, and how far each has counted its chunks, out of the records in the directory: for whoever
// minds some of the nodes and sees no others, and must not take their count for that of the whole network.
import { type Directory, memberNodes, type NodeView } from "../network/directory.ts";
import type { CopiesPolicy } from "../protocol/genesis.ts";
import { lowCopies } from "../protocol/node-figures.ts";
import { type MemberSeen, type MembersStatus, membersToldMax } from "../protocol/node-status.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { takesNewChunks } from "../protocol/states.ts";
import { isSilent } from "./node-figures.ts";

export type MembersView = { readonly self: PeerId; readonly directory: Pick<Directory, "nodes">; readonly policy: CopiesPolicy };

/** The members that live now, with `self`. A member that was silent for a moment only still counts its chunks. Pure for one directory. */
export function membersSeen({ self, directory, policy }: MembersView, wallMs: number): MembersStatus {
  const others = memberNodes(directory).filter((view) => view.record.peerId !== self && !isSilent(view, wallMs));
  // Each tells of those that follow it, so that what one has no room for is told by the next.
  const around = others.sort((a, b) => (a.record.peerId < b.record.peerId ? -1 : 1));
  const first = around.findIndex(({ record }) => record.peerId > self);
  const following = first === -1 ? around : [...around.slice(first), ...around.slice(0, first)];
  return { live: others.length + 1, next: following.slice(0, membersToldMax).map((view) => memberSeen(view, policy)) };
}

function memberSeen({ record }: NodeView, policy: CopiesPolicy): MemberSeen {
  const copies = record.figures?.copies ?? undefined;
  const low = copies === undefined || copies.partial ? undefined : lowCopies(copies, policy);
  return {
    peerId: record.peerId,
    // Another's figures are its own word: nonsense must not make this node's answer one that nobody reads.
    counted: low === undefined ? null : { ...low, belowMin: Math.max(0, low.belowMin) },
    takes: record.vaults.some(({ state }) => takesNewChunks(state)),
  };
}
