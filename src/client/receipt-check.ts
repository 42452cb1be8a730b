// Which chunks a node's answer really vouches for: receipts count only where they are signed by a vault that the
// directory knows on this very node.
import type { Directory } from "../network/directory.ts";
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { readReceipt } from "../protocol/receipt.ts";

export type ReceiptCheck = { readonly networkId: Address; readonly directory: Pick<Directory, "node"> };

/** The chunks in a receipt, or undefined where it does not hold for `peer`: forged, of another network, node or vault. */
export function receiptChunks({ networkId, directory }: ReceiptCheck, peer: PeerId, bytes: Uint8Array): readonly Address[] | undefined {
  const read = readReceipt(networkId, bytes);
  if (!read.ok || read.value.node !== peer) return undefined;
  const known = directory.node(peer)?.record.vaults.some(({ publicKey }) => publicKey === read.value.vault);
  return known === true ? read.value.chunks : undefined;
}

/** All chunks that these receipts of a node vouch for, and whether each receipt held. */
export function vouchedChunks(
  check: ReceiptCheck,
  peer: PeerId,
  receipts: readonly Uint8Array[],
): { chunks: ReadonlySet<Address>; valid: boolean } {
  const read = receipts.map((bytes) => receiptChunks(check, peer, bytes));
  return { chunks: new Set(read.flatMap((chunks) => chunks ?? [])), valid: read.every((chunks) => chunks !== undefined) };
}
