// One chunk on its way back: asks holders in the order of read-decision.ts, a second one beside a late or suspected first,
// and gives the first bytes that have the right address.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Timer } from "../runtime/clock.ts";
import type { ChunkAnswer, ChunkQuestion } from "./chunk-question.ts";
import type { CustomerParts } from "./customer-parts.ts";
import { ClientError } from "./errors.ts";
import type { HedgeBudget } from "./hedge-budget.ts";
import { lateAfterMs, type PaceClass, type PeerPaces } from "./peer-pace.ts";
import {
  type AskState,
  decideRead,
  type Expected,
  expectedCopies,
  type ReadCandidate,
  type ReadDecision,
  readCircles,
  readCounts,
  readOrder,
} from "./read-decision.ts";
import type { FetchedChunk } from "./self-encryption/sealed-object.ts";

export type ChunkReadParts = CustomerParts & {
  readonly question: ChunkQuestion;
  readonly paces: PeerPaces;
  readonly hedges: HedgeBudget;
};

/** `prefer`: the node to ask first, where it is a close holder. */
export type ChunkToRead = { readonly address: Address; readonly kind: PaceClass; readonly prefer?: PeerId | undefined };

type Run = {
  readonly parts: ChunkReadParts;
  readonly chunk: ChunkToRead;
  candidates: readonly ReadCandidate[];
  expected: readonly Expected[];
  /** Nodes that were only pointed to: where they point is not followed. */
  readonly pointed: Set<PeerId>;
  readonly asked: Map<PeerId, AskState>;
  readonly timers: Map<PeerId, Timer>;
  readonly result: PromiseWithResolvers<FetchedChunk>;
  readonly ending: AbortController;
};

/** The verified bytes of a chunk. Rejects with a `ClientError`: `not-found`, `damaged`, `not-ready`, or `aborted`. */
export async function readChunk(parts: ChunkReadParts, chunk: ChunkToRead, signal: AbortSignal): Promise<FetchedChunk> {
  const run: Run = {
    parts,
    chunk,
    ...candidatesOf(parts, chunk),
    pointed: new Set(),
    asked: new Map(),
    timers: new Map(),
    result: Promise.withResolvers(),
    ending: new AbortController(),
  };
  const startMs = parts.clock.monotonicMs();
  const giveUp = (): void => run.result.reject(abortError(signal.reason));
  if (signal.aborted) throw abortError(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  const forget = parts.membership.directory.onChange((peer) => onNodeChange(run, peer));
  parts.hedges.earn();
  step(run);
  const seconds = (): number => (parts.clock.monotonicMs() - startMs) / 1000;
  try {
    const found = await run.result.promise;
    parts.metrics.chunkRead("found", seconds());
    return found;
  } catch (error) {
    if (!signal.aborted) parts.metrics.chunkRead(resultOf(error), seconds());
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
    forget();
    for (const timer of run.timers.values()) timer.cancel();
    run.ending.abort();
  }
}

/** The client's own reason where there is one, otherwise `aborted`. */
export function abortError(reason: unknown): ClientError {
  return reason instanceof ClientError ? reason : new ClientError("aborted", "given up by the caller", { cause: reason });
}

function candidatesOf(
  { membership, genesis, limits, paces, distrusts }: ChunkReadParts,
  { address, kind, prefer }: ChunkToRead,
): Pick<Run, "candidates" | "expected"> {
  const circles = readCircles(membership.directory, address, readCounts(genesis.copies, limits));
  const candidates = readOrder(circles, { cost: (peer) => (peer === prefer ? -1 : paces.cost(peer, kind)), distrusts });
  return { candidates, expected: expectedCopies(circles, genesis.copies) };
}

function decide({ candidates, asked, expected }: Run): ReadDecision {
  return decideRead(candidates, asked, expected);
}

function step(run: Run): void {
  if (run.ending.signal.aborted) return;
  const decision = decide(run);
  if (decision.kind === "ask") void ask(run, decision.candidate);
  if (decision.kind === "over") run.result.reject(readFailure(run.chunk.address, decision.why));
}

async function ask(run: Run, { peer, doubtful }: ReadCandidate): Promise<void> {
  const { parts, chunk, asked } = run;
  const again = asked.has(peer);
  asked.set(peer, "asked");
  // All have been asked: those that are busy need a moment.
  if (again) await parts.clock.sleep(parts.limits.retryMs, run.ending.signal).catch(() => {});
  if (run.ending.signal.aborted) return;
  watchLateness(run, peer);
  const answer = await parts.question.ask(peer, { address: chunk.address, kind: chunk.kind, doubtful }, run.ending.signal);
  run.timers.get(peer)?.cancel();
  run.timers.delete(peer);
  if (answer.kind === "found") return found(run, answer.chunk);
  asked.set(peer, stateAfter(answer, again || doubtful));
  if (answer.kind === "not-held") follow(run, peer, answer.elsewhere);
  step(run);
}

/** A vault without room says who took the chunk: asked next, one step and no further, since what comes is verified in any case. */
function follow(run: Run, from: PeerId, taker: PeerId | undefined): void {
  if (taker === undefined || run.pointed.has(from) || run.asked.has(taker)) return;
  const known = run.candidates.find(({ peer }) => peer === taker);
  const isLive = run.parts.membership.directory.node(taker)?.state === "live";
  if ((known === undefined && !isLive) || known?.doubtful === true) return;
  run.pointed.add(taker);
  run.candidates = [{ peer: taker, doubtful: false }, ...run.candidates.filter(({ peer }) => peer !== taker)];
  // Somebody says that it is there: while it is silent nobody can say that the chunk is nowhere.
  run.expected = [...run.expected, { peers: [taker], copies: 1 }];
}

function found(run: Run, chunk: FetchedChunk): void {
  // Another was faster, or nobody waits any more.
  if (run.ending.signal.aborted) return chunk.release();
  run.ending.abort();
  run.result.resolve(chunk);
}

function stateAfter(answer: Exclude<ChunkAnswer, { kind: "found" }>, last: boolean): AskState {
  if (answer.kind !== "failed") return answer.kind;
  return answer.passing && !last ? "failed" : "lost";
}

function watchLateness(run: Run, peer: PeerId): void {
  const { parts, chunk } = run;
  const { limits, paces, clock } = parts;
  const bounds = { min: limits.hedgeMinMs[chunk.kind], max: limits.hedgeMaxMs[chunk.kind] };
  const look = (force: boolean): void => {
    if (run.asked.get(peer) !== "asked" || run.ending.signal.aborted) return;
    if (force || parts.hedges.take()) return hedge(run, peer, "late");
    run.timers.set(
      peer,
      clock.after(bounds.max, () => look(true)),
    );
  };
  run.timers.set(
    peer,
    clock.after(lateAfterMs(paces.estimate(peer, chunk.kind), bounds), () => look(false)),
  );
}

// Suspicion is only a hint: the first answer still counts if it comes.
function onNodeChange(run: Run, peer: PeerId): void {
  const seen = run.parts.membership.directory.node(peer)?.state;
  if (run.asked.get(peer) === "asked" && seen !== "live") hedge(run, peer, "suspected");
}

function hedge(run: Run, peer: PeerId, why: "late" | "suspected"): void {
  run.asked.set(peer, "late");
  const next = decide(run);
  if (next.kind === "ask") run.parts.metrics.hedged(why);
  step(run);
}

function readFailure(chunk: Address, why: "damaged" | "not-found" | "unreachable"): ClientError {
  if (why === "damaged") return new ClientError("damaged", "only damaged copies of this chunk were found", { chunk });
  if (why === "not-found") return new ClientError("not-found", "no vault that answers has this chunk", { chunk });
  return new ClientError("not-ready", "too few of the vaults that may hold this chunk answer; try again in a moment", { chunk });
}

function resultOf(error: unknown): "not-found" | "damaged" | "failed" {
  const code = error instanceof ClientError ? error.code : undefined;
  return code === "not-found" || code === "damaged" ? code : "failed";
}
