// audit-chunks: reads the chunks asked for from disk, one after the other, and signs a proof of each; never more than the
// asker's allowance of reading.
import type { Answer, Handler } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import {
  type AuditChunksReply,
  type AuditProof,
  auditChunksReply,
  auditChunksRequest,
  auditKey,
  auditProof,
  signAuditStatement,
} from "../../protocol/messages/audit-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { HandlerError } from "../errors.ts";
import { readRequest } from "../handlers/parts.ts";
import type { HostedVault } from "../hosted-vault.ts";
import { createPeerShares, shareLimits } from "../peer-shares.ts";
import { type AuditLimits, auditLimits } from "./audit-limits.ts";
import { createReadAllowance, type ReadAllowance } from "./read-allowance.ts";

export type AuditHandlerParts = {
  readonly genesis: Genesis;
  readonly node: PeerId;
  readonly vaults: readonly HostedVault[];
  readonly store: Pick<ChunkStore, "get" | "info">;
  readonly clock: Clock;
  /** Whether this peer is a node of the network: nobody else may make this one read. */
  isNode(peer: PeerId): boolean;
};

/** The handler of audit-chunks. Throws a `HandlerError`: malformed, stranger, or busy (over the peer's share). */
export function createAuditHandler(parts: AuditHandlerParts, limits: AuditLimits = auditLimits): Handler {
  const { ratePerPeer, burstPerPeer } = limits;
  const shares = createPeerShares(parts.clock, { ...shareLimits, requestsPerPeer: 1, ratePerPeer, burstPerPeer });
  const allowance = createReadAllowance(parts.clock, limits);
  return async (from, message, signal): Promise<Answer> => {
    const share = shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share of audits", from);
    try {
      if (!parts.isNode(from)) throw new HandlerError("stranger", "not a node of this network", from);
      const { nonce, chunks } = readRequest(auditChunksRequest, message, from);
      // A copy, since the message's buffer may be used again.
      const challenge = { nonce: new Uint8Array(nonce), auditor: from, chunks: [...new Set(chunks)] };
      message.release();
      const reply = await answerAudit(parts, challenge, { allowance, limits, signal });
      return { body: encodeMessage(auditChunksReply, reply), chunks: [] };
    } finally {
      share.release();
    }
  };
}

type Challenge = { readonly nonce: Uint8Array; readonly auditor: PeerId; readonly chunks: readonly Address[] };
type Bounds = { readonly allowance: ReadAllowance; readonly limits: AuditLimits; readonly signal: AbortSignal };

async function answerAudit(parts: AuditHandlerParts, challenge: Challenge, bounds: Bounds): Promise<AuditChunksReply> {
  const proofs = new Map<VaultName, AuditProof[]>();
  const missing: Address[] = [];
  const later: Address[] = [];
  let left = bounds.limits.bytesPerRequestMax;
  for (const chunk of challenge.chunks) {
    bounds.signal.throwIfAborted();
    const size = parts.store.info(chunk)?.size;
    if (size === undefined) {
      missing.push(chunk);
      // Costs no disk, and corrects an inventory that believed it to be here.
      await parts.store.get(chunk);
    } else if (size > left || !bounds.allowance.take(challenge.auditor, size)) later.push(chunk);
    else {
      left -= size;
      const proof = await proofOf(parts, challenge, chunk);
      if (proof === undefined) missing.push(chunk);
      else proofs.set(proof.vault, [...(proofs.get(proof.vault) ?? []), { chunk, proof: proof.proof }]);
    }
  }
  const { genesis, node, vaults } = parts;
  const { nonce, auditor } = challenge;
  const statements = vaults.flatMap(({ name, key }) => {
    const made = proofs.get(name);
    return made === undefined ? [] : [signAuditStatement(genesis.networkId, key, { nonce, auditor, node, proofs: made })];
  });
  return { statements, missing, later };
}

async function proofOf(
  { store, vaults, node }: AuditHandlerParts,
  { nonce, auditor }: Challenge,
  chunk: Address,
): Promise<{ vault: VaultName; proof: Uint8Array } | undefined> {
  const read = await store.get(chunk);
  if (read.kind !== "found") return undefined;
  try {
    const vault = vaults.find(({ name }) => name === read.vault);
    if (vault === undefined) return undefined;
    const key = auditKey({ nonce, auditor, node, vault: vault.key.publicKey });
    return { vault: read.vault, proof: auditProof(key, read.bytes) };
  } finally {
    read.release();
  }
}
