// The limits of keeping copies, each with unit and reason. Times are milliseconds of the monotonic clock.
import { strict as assert } from "node:assert";
import { addressesPerRequestMax, messageChunkBytesMax } from "../../protocol/limits.ts";
import { repairDelayDefaultMs } from "../config.ts";

const mib = 1024 * 1024;

export type ReplicationLimits = {
  /**
   * How long a node may be silent before its copies are made elsewhere, by the live copies a chunk has left: at least
   * `min` · `min` − 1 · fewer (protocol 3: 5 min, 30 s, 3 s; the open internet ten times as long).
   */
  readonly repairDelayMs: RepairDelays;
  /** How often the view is looked at for delays that have passed. */
  readonly tickMs: number;
  /** After the start nothing is looked through, and nobody asked what is owed, for so long: the directory fills first. */
  readonly settleMs: number;
  /** How long after it was stored a chunk is looked at: the put's own finishing (10 s) comes first. */
  readonly freshAfterMs: number;
  /** All chunks are looked at so often, whatever happened. */
  readonly everythingEveryMs: number;
  /** The same once reminders were forgotten and half of their places are free again: longer than the turns of nine holders. */
  readonly forgottenEveryMs: number;
  /** How long the next holder in order waits for the one before it to act. */
  readonly turnMs: number;
  /** The same where a chunk has fewer than `min` copies: the first may have started just now and not believe in the loss yet. */
  readonly pressingTurnMs: number;
  /** The rest after a copy could not be made. */
  readonly retryMs: number;
  /** A copy too many is kept for so long: a view that wavers must not cost one. */
  readonly trimAfterMs: number;
  /** How long a vault that refused is not offered anything. */
  readonly refusedForMs: number;
  /** The vaults next to an address that may have a copy (client: candidatesMax). */
  readonly circle: number;
  /** Chunks looked at together: their answers are in memory meanwhile, about 1 KB each. */
  readonly chunksPerSurvey: number;
  /** Copies to be made, remembered at a time; what is beyond comes with the next look. About 200 bytes each. */
  readonly tasksMax: number;
  /** Fresh chunks and later looks remembered. */
  readonly remindersMax: number;
  /** How long a node that goes for a while looks after chunks that would have too few copies meanwhile. */
  readonly handOverMs: number;
  /** Chunks whose copies are counted for people to see: those for which this node is one of the first two holders. About 200 bytes each. */
  readonly countedMax: number;
  /** Bytes a second that this node sends for repair: a fifth of what a gigabit carries, so that reads and puts go on. */
  readonly bytesPerSecond: number;
  /** Messages with copies on their way at a time. */
  readonly pushesInFlight: number;
  readonly pushBytesMax: number;
  readonly pushTimeoutMs: number;
  readonly questionTimeoutMs: number;
};

/** `enough`: at least `min` copies are live. */
export type RepairDelays = { readonly enough: number; readonly few: number; readonly fewest: number };

/** The delays in the protocol's proportions, out of the longest. */
export function repairDelays(enoughMs: number): RepairDelays {
  return { enough: enoughMs, few: enoughMs / 10, fewest: enoughMs / 100 };
}

export const replicationLimits: ReplicationLimits = {
  repairDelayMs: repairDelays(repairDelayDefaultMs),
  tickMs: 1_000,
  settleMs: 3_000,
  freshAfterMs: 15_000,
  everythingEveryMs: 1_800_000,
  forgottenEveryMs: 300_000,
  turnMs: 30_000,
  pressingTurnMs: 3_000,
  retryMs: 5_000,
  trimAfterMs: 60_000,
  refusedForMs: 60_000,
  circle: 16,
  chunksPerSurvey: 4 * addressesPerRequestMax,
  tasksMax: 65_536,
  remindersMax: 65_536,
  handOverMs: 5_000,
  countedMax: 131_072,
  bytesPerSecond: 25 * mib,
  pushesInFlight: 4,
  pushBytesMax: messageChunkBytesMax,
  pushTimeoutMs: 60_000,
  questionTimeoutMs: 5_000,
};

assert(replicationLimits.pushBytesMax <= messageChunkBytesMax, "what is pushed together must fit one message");
assert(replicationLimits.chunksPerSurvey >= addressesPerRequestMax, "a survey fills its questions");
