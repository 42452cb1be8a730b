// Answers to exchange-records: what a peer pushes is taken in, what it lacks is sent, what is lacking here is asked for.
import { equalBytes } from "../../protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import {
  type ExchangeRecordsReply,
  type ExchangeRecordsRequest,
  exchangeRecordsReply,
  exchangeRecordsRequest,
  fingerprintLength,
  type RecordHead,
} from "../../protocol/messages/exchange-records.ts";
import { isNewer } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Answer, Handler } from "../peers.ts";
import type { Intake } from "./intake.ts";
import { fittingRecords } from "./record-batches.ts";
import type { Roster } from "./roster.ts";

export type ExchangeParts = {
  readonly roster: Roster;
  readonly intake: Intake;
  /** Passes the goodbye of a node that left on to a peer that still counts it. */
  readonly tellDeparted: (bytes: Uint8Array, to: PeerId) => void;
};

const nothing: ExchangeRecordsReply = { differing: [], records: [], more: false, wanted: [] };

// Goodbyes told for one exchange: the others are told at the next.
const departedToldMax = 8;

/** The handler of exchange-records. */
export function answerExchange(parts: ExchangeParts): Handler {
  return async (from, message) => {
    if (parts.intake.isBlocked(from)) return reply(nothing);
    const request = decodeMessage(exchangeRecordsRequest, message.body);
    if (!request.ok) {
      parts.intake.offend(from, request.why);
      throw new Error(`exchange-records: ${request.why}`);
    }
    return reply(answerTo(parts, from, request.value));
  };
}

function reply(value: ExchangeRecordsReply): Answer {
  return { body: encodeMessage(exchangeRecordsReply, value), chunks: [] };
}

function answerTo(parts: ExchangeParts, from: PeerId, request: ExchangeRecordsRequest): ExchangeRecordsReply {
  if (request.kind === "push") return { ...nothing, ...takePushed(parts, from, request.records) };
  if (!parts.intake.admitsQuestion(from)) throw new Error("exchange-records: asked too often");
  if (request.kind === "summary") return { ...nothing, differing: differingBuckets(parts.roster, request.fingerprints) };
  return { ...nothing, ...compareHeads(parts, from, request) };
}

/** Takes in what was pushed and answers with newer records where the pushed ones are old. */
function takePushed({ intake, tellDeparted }: ExchangeParts, from: PeerId, pushed: readonly Uint8Array[]): Partial<ExchangeRecordsReply> {
  const newer: Uint8Array[] = [];
  const bytes = pushed.reduce((sum, record) => sum + record.length, 0);
  // An honest peer that is told so leaves the rest for its next meeting.
  if (!intake.admits(from, bytes)) throw new Error("exchange-records: more than may be pushed now");
  for (const record of pushed) {
    const offered = intake.record(record, from);
    if (offered.kind === "stale") newer.push(offered.newest.bytes);
    if (offered.kind === "departed") tellDeparted(offered.departed.bytes, from);
    if (intake.isBlocked(from)) break;
  }
  const records = fittingRecords(newer);
  return { records, more: records.length < newer.length };
}

function differingBuckets({ book }: Roster, theirs: Uint8Array): readonly number[] {
  const count = theirs.length / fingerprintLength;
  const ours = book.fingerprints(count);
  const of = (all: Uint8Array, bucket: number): Uint8Array => all.subarray(bucket * fingerprintLength, (bucket + 1) * fingerprintLength);
  return Array.from({ length: count }, (_, bucket) => bucket).filter((bucket) => !equalBytes(of(ours, bucket), of(theirs, bucket)));
}

type HeadsRequest = Extract<ExchangeRecordsRequest, { kind: "heads" }>;

function compareHeads({ roster, tellDeparted }: ExchangeParts, from: PeerId, request: HeadsRequest): Partial<ExchangeRecordsReply> {
  const { book } = roster;
  const theirs = new Map(request.heads.map((head) => [head.peerId, head]));
  const lacking = book.heads(request.bucketCount, new Set(request.buckets)).filter((head) => isLacking(theirs.get(head.peerId), head));
  const records = lacking.map(({ peerId }) => book.get(peerId)?.bytes).filter((bytes) => bytes !== undefined);
  const fitting = fittingRecords(records);
  const departed = request.heads.map((head) => departedSince(roster, head)).filter((bytes) => bytes !== undefined);
  for (const bytes of departed.slice(0, departedToldMax)) tellDeparted(bytes, from);
  const wanted = request.heads.filter((head) => departedSince(roster, head) === undefined && isLacking(book.get(head.peerId), head));
  return { records: fitting, more: fitting.length < records.length, wanted: wanted.map(({ peerId }) => peerId) };
}

function isLacking(have: Omit<RecordHead, "peerId"> | undefined, offered: RecordHead): boolean {
  return have === undefined || isNewer(offered, have);
}

/** The goodbye of a node that left for good after this record. */
function departedSince(roster: Roster, head: RecordHead): Uint8Array | undefined {
  const departed = roster.departed(head.peerId);
  const left = departed?.goodbye.departure.kind === "leaving" && !isNewer(head, departed.goodbye);
  return left ? departed.bytes : undefined;
}
