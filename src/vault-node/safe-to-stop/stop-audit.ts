// Challenges the holders of chunks, whether this node holds those chunks or not: what it lacks it fetches from the node that
// is to stop, keeps in memory for as long as the proofs take, and drops.
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { auditChunksMax } from "../../protocol/limits.ts";
import { getChunksReply, getChunksRequest } from "../../protocol/messages/get-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Auditor, AuditVerdict } from "../audit/auditor.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";

/** A chunk and the nodes that said they hold it. */
export type Claim = { readonly address: Address; readonly holders: readonly PeerId[] };

export type StopAuditParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly store: Pick<ChunkStore, "get" | "info">;
  readonly clock: Clock;
  readonly fetchTimeoutMs: number;
  /** An auditor that judges by the chunks of this store. */
  auditorOver(store: Pick<ChunkStore, "get" | "info">): Auditor;
};

// Bytes in memory at a time, and how often a holder that is busy, over its allowance or late is asked again: it reads
// 8 MiB a second for one auditor.
const batchBytesMax = 8 * 2 ** 20;
const triesMax = 20;
const retryMs = 1_000;

/** How many of these chunks fewer than `needed` holders showed. Rejects only with the signal's reason. */
export async function countUnshown(
  parts: StopAuditParts,
  claims: readonly Claim[],
  asked: { readonly from: PeerId; readonly needed: number },
  signal: AbortSignal,
): Promise<number> {
  let unshown = 0;
  let batch: { readonly claim: Claim; readonly bytes: Uint8Array }[] = [];
  let bytes = 0;
  const challenge = async (): Promise<void> => {
    unshown += await unshownOf(parts, batch, asked.needed, signal);
    batch = [];
    bytes = 0;
  };
  for (const claim of claims) {
    const found = (await ownCopy(parts, claim.address)) ?? (await copyOf(parts, asked.from, claim.address, signal));
    if (found === undefined) {
      unshown += 1;
      continue;
    }
    if (batch.length === auditChunksMax || (batch.length > 0 && bytes + found.length > batchBytesMax)) await challenge();
    batch.push({ claim, bytes: found });
    bytes += found.length;
  }
  await challenge();
  return unshown;
}

type Borrowed = { readonly claim: Claim; readonly bytes: Uint8Array };

async function unshownOf(parts: StopAuditParts, batch: readonly Borrowed[], needed: number, signal: AbortSignal): Promise<number> {
  const auditor = parts.auditorOver(borrowedStore(batch));
  const shown = new Map<Address, number>();
  const show = (address: Address): void => void shown.set(address, (shown.get(address) ?? 0) + 1);
  const questions = new Map<PeerId, Address[]>();
  for (const { claim } of batch) for (const peer of claim.holders) questions.set(peer, [...(questions.get(peer) ?? []), claim.address]);
  await Promise.all(
    [...questions].map(async ([peer, chunks]) => {
      const proven = peer === parts.peers.self ? await readable(parts, chunks) : await provenBy(parts, auditor, { peer, chunks }, signal);
      for (const address of proven) show(address);
    }),
  );
  return batch.filter(({ claim }) => (shown.get(claim.address) ?? 0) < needed).length;
}

// A holder that reads for others too, or is slow, is no liar: what it owes is asked for again.
const askedAgain: readonly AuditVerdict[] = ["unasked", "later", "silent", "late"];

async function provenBy(
  { clock }: StopAuditParts,
  auditor: Auditor,
  { peer, chunks }: { readonly peer: PeerId; readonly chunks: readonly Address[] },
  signal: AbortSignal,
): Promise<readonly Address[]> {
  const proven: Address[] = [];
  let open = chunks;
  for (let tries = 0; open.length > 0 && tries < triesMax; tries += 1) {
    if (tries > 0) await clock.sleep(retryMs, signal);
    const verdicts = await auditor.audit({ peer, chunks: open }, signal);
    proven.push(...open.filter((_, i) => verdicts[i] === "proven"));
    open = open.filter((_, i) => askedAgain.includes(verdicts[i] ?? "unasked"));
  }
  return proven;
}

async function readable(parts: StopAuditParts, chunks: readonly Address[]): Promise<readonly Address[]> {
  const read: Address[] = [];
  for (const address of chunks) if ((await ownCopy(parts, address)) !== undefined) read.push(address);
  return read;
}

async function ownCopy({ store }: StopAuditParts, address: Address): Promise<Uint8Array | undefined> {
  if (store.info(address) === undefined) return undefined;
  const read = await store.get(address);
  if (read.kind !== "found") return undefined;
  const bytes = new Uint8Array(read.bytes);
  read.release();
  return bytes;
}

async function copyOf(
  { peers, fetchTimeoutMs }: StopAuditParts,
  peer: PeerId,
  address: Address,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const body = encodeMessage(getChunksRequest, { chunks: [address] });
  const answer = await peers
    .request(peer, "get-chunks", { body, chunks: [] }, { timeoutMs: fetchTimeoutMs, signal })
    .catch(() => undefined);
  signal.throwIfAborted();
  if (answer === undefined) return undefined;
  const [bytes] = answer.chunks;
  const isRight = decodeMessage(getChunksReply, answer.body).ok && bytes !== undefined && answer.hashes[0] === address;
  const copy = isRight ? new Uint8Array(bytes) : undefined;
  answer.release();
  return copy;
}

// Whose vault they lie in does not matter to who judges proofs.
const nobody = "0".repeat(64) as VaultName;

function borrowedStore(batch: readonly Borrowed[]): Pick<ChunkStore, "get" | "info"> {
  const chunks = new Map(batch.map(({ claim, bytes }) => [claim.address, bytes]));
  return {
    info: (address) => {
      const bytes = chunks.get(address);
      return bytes === undefined ? undefined : { vault: nobody, size: bytes.length, storedAtMs: 0 };
    },
    get: async (address) => {
      const bytes = chunks.get(address);
      return bytes === undefined ? { kind: "absent" } : { kind: "found", bytes, vault: nobody, release: () => {} };
    },
  };
}
