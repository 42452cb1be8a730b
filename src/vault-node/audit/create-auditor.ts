// Challenges other nodes and judges their proofs against the same chunks read here.
import { NetworkError } from "../../network/errors.ts";
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { auditChunksMax } from "../../protocol/limits.ts";
import {
  type AuditStatement,
  auditChunksReply,
  auditChunksRequest,
  auditKey,
  auditProof,
  readAuditStatement,
} from "../../protocol/messages/audit-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { type AuditLimits, auditLimits } from "./audit-limits.ts";
import type { Auditor, AuditVerdict } from "./auditor.ts";

/** What became of one chunk; `vault`: which vault of the node showed it, where one did. */
export type Judgement = { readonly chunk: Address; readonly vault: VaultName | undefined; readonly verdict: AuditVerdict };

export type AuditorParts = {
  readonly genesis: Genesis;
  readonly peers: Pick<Peers, "self" | "request">;
  readonly store: Pick<ChunkStore, "get" | "info">;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a vault is one of a node's. */
  hosts(peer: PeerId, vault: VaultName): boolean;
  /** Hears every judgement, whoever asked for the audit. */
  onJudged(peer: PeerId, judgements: readonly Judgement[]): void;
};

/** An auditor over these parts. */
export function createAuditor(parts: AuditorParts, limits: AuditLimits = auditLimits): Auditor {
  return {
    audit: async ({ peer, chunks }, signal) => {
      const judged = new Map<Address, AuditVerdict>();
      for (const batch of batchesOf(parts.store, chunks, limits)) {
        const judgements = await auditBatch(parts, { peer, batch, signal }, limits);
        for (const { chunk, verdict } of judgements) judged.set(chunk, verdict);
        parts.onJudged(peer, judgements);
      }
      return chunks.map((chunk) => judged.get(chunk) ?? "unasked");
    },
  };
}

type Batch = { readonly chunks: readonly Address[]; readonly bytes: number };

/** The chunks held here, in requests that an honest node may answer whole. */
function batchesOf(store: AuditorParts["store"], chunks: readonly Address[], limits: AuditLimits): readonly Batch[] {
  const batches: Batch[] = [];
  let batch: { chunks: Address[]; bytes: number } = { chunks: [], bytes: 0 };
  for (const chunk of new Set(chunks)) {
    const size = store.info(chunk)?.size;
    if (size === undefined) continue;
    if (batch.chunks.length === auditChunksMax || (batch.chunks.length > 0 && batch.bytes + size > limits.bytesPerRequestMax)) {
      batches.push(batch);
      batch = { chunks: [], bytes: 0 };
    }
    batch.chunks.push(chunk);
    batch.bytes += size;
  }
  return batch.chunks.length === 0 ? batches : [...batches, batch];
}

type Asked = { readonly peer: PeerId; readonly batch: Batch; readonly signal: AbortSignal };

async function auditBatch(parts: AuditorParts, { peer, batch, signal }: Asked, limits: AuditLimits): Promise<readonly Judgement[]> {
  const { peers, clock, random } = parts;
  const nonce = random.bytes(32);
  const timeoutMs = limits.timeoutMs + (batch.bytes / limits.slowBytesPerSecond) * 1000;
  const body = encodeMessage(auditChunksRequest, { nonce, chunks: batch.chunks });
  const all = (verdict: AuditVerdict): readonly Judgement[] => batch.chunks.map((chunk) => ({ chunk, vault: undefined, verdict }));
  const startMs = clock.monotonicMs();
  let answered: Uint8Array;
  try {
    const answer = await peers.request(peer, "audit-chunks", { body, chunks: [] }, { timeoutMs, signal });
    answered = new Uint8Array(answer.body);
    answer.release();
  } catch (error) {
    signal.throwIfAborted();
    // Busy, fenced or too young to answer: it said so.
    return all(error instanceof NetworkError && (error.code === "refused" || error.code === "busy") ? "later" : "silent");
  }
  const tookMs = clock.monotonicMs() - startMs;
  const reply = decodeMessage(auditChunksReply, answered);
  if (!reply.ok) return all("wrong");
  const statements = reply.value.statements.map((bytes) => readAuditStatement(parts.genesis.networkId, bytes));
  const sound = statements.flatMap((read) => (read.ok && isBound(parts, read.value, { peer, nonce }) ? [read.value] : []));
  const judging: Judging = { sound, missing: new Set(reply.value.missing), later: new Set(reply.value.later) };
  const judgedAtMs = clock.monotonicMs();
  const judgements: Judgement[] = [];
  for (const chunk of batch.chunks) judgements.push(await judge(parts, judging, chunk));
  const localMs = clock.monotonicMs() - judgedAtMs;
  const allowedMs = limits.graceMs + (batch.bytes / limits.readBytesPerSecond) * 1000 + limits.localFactor * localMs;
  return tookMs <= allowedMs ? judgements : judgements.map((one) => (one.verdict === "proven" ? { ...one, verdict: "late" } : one));
}

type Sound = AuditStatement & { readonly name: VaultName };

/** Whether a statement answers this very challenge, for a vault of the node that was asked. */
function isBound({ peers, hosts }: AuditorParts, statement: Sound, asked: { readonly peer: PeerId; readonly nonce: Uint8Array }): boolean {
  const { auditor, node, nonce, name } = statement;
  return auditor === peers.self && node === asked.peer && equalBytes(nonce, asked.nonce) && hosts(node, name);
}

type Judging = { readonly sound: readonly Sound[]; readonly missing: ReadonlySet<Address>; readonly later: ReadonlySet<Address> };

async function judge({ store }: AuditorParts, { sound, missing, later }: Judging, chunk: Address): Promise<Judgement> {
  const statement = sound.find(({ proofs }) => proofs.some((proof) => proof.chunk === chunk));
  const given = statement?.proofs.find((proof) => proof.chunk === chunk)?.proof;
  if (statement === undefined || given === undefined) {
    // Neither shown nor said to be missing: what is left out does not count as shown.
    const verdict = later.has(chunk) ? "later" : missing.has(chunk) ? "missing" : "wrong";
    return { chunk, vault: undefined, verdict };
  }
  const read = await store.get(chunk);
  if (read.kind !== "found") return { chunk, vault: statement.name, verdict: "unasked" };
  try {
    const verdict = equalBytes(auditProof(auditKey(statement), read.bytes), given) ? "proven" : "wrong";
    return { chunk, vault: statement.name, verdict };
  } finally {
    read.release();
  }
}
