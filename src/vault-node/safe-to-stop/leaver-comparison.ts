// A second source's side: brings fingerprints of what a leaver holds to each of its other holders, and learns so which chunks these
// lack; bytes grow with what is missing, not with what is there. Answers that break the rules throw.
import { NetworkError } from "../../network/errors.ts";
import type { Peers } from "../../network/peers.ts";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { comparePartsMax, compareRangesMax } from "../../protocol/limits.ts";
import {
  type AddressRange,
  type CompareChunksReply,
  type FingerprintedRange,
  rangeFingerprintLength,
} from "../../protocol/messages/compare-chunks.ts";
import {
  type LeaverChunksReply,
  type LeaverChunksRequest,
  leaverChunksReply,
  leaverChunksRequest,
} from "../../protocol/messages/leaver-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { HandlerError } from "../errors.ts";
import { cutsInside, readList } from "../reconciliation/comparison.ts";
import { addAddress, emptySum, fingerprintOf } from "../reconciliation/range-sum.ts";
import { reconciliationLimits } from "../reconciliation/reconciliation-limits.ts";
import type { LeaverAnswers } from "./leaver-chunks.ts";

export type LeaverComparisonParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  /** This node's own answers: it may be a holder itself. */
  readonly answers: LeaverAnswers;
  readonly clock: Clock;
  readonly random: Random;
  readonly questionTimeoutMs: number;
};

// A holder that is busy is asked again so often.
const triesMax = 25;
const retryMs = 1_000;
const { depthMax, differencesMax, messagesMax } = reconciliationLimits;

/** Asks a node, again where it is busy. Rejects where it does not answer properly. */
export async function askAboutLeaver(
  { peers, answers, clock, questionTimeoutMs }: Omit<LeaverComparisonParts, "random">,
  peer: PeerId,
  request: LeaverChunksRequest,
  signal: AbortSignal,
): Promise<LeaverChunksReply> {
  const message = { body: encodeMessage(leaverChunksRequest, request), chunks: [] };
  for (let tries = 1; ; tries += 1) {
    try {
      const own = peer === peers.self ? await answers(request) : undefined;
      if (own !== undefined) return own;
      const answer = await peers.request(peer, "leaver-chunks", message, { timeoutMs: questionTimeoutMs, signal });
      const reply = decodeMessage(leaverChunksReply, answer.body);
      answer.release();
      if (!reply.ok) throw new HandlerError("malformed", reply.why, peer);
      return reply.value;
    } catch (error) {
      signal.throwIfAborted();
      const isBusy = error instanceof NetworkError && (error.code === "busy" || error.code === "refused");
      if (!isBusy || tries >= triesMax) throw error;
      await clock.sleep(retryMs, signal);
    }
  }
}

/** A part of what the leaver holds, with its fingerprint; `list`: its addresses, where they are few. */
type Part = FingerprintedRange & { readonly list?: readonly Uint8Array[]; readonly depth: number };
type Whom = { readonly leaver: PeerId; readonly other: PeerId | null };

const everything: AddressRange = { from: new Uint8Array(0), to: new Uint8Array(0) };
// No sum has it, so that everything asked about is answered.
const noFingerprint = new Uint8Array(rangeFingerprintLength);

export type LeaverComparison = {
  /** Chunks that `other` should hold without the leaver, and does not. Undefined: more than are brought home. */
  missingAt(other: PeerId): Promise<readonly Address[] | undefined>;
  /** All chunks that the leaver shares with `other`; null: those that are none of its own. Undefined: more than are brought home. */
  sharedWith(other: PeerId | null): Promise<readonly Address[] | undefined>;
  /** About so many of the leaver's own chunks, drawn at random. */
  sample(count: number): Promise<readonly Address[]>;
};

/** Comparisons of what `leaver` holds with others. All reject where somebody does not answer properly. */
export function compareLeaver(parts: LeaverComparisonParts, leaver: PeerId, signal: AbortSignal): LeaverComparison {
  let messages = 0;
  const ask = async (peer: PeerId, other: PeerId | null, ranges: readonly FingerprintedRange[]): Promise<CompareChunksReply> => {
    messages += 1;
    const reply = await askAboutLeaver(parts, peer, { kind: "ranges", leaver, other, ranges }, signal);
    if (reply.kind !== "ranges") throw new HandlerError("malformed", "another answer than was asked for", peer);
    const { considered, lists, splits } = reply.found;
    const answered = new Set([...lists, ...splits].map(({ range }) => range));
    // Each is answered once, and all that were asked about without a fingerprint are.
    const isWhole = peer !== leaver || answered.size === considered;
    const isOnce = answered.size === lists.length + splits.length && [...answered].every((range) => range < considered);
    if (considered < 1 || considered > ranges.length || !isOnce || !isWhole)
      throw new HandlerError("malformed", `${considered} of ${ranges.length} ranges considered`, peer);
    return reply.found;
  };
  const cut = async (whom: Whom, ranges: readonly (AddressRange & { readonly depth: number })[]): Promise<readonly Part[]> => {
    const found: Part[] = [];
    for (let open = ranges; open.length > 0; ) {
      const asked = inOrder(open).slice(0, compareRangesMax);
      const reply = await ask(
        leaver,
        whom.other,
        asked.map(({ from, to }) => ({ from, to, fingerprint: noFingerprint })),
      );
      for (const { range: index, chunks } of reply.lists) found.push(...listedPart(asked[index], chunks, leaver));
      for (const one of reply.splits) found.push(...splitParts(asked[one.range], one, leaver));
      open = inOrder(open).slice(reply.considered);
    }
    return found;
  };
  const missingAt = async (other: PeerId): Promise<readonly Address[] | undefined> => {
    const missing: Address[] = [];
    const begun = messages;
    for (let open = await cut({ leaver, other }, [{ ...everything, depth: 0 }]); open.length > 0; ) {
      if (missing.length > differencesMax || messages - begun > messagesMax) return undefined;
      const asked = inOrder(open).slice(0, compareRangesMax);
      const reply = await ask(other, other, asked);
      const theirs = new Map(reply.lists.map(({ range, chunks }) => [range, chunks]));
      const differing = [...theirs.keys(), ...reply.splits.map(({ range }) => range)];
      const unlisted: Part[] = [];
      for (const index of differing) {
        const part = asked[index];
        if (part?.list === undefined) unlisted.push(...(part === undefined ? [] : [part]));
        else missing.push(...without(part, part.list, theirs.get(index)));
      }
      open = [...(unlisted.length === 0 ? [] : await cut({ leaver, other }, unlisted)), ...inOrder(open).slice(reply.considered)];
    }
    return missing;
  };
  const descend = async (other: PeerId | null, partsMax: number): Promise<readonly Address[] | undefined> => {
    const listed: Address[] = [];
    for (let open = await cut({ leaver, other }, [{ ...everything, depth: 0 }]); open.length > 0; ) {
      listed.push(...open.flatMap(({ list = [] }) => list.map(addressFromBytes)));
      if (listed.length > differencesMax) return undefined;
      const deeper = drawn(
        open.filter(({ list }) => list === undefined),
        partsMax,
        parts.random,
      );
      open = deeper.length === 0 ? [] : await cut({ leaver, other }, deeper);
    }
    return listed;
  };
  return {
    missingAt,
    sharedWith: (other) => descend(other, Number.POSITIVE_INFINITY),
    sample: async (count) => drawn((await descend(leaver, count)) ?? [], count, parts.random),
  };
}

function inOrder<T extends AddressRange>(ranges: readonly T[]): readonly T[] {
  return [...ranges].sort((a, b) => Buffer.compare(a.from, b.from));
}

function listedPart(range: (AddressRange & { readonly depth: number }) | undefined, chunks: Uint8Array, peer: PeerId): readonly Part[] {
  const list = range === undefined ? undefined : readList(range, chunks, reconciliationLimits);
  if (range === undefined || list === undefined) throw new HandlerError("malformed", "a list that is not of its range", peer);
  const sum = emptySum();
  for (const address of list) addAddress(sum, new DataView(address.buffer, address.byteOffset, address.length), 0, 1);
  return list.length === 0 ? [] : [{ from: range.from, to: range.to, depth: range.depth, fingerprint: fingerprintOf(sum), list }];
}

function splitParts(
  range: (AddressRange & { readonly depth: number }) | undefined,
  { bounds, fingerprints }: CompareChunksReply["splits"][number],
  peer: PeerId,
): readonly Part[] {
  if (range === undefined || !cutsInside(range, bounds) || bounds.length >= comparePartsMax)
    throw new HandlerError("malformed", "a range that is not cut inside", peer);
  const depth = range.depth + 1;
  if (depth > depthMax) throw new HandlerError("malformed", "cut after cut without an end", peer);
  return Array.from({ length: bounds.length + 1 }, (_, part): Part => {
    const fingerprint = fingerprints.slice(part * rangeFingerprintLength, (part + 1) * rangeFingerprintLength);
    return { from: bounds[part - 1] ?? range.from, to: bounds[part] ?? range.to, fingerprint, depth };
  });
}

/** What is not in the other's list; all of it where the other has more than it lists: that is looked at one by one. */
function without(range: AddressRange, mine: readonly Uint8Array[], theirs: Uint8Array | undefined): readonly Address[] {
  const list = theirs === undefined ? undefined : readList(range, theirs, reconciliationLimits);
  const held = new Set(list?.map(addressFromBytes));
  return mine.map(addressFromBytes).filter((address) => !held.has(address));
}

/** At most `count` of them, each as likely as the other (Fisher and Yates). */
function drawn<T>(from: readonly T[], count: number, random: Random): readonly T[] {
  if (from.length <= count) return from;
  const rest = [...from];
  return Array.from({ length: count }, () => rest.splice(Math.floor(random.fraction() * rest.length), 1)[0]).filter(
    (one) => one !== undefined,
  );
}
