// One chunk on its way to its holders: asks as put-decision.ts says, keeps the time limits, and tells twice: when enough
// holders have it, and when nothing more happens.
import type { Directory, Holder } from "../network/directory.ts";
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Timer } from "../runtime/clock.ts";
import type { CopySender } from "./copy-sender.ts";
import type { CustomerParts } from "./customer-parts.ts";
import { ClientError } from "./errors.ts";
import type { HeldQuestion } from "./held-question.ts";
import { afterFailure, type CopyAttempt, decidePut } from "./put-decision.ts";
import { putFailure } from "./put-failure.ts";

export type ChunkPutParts = CustomerParts & {
  readonly sender: CopySender;
  readonly held: HeldQuestion;
  /** Aborts when the client stops: a put that was acknowledged goes on without its caller, but not without the client. */
  readonly stopping: AbortSignal;
};

/** A chunk to put. `probe`: ask first whether it is held. */
export type ChunkToPut = { readonly address: Address; readonly bytes: Uint8Array; readonly probe: boolean };

/** How a put stands: the nodes that have it, and whether any bytes were sent for it. */
export type PutStanding = { readonly holders: readonly PeerId[]; readonly sent: boolean };

/** `acknowledged`: at least `min` receipts, or a `ClientError`. `finished`: nothing reads the bytes any more; never rejects. */
export type ChunkPut = { readonly acknowledged: Promise<PutStanding>; readonly finished: Promise<PutStanding> };

type Run = {
  readonly parts: ChunkPutParts;
  readonly chunk: ChunkToPut;
  readonly caller: AbortSignal;
  readonly attempts: Map<PeerId, CopyAttempt>;
  readonly timers: Set<Timer>;
  readonly startMs: number;
  readonly acknowledged: PromiseWithResolvers<PutStanding>;
  readonly finished: PromiseWithResolvers<PutStanding>;
  /** Aborts when the run is over: nothing more is sent. */
  readonly ending: AbortController;
  /** Aborts when answers to what was sent are not waited for any more. */
  readonly landing: AbortController;
  /** Ends the run; given up by the caller only while it looks for enough holders. */
  readonly giveUp: () => void;
  deadline: Timer;
  inFlight: number;
  sent: boolean;
  phase: "looking" | "enough" | "over";
};

const mib = 1024 * 1024;

/** Begins to put a chunk. */
export function beginChunkPut(parts: ChunkPutParts, chunk: ChunkToPut, caller: AbortSignal): ChunkPut {
  const run: Run = {
    parts,
    chunk,
    caller,
    attempts: new Map(),
    timers: new Set(),
    startMs: parts.clock.monotonicMs(),
    acknowledged: Promise.withResolvers(),
    finished: Promise.withResolvers(),
    ending: new AbortController(),
    landing: new AbortController(),
    giveUp: () => end(run),
    deadline: parts.clock.after(parts.limits.putDeadlineMs, () => end(run)),
    inFlight: 0,
    sent: false,
    phase: "looking",
  };
  run.acknowledged.promise.catch(() => {});
  caller.addEventListener("abort", run.giveUp, { once: true });
  parts.stopping.addEventListener("abort", run.giveUp, { once: true });
  void begin(run);
  return { acknowledged: run.acknowledged.promise, finished: run.finished.promise };
}

/** The nodes that may take a chunk, best first: the closest `target`, then the wider circle, those distrusted last. */
export function putCandidates(
  directory: Pick<Directory, "closest">,
  address: Address,
  counts: { readonly target: number; readonly candidatesMax: number },
  distrusts: (peer: PeerId) => boolean,
): readonly Holder[] {
  const close = directory.closest(address, counts.target, "write").holders;
  const taken = new Set(close.map(({ peer }) => peer));
  const wide = directory.closest(address, counts.candidatesMax, "write").holders;
  const all = [...close, ...wide.filter(({ peer }) => !taken.has(peer))];
  return all.sort((a, b) => Number(distrusts(a.peer)) - Number(distrusts(b.peer)));
}

function candidatesOf({ parts, chunk }: Run): readonly Holder[] {
  const counts = { target: parts.genesis.copies.target, candidatesMax: parts.limits.candidatesMax };
  return putCandidates(parts.membership.directory, chunk.address, counts, parts.distrusts);
}

async function begin(run: Run): Promise<void> {
  if (run.caller.aborted || run.parts.stopping.aborted) return end(run);
  if (run.chunk.probe) await probe(run);
  await untilEnoughNodes(run);
  step(run);
}

// A node that was suspected wrongly is back within moments; sending a chunk that cannot get enough copies helps nobody.
async function untilEnoughNodes(run: Run): Promise<void> {
  const { clock, limits, genesis } = run.parts;
  for (let round = 0; round < limits.triesMax && run.phase === "looking"; round += 1) {
    const reachable = new Set([...candidatesOf(run).map(({ peer }) => peer), ...holdersOf(run)]);
    if (reachable.size >= genesis.copies.min) return;
    await clock.sleep(limits.retryMs * 2 ** round, run.ending.signal).catch(() => {});
  }
  if (run.phase === "looking") end(run);
}

async function probe(run: Run): Promise<void> {
  const { genesis, limits } = run.parts;
  const close = candidatesOf(run).slice(0, genesis.copies.target);
  const first = await Promise.all(close.slice(0, limits.probeHolders).map((holder) => askHeld(run, holder)));
  if (!first.includes(true)) return;
  await Promise.all(close.slice(limits.probeHolders).map((holder) => askHeld(run, holder)));
}

async function askHeld({ parts, chunk, attempts, ending }: Run, { peer }: Holder): Promise<boolean> {
  const answer = await parts.held.ask(peer, chunk.address, ending.signal);
  const holds = answer.kind === "held" && answer.vouched && answer.size === chunk.bytes.length;
  if (holds) attempts.set(peer, { state: "stored", tries: 0 });
  return holds;
}

function step(run: Run): void {
  if (run.phase === "over") return;
  const candidates = candidatesOf(run);
  const policy = run.parts.genesis.copies;
  const decision = decidePut({ policy, candidates: candidates.map(({ peer }) => peer), attempts: run.attempts });
  if (decision.enough && run.phase === "looking") acknowledge(run);
  for (const holder of candidates) if (decision.ask.includes(holder.peer)) void send(run, holder);
  if (decision.over) end(run);
}

function acknowledge(run: Run): void {
  run.phase = "enough";
  run.caller.removeEventListener("abort", run.giveUp);
  run.deadline.cancel();
  run.deadline = run.parts.clock.after(run.parts.limits.finishMs, () => end(run));
  count(run, run.sent ? "stored" : "held");
  run.acknowledged.resolve(standing(run));
}

async function send(run: Run, { peer, vault }: Holder): Promise<void> {
  const { parts, chunk, attempts } = run;
  const tries = (attempts.get(peer)?.tries ?? 0) + 1;
  attempts.set(peer, { state: "asked", tries });
  run.inFlight += 1;
  run.sent = true;
  const late = after(run, parts.limits.putLateMs + (chunk.bytes.length / mib) * parts.limits.putLatePerMibMs, () => {
    attempts.set(peer, { state: "late", tries, reason: "timeout" });
    // Further chunks go round it until it answers somebody again.
    parts.membership.reportFailure(peer);
    step(run);
  });
  const outcome = await parts.sender.send(
    peer,
    { vault, address: chunk.address, bytes: chunk.bytes },
    run.ending.signal,
    run.landing.signal,
  );
  run.inFlight -= 1;
  late.cancel();
  if (outcome.kind === "stored") attempts.set(peer, { state: "stored", tries });
  if (outcome.kind === "failed") {
    parts.metrics.copyRefused(peer, outcome.reason);
    attempts.set(peer, afterFailure({ state: "asked", tries }, outcome.reason, parts.limits.triesMax));
    restIfWorthwhile(run, peer);
  }
  if (run.phase === "over") settle(run);
  else step(run);
}

function restIfWorthwhile(run: Run, peer: PeerId): void {
  const attempt = run.attempts.get(peer);
  if (attempt?.state !== "resting" || run.phase === "over") return;
  after(run, run.parts.limits.retryMs * 2 ** (attempt.tries - 1), () => {
    run.attempts.set(peer, { ...attempt, state: "rested" });
    step(run);
  });
}

function end(run: Run): void {
  if (run.phase === "over") return;
  const acknowledged = run.phase === "enough";
  run.phase = "over";
  run.deadline.cancel();
  for (const timer of run.timers) timer.cancel();
  run.caller.removeEventListener("abort", run.giveUp);
  run.parts.stopping.removeEventListener("abort", run.giveUp);
  if (!acknowledged) fail(run);
  run.ending.abort();
  // What was sent before the caller gave up may land: putting it again later then costs nothing.
  if (run.caller.aborted && !acknowledged && !run.parts.stopping.aborted)
    run.deadline = run.parts.clock.after(run.parts.limits.finishMs, () => run.landing.abort());
  else run.landing.abort();
  settle(run);
}

function fail(run: Run): void {
  const { parts, caller, chunk, attempts } = run;
  const gone = parts.stopping.aborted ? parts.stopping.reason : caller.aborted ? caller.reason : undefined;
  if (parts.stopping.aborted || caller.aborted)
    return run.acknowledged.reject(
      gone instanceof ClientError ? gone : new ClientError("aborted", "given up by the caller", { cause: gone }),
    );
  count(run, "failed");
  const reachable = new Set([...candidatesOf(run).map(({ peer }) => peer), ...attempts.keys()]).size;
  run.acknowledged.reject(putFailure({ chunk: chunk.address, min: parts.genesis.copies.min, attempts, reachable }));
}

function settle(run: Run): void {
  if (run.inFlight > 0) return;
  run.deadline.cancel();
  run.finished.resolve(standing(run));
}

function count(run: Run, result: "stored" | "held" | "failed"): void {
  const { metrics, clock } = run.parts;
  metrics.chunkPut(result, holdersOf(run).length, (clock.monotonicMs() - run.startMs) / 1000);
}

function holdersOf({ attempts }: Run): readonly PeerId[] {
  return [...attempts].flatMap(([peer, { state }]) => (state === "stored" ? [peer] : []));
}

function standing(run: Run): PutStanding {
  return { holders: holdersOf(run), sent: run.sent };
}

function after(run: Run, delayMs: number, action: () => void): Timer {
  const timer = run.parts.clock.after(delayMs, () => {
    run.timers.delete(timer);
    action();
  });
  const cancel = (): void => {
    timer.cancel();
    run.timers.delete(timer);
  };
  run.timers.add(timer);
  return { cancel };
}
