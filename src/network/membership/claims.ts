// What speaks for a node besides its being there. Places go to whom a certificate names and to who showed the owner's grant; a
// network key alone, which many pods and people hold, gives none.
import type { ChainHead } from "../../protocol/certificate.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Directory } from "../directory.ts";

/** Who is certified, and who showed a grant of the owner that holds. */
export type Vouchers = { head(): ChainHead; granted(peer: PeerId): boolean };

/**
 * member: a certificate names it, or it showed the owner's grant · none: certificates name others, and nothing speaks for it ·
 * open: nobody was certified yet, or this peer follows no certificates, so that a meeting is enough.
 */
export type Claim = "member" | "none" | "open";

/** The claim of a node. */
export function claimOf(vouchers: Vouchers | undefined, peer: PeerId): Claim {
  if (vouchers === undefined || vouchers.head().sequence === 0) return "open";
  return vouchers.head().confirmed.has(peer) || vouchers.granted(peer) ? "member" : "none";
}

/**
 * To be called once certificates are loaded and after each new one. With the first one known, those whom it does not name and
 * who showed no grant lose the places that a meeting gave them. Only then: who is taken out later and is there after all keeps
 * them, for the others may have been wrong.
 */
export function createFounding(
  self: PeerId,
  vouchers: Vouchers | undefined,
  { directory, setStranger }: { readonly directory: Pick<Directory, "nodes">; setStranger(peer: PeerId, isIt: boolean): void },
): () => void {
  let isFounded = false;
  return () => {
    if (isFounded || vouchers === undefined || vouchers.head().sequence === 0) return;
    isFounded = true;
    for (const { record } of directory.nodes())
      if (record.peerId !== self) setStranger(record.peerId, claimOf(vouchers, record.peerId) === "none");
  };
}
