// The limits of the client library with unit and reason, in one place.
import { strict as assert } from "node:assert";
import { inlineChunksMax, messageChunkBytesMax } from "../protocol/limits.ts";

const kib = 1024;
const mib = 1024 * kib;

export type ClientLimits = {
  /** How far from an address holders are asked at all: the closest so many (protocol: closest(16)). */
  readonly candidatesMax: number;
  /**
   * The same while vaults join near it, of those that do not: all of a farm that grew to so many at once, and of one that grew tenfold beyond, at
   * least one of five old holders but for one chunk in a thousand.
   */
  readonly formerMax: number;
  /** Objects up to this many bytes are sent at once, whole, without asking first what is held. */
  readonly smallObjectMax: number;
  /** Chunk bytes up to which chunks of any requests share a message: such messages stay on the control stream. */
  readonly smallMessageMax: number;
  /** Put messages of one size class in flight to one node: one on its way while the other is synced. What waits meanwhile travels together. */
  readonly putMessagesPerNode: number;
  /** A put without answer for so long gets one more holder beside it: longer than a sync on a busy disk, and more for each MiB of its message. */
  readonly putLateMs: number;
  readonly putLatePerMibMs: number;
  /** A put without answer for so long has failed. */
  readonly putTimeoutMs: number;
  /** Tries of one holder that was busy or did not answer, and the rest before the second, doubled each time. */
  readonly triesMax: number;
  readonly retryMs: number;
  /** How long a chunk's put may look for `min` holders in all. */
  readonly putDeadlineMs: number;
  /** How long it goes on towards `target` after that (protocol: 10 s). */
  readonly finishMs: number;
  /** Holders asked first whether they have a chunk: two, so that one that was down at the first upload does not hide it. */
  readonly probeHolders: number;
  /** How long a has-chunks question may take: it reads no disk. */
  readonly probeTimeoutMs: number;
  /** Questions of one kind in flight to one node; what waits meanwhile travels together. */
  readonly questionsPerNode: number;
  /** Small chunks asked for in one message: at a usual 4 KiB object's size they fit the control stream. */
  readonly smallReadsPerMessage: number;
  /** A read without answer for so long has failed. */
  readonly getTimeoutMs: number;
  /** The same for nodes believed dead, which are asked last: a wrong belief must not lose a chunk, a right one must not delay the answer. */
  readonly doubtfulTimeoutMs: number;
  /** Bounds of the wait before a second holder is asked, small and bulk: below, noise on a busy machine would double all reads. */
  readonly hedgeMinMs: { readonly small: number; readonly bulk: number };
  readonly hedgeMaxMs: { readonly small: number; readonly bulk: number };
  /** Second holders asked only for lateness, as a share of all reads, and how many may be saved up: an overloaded farm must not get double load. */
  readonly hedgeShare: number;
  readonly hedgeBurst: number;
  /** Large chunks remembered as read once: 16 GiB of them in about 1 MiB. */
  readonly readBeforeMax: number;
  /** Chunks whose holders are remembered for the copies figures. */
  readonly ledgerChunksMax: number;
  /** Between two rounds of counting chunks again that seem to have too few live copies, and how far the rest grows while nothing changes. */
  readonly recountMs: number;
  readonly recountMaxMs: number;
  /** Chunks a round: a few messages to each node. */
  readonly recountChunksMax: number;
  /** Changes of the network view within this time are told together. */
  readonly changeDelayMs: number;
  /** Sources of unknown size up to this stay in memory; longer ones go to the spool file. */
  readonly spoolMemoryMax: number;
  /** Largest object, bytes, where the caller says nothing else: 1 TiB. */
  readonly objectSizeMax: number;
};

export const clientLimits: ClientLimits = {
  candidatesMax: 16,
  formerMax: 64,
  smallObjectMax: 64 * kib,
  smallMessageMax: inlineChunksMax,
  putMessagesPerNode: 2,
  putLateMs: 4_000,
  putLatePerMibMs: 500,
  putTimeoutMs: 30_000,
  triesMax: 4,
  retryMs: 250,
  putDeadlineMs: 60_000,
  finishMs: 10_000,
  probeHolders: 2,
  probeTimeoutMs: 2_000,
  questionsPerNode: 4,
  smallReadsPerMessage: 64,
  getTimeoutMs: 15_000,
  doubtfulTimeoutMs: 1_000,
  hedgeMinMs: { small: 40, bulk: 300 },
  hedgeMaxMs: { small: 1_000, bulk: 4_000 },
  hedgeShare: 0.1,
  hedgeBurst: 16,
  readBeforeMax: 4_096,
  ledgerChunksMax: 65_536,
  recountMs: 5_000,
  recountMaxMs: 60_000,
  recountChunksMax: 512,
  changeDelayMs: 50,
  spoolMemoryMax: mib,
  objectSizeMax: 1024 ** 4,
};

assert(clientLimits.smallMessageMax <= messageChunkBytesMax, "a small message is a message");
assert(
  clientLimits.putLateMs + (messageChunkBytesMax / mib) * clientLimits.putLatePerMibMs < clientLimits.putTimeoutMs,
  "late comes before lost",
);
