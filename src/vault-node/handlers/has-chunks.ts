// has-chunks: which chunks are held here, their sizes and, where asked, fresh receipts over them, one a vault.
import type { Answer, Handler } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { ChunkElsewhere } from "../../protocol/messages/get-chunks.ts";
import { hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { signReceipt } from "../../protocol/receipt.ts";
import { HandlerError } from "../errors.ts";
import { type HandlerParts, readRequest } from "./parts.ts";

type Held = { readonly chunk: Address; readonly vault: VaultName; readonly size: number };

/** The handler of has-chunks. Throws a `HandlerError` for a malformed request, or `busy` where the peer has too much in hand. */
export function createHasChunks(parts: HandlerParts): Handler {
  return async (from, message): Promise<Answer> => {
    const request = readRequest(hasChunksRequest, message, from);
    message.release();
    const share = parts.shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share", from);
    try {
      const asked = [...new Set(request.chunks)];
      const held = asked.flatMap((chunk) => heldHere(parts, chunk));
      const receipts = request.receipts ? receiptsOver(parts, held) : [];
      const elsewhere = asked.flatMap((chunk) => pointerHere(parts, chunk));
      const coming = request.sending === true ? comingHere(parts, from, asked) : [];
      const reply = {
        held,
        receipts,
        ...(elsewhere.length === 0 ? {} : { elsewhere }),
        ...(coming.length === 0 ? {} : { coming }),
      };
      return { body: encodeMessage(hasChunksReply, reply), chunks: [] };
    } finally {
      share.release();
    }
  };
}

function heldHere({ store }: HandlerParts, chunk: Address): readonly Held[] {
  const info = store.info(chunk);
  return info === undefined ? [] : [{ chunk, vault: info.vault, size: info.size }];
}

function pointerHere({ store, takerInstead }: HandlerParts, chunk: Address): readonly ChunkElsewhere[] {
  const peer = store.info(chunk) === undefined ? takerInstead(chunk) : undefined;
  return peer === undefined ? [] : [{ chunk, peer }];
}

/** Of the chunks that `from` is about to send those that another node is sending already. */
function comingHere({ store, expected }: HandlerParts, from: PeerId, asked: readonly Address[]): readonly Address[] {
  return asked.filter((chunk) => store.info(chunk) === undefined && !expected.announced(from, chunk));
}

function receiptsOver({ genesis, node, vaults, clock }: HandlerParts, held: readonly Held[]): readonly Uint8Array[] {
  return [...Map.groupBy(held, ({ vault }) => vault)].flatMap(([vault, list]) => {
    const key = vaults.get(vault)?.key;
    const chunks = list.map(({ chunk }) => chunk);
    return key === undefined ? [] : [signReceipt(genesis.networkId, key, { node, chunks, storedAtMs: clock.wallMs() })];
  });
}
