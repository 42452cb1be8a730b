// Reconciliation from the asking side: fingerprints first, eight bytes where both books agree; then the heads of the
// buckets that differ, round by round, until each side has what the other had.
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { recordBucketsMax, recordsPerMessageMax } from "../../protocol/limits.ts";
import {
  type ExchangeRecordsReply,
  type ExchangeRecordsRequest,
  exchangeRecordsReply,
  exchangeRecordsRequest,
  type RecordHead,
} from "../../protocol/messages/exchange-records.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { NetworkError } from "../errors.ts";
import type { Peers } from "../peers.ts";
import type { Intake } from "./intake.ts";
import type { MembershipLimits } from "./membership-limits.ts";
import { recordBatches } from "./record-batches.ts";
import type { RecordBook } from "./record-book.ts";

export type ReconcileParts = { readonly peers: Peers; readonly book: RecordBook; readonly intake: Intake };

/** Records a bucket: few enough that a difference costs little, many enough that fingerprints stay short. */
const recordsPerBucket = 16;

/** Brings this side's book and a peer's together. Rejects with a `NetworkError` where the peer does not answer or breaks the protocol. */
export async function reconcile(parts: ReconcileParts, peer: PeerId, limits: MembershipLimits): Promise<void> {
  const bucketCount = bucketsFor(parts.book.size());
  const summary = await exchange(parts, peer, { kind: "summary", fingerprints: parts.book.fingerprints(bucketCount) }, limits);
  let buckets = summary.differing.filter((bucket) => bucket < bucketCount);
  for (let round = 0; buckets.length > 0 && round < limits.reconcileRoundsMax; round++) {
    const asked = headsRequest(parts.book, bucketCount, buckets);
    const reply = await exchange(parts, peer, asked, limits);
    const gained = reply.records.filter((bytes) => parts.intake.record(bytes, peer).kind === "fresh").length;
    await pushRecords(parts, peer, recordsOf(parts.book, reply.wanted), limits);
    // Buckets are asked for again only while that brings something new.
    if (!reply.more || gained === 0) buckets = buckets.slice(asked.buckets.length);
  }
}

/** Sends records, and takes in the newer ones the peer answers with, until it wants no more for now. Rejects like `reconcile`. */
export async function pushRecords(
  parts: ReconcileParts,
  peer: PeerId,
  records: readonly Uint8Array[],
  limits: MembershipLimits,
): Promise<void> {
  for (const batch of recordBatches(records)) {
    const reply = await exchange(parts, peer, { kind: "push", records: batch }, limits).catch(unlessRefused);
    if (reply === undefined) return;
    for (const bytes of reply.records) parts.intake.record(bytes, peer);
  }
}

function unlessRefused(error: unknown): undefined {
  if (!(error instanceof NetworkError) || error.code !== "refused") throw error;
}

async function exchange(
  { peers, intake }: ReconcileParts,
  peer: PeerId,
  request: ExchangeRecordsRequest,
  limits: MembershipLimits,
): Promise<ExchangeRecordsReply> {
  const body = encodeMessage(exchangeRecordsRequest, request);
  const delivery = await peers.request(peer, "exchange-records", { body, chunks: [] }, { timeoutMs: limits.requestTimeoutMs });
  const reply = decodeMessage(exchangeRecordsReply, delivery.body);
  delivery.release();
  if (reply.ok) return reply.value;
  intake.offend(peer, reply.why);
  throw new NetworkError("protocol", `exchange-records: ${reply.why}`, { peer });
}

function bucketsFor(records: number): number {
  const wanted = Math.max(1, Math.ceil(records / recordsPerBucket));
  return Math.min(recordBucketsMax, 2 ** Math.ceil(Math.log2(wanted)));
}

type HeadsRequest = Extract<ExchangeRecordsRequest, { kind: "heads" }>;

/** The first buckets whose heads fit one message together; at least one, and of a bucket that does not fit its first heads. */
function headsRequest(book: RecordBook, bucketCount: number, buckets: readonly number[]): HeadsRequest {
  const chosen: number[] = [];
  const heads: RecordHead[] = [];
  const known = book.headsByBucket(bucketCount);
  for (const bucket of buckets) {
    const more = known.get(bucket) ?? [];
    if (chosen.length > 0 && heads.length + more.length > recordsPerMessageMax) break;
    chosen.push(bucket);
    heads.push(...more.slice(0, recordsPerMessageMax - heads.length));
  }
  return { kind: "heads", bucketCount, buckets: chosen, heads };
}

function recordsOf(book: RecordBook, wanted: readonly PeerId[]): readonly Uint8Array[] {
  return wanted.map((peer) => book.get(peer)?.bytes).filter((bytes) => bytes !== undefined);
}
