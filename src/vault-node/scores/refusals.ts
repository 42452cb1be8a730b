// Vaults that take no copies though their own node says that they could. A vault that is full, cordoned or read-only says so in
// its record, and to refuse is its right; one that claims room and refuses all the same, for long, keeps places that it does not serve.
import type { NodeView } from "../../network/directory.ts";
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { RefusalReason } from "../../protocol/receipt.ts";
import { createPutOffs, type PutOffLimits } from "./put-offs.ts";

/** A copy that was offered to a vault. */
export type OfferedCopy = { readonly peer: PeerId; readonly vault: VaultName; readonly chunk: Address };

export type Refusals = {
  /** A vault refused a copy; whether that is beyond all patience, against the word of its node's record. */
  refused(offered: OfferedCopy, reason: RefusalReason, view: NodeView | undefined): boolean;
  /** A vault has the copy. */
  took(offered: OfferedCopy): void;
};

// A vault cordons itself at 95 % and its record may be some seconds old: below this share `full` is no honest word.
const roomyShare = 0.9;

// Not here: `not-near`, since two may know different nodes for a while; `not-admitted`, which tells of the grant of the one who asks.
const answerable: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  "full",
  "read-only",
  "cordoned",
  "busy",
  "wrong-hash",
  "unknown-vault",
]);

/** Nothing was refused yet. `nowMs`: monotonic. The same chunk, or everything by one vault, must be refused for as long as proofs may be put off. */
export function createRefusals(nowMs: () => number, limits: PutOffLimits): Refusals {
  const waits = createPutOffs(nowMs, limits);
  return {
    refused: ({ peer, vault, chunk }, reason, view) => {
      if (!answerable.has(reason) || !claimsRoom(view, vault)) {
        waits.settle(peer, vault);
        waits.settle(peer, chunk);
        return false;
      }
      const ofChunk = waits.putOff(peer, chunk);
      return waits.putOff(peer, vault) || ofChunk;
    },
    took: ({ peer, vault, chunk }) => {
      waits.settle(peer, vault);
      waits.settle(peer, chunk);
    },
  };
}

function claimsRoom(view: NodeView | undefined, vault: VaultName): boolean {
  const entry = view?.record.vaults.find(({ name }) => name === vault);
  return view?.state === "live" && entry?.state === "active" && entry.used < roomyShare * entry.capacity;
}
