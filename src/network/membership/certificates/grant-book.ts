// The grants that nodes show because they want in: only who the owner granted may be confirmed, and has places before that.
import type { Genesis } from "../../../protocol/genesis.ts";
import { checkGrant } from "../../../protocol/grant.ts";
import { confirmedNodesMax } from "../../../protocol/limits.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Clock } from "../../../runtime/clock.ts";

export type GrantBook = {
  /** Remembers a grant where it holds for this node now; whether it does. */
  add(peer: PeerId, grant: Uint8Array): boolean;
  /** Whether a grant that still holds is known. */
  has(peer: PeerId): boolean;
  get(peer: PeerId): Uint8Array | undefined;
};

/** No grants yet; the one shown longest ago is forgotten first. */
export function createGrantBook(genesis: Genesis, clock: Clock): GrantBook {
  const grants = new Map<PeerId, { readonly bytes: Uint8Array; readonly notAfterMs: number }>();
  const has = (peer: PeerId): boolean => {
    const known = grants.get(peer);
    return known !== undefined && (known.notAfterMs === 0 || known.notAfterMs >= clock.wallMs());
  };
  return {
    add: (peer, bytes) => {
      const checked = checkGrant(genesis, bytes, peer, clock.wallMs());
      if (!checked.ok) return false;
      grants.delete(peer);
      grants.set(peer, { bytes, notAfterMs: checked.value.notAfterMs });
      const oldest = grants.keys().next().value;
      if (grants.size > confirmedNodesMax && oldest !== undefined) grants.delete(oldest);
      return true;
    },
    has,
    get: (peer) => (has(peer) ? grants.get(peer)?.bytes : undefined),
  };
}
