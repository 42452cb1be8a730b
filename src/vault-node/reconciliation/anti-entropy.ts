// Anti-entropy: again and again, one peer at a time, compares what both should hold, hands the differences to the mender,
// and challenges the peer for a few of the chunks that it just claimed to have.
import { type Directory, memberNodes } from "../../network/directory.ts";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import type { PutOffs } from "../scores/put-offs.ts";
import type { CompareOutcome, Comparer } from "./comparer.ts";
import type { Differences } from "./comparison.ts";
import type { ReconciliationLimits } from "./reconciliation-limits.ts";
import type { SharedChunks } from "./shared-chunks.ts";

export type AntiEntropyParts = {
  readonly self: PeerId;
  readonly directory: Pick<Directory, "nodes">;
  readonly comparer: Comparer;
  readonly auditor: Auditor;
  readonly shared: Pick<SharedChunks, "with">;
  readonly store: Pick<ChunkStore, "info">;
  /** What peers still have to show: asked for again before anything else. */
  readonly putOffs: Pick<PutOffs, "open" | "settle">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Hears the outcome of each comparison; of differences only those that are not under way any more. */
  onCompared(peer: PeerId, outcome: CompareOutcome, found: Differences): void;
};

export type AntiEntropy = { start(): void; stop(): void };

const turnsPerRoundMin = 6;

/** Anti-entropy at rest. */
export function createAntiEntropy(parts: AntiEntropyParts, limits: ReconciliationLimits): AntiEntropy {
  const { clock, random, log } = parts;
  const stopping = new AbortController();
  const auditedAtMs = new Map<PeerId, number>();
  let rota: PeerId[] = [];
  let timer: Timer | undefined;
  const turn = async (): Promise<void> => {
    // Whoever went meanwhile loses its turn; whoever came has one in the next round.
    const live = livePeers(parts);
    rota = rota.filter((peer) => live.includes(peer));
    if (rota.length === 0) rota = shuffled(live, random);
    const peer = rota.pop();
    if (peer === undefined) return;
    for (const known of auditedAtMs.keys()) if (!live.includes(known)) auditedAtMs.delete(known);
    const nowMs = clock.monotonicMs();
    const auditDue = nowMs - (auditedAtMs.get(peer) ?? Number.NEGATIVE_INFINITY) >= limits.auditEveryMs;
    // A peer that had nothing to show yet is challenged at its next turn.
    if (await meet(parts, { peer, auditDue, signal: stopping.signal }, limits)) auditedAtMs.set(peer, nowMs);
  };
  const next = (): void => {
    // A node that knows nobody yet, or few, still looks every half minute.
    const peers = Math.max(turnsPerRoundMin, livePeers(parts).length);
    const pauseMs = Math.max(limits.turnMsMin, limits.roundMs / peers) * (0.75 + random.fraction() / 2);
    timer = clock.after(pauseMs, () => {
      turn()
        .catch((cause: unknown) => {
          if (!stopping.signal.aborted) log.warn("a comparison with a peer ended early", { cause });
        })
        .finally(() => {
          if (!stopping.signal.aborted) next();
        });
    });
  };
  return {
    start: next,
    stop: () => {
      timer?.cancel();
      stopping.abort();
    },
  };
}

function livePeers({ directory, self }: AntiEntropyParts): readonly PeerId[] {
  const nodes = memberNodes(directory).filter(
    ({ state, record }) => state === "live" && record.peerId !== self && record.vaults.length > 0,
  );
  return nodes.map(({ record }) => record.peerId);
}

function shuffled(peers: readonly PeerId[], random: Random): PeerId[] {
  const drawn = peers.map((peer) => ({ peer, lot: random.fraction() }));
  return drawn.sort((a, b) => a.lot - b.lot).map(({ peer }) => peer);
}

type Meeting = { readonly peer: PeerId; readonly auditDue: boolean; readonly signal: AbortSignal };

/** Whether the peer was challenged and answered without a wrong proof: who did not is challenged again at its next turn. */
async function meet(parts: AntiEntropyParts, { peer, auditDue, signal }: Meeting, limits: ReconciliationLimits): Promise<boolean> {
  const { comparer, auditor, store, clock } = parts;
  const outcome = await comparer.compare(peer, signal);
  if (outcome.kind === "failed") {
    parts.onCompared(peer, outcome, { onlyMine: [], onlyTheirs: [] });
    return false;
  }
  const { onlyMine, onlyTheirs, isComplete } = outcome;
  const settledMs = clock.wallMs() - limits.settleMs;
  const isSettled = (address: Address): boolean => (store.info(address)?.storedAtMs ?? Number.POSITIVE_INFINITY) <= settledMs;
  parts.onCompared(peer, outcome, {
    onlyMine: onlyMine.filter(isSettled),
    onlyTheirs: onlyTheirs.filter((address) => store.info(address) === undefined),
  });
  // What it does not claim to have it need not show.
  if (!auditDue || !isComplete) return false;
  const without = new Set(onlyMine);
  const chunks = sample(parts, peer, without, { chunks: limits.auditChunksMax, bytes: limits.auditBytesMax });
  if (chunks.length === 0) return false;
  const verdicts = await auditor.audit({ peer, chunks }, signal);
  if (!verdicts.includes("wrong")) return !verdicts.includes("later") && !verdicts.includes("silent");
  const more = sample(parts, peer, without, { chunks: limits.closerChunksMax, bytes: limits.closerBytesMax });
  await auditor.audit({ peer, chunks: more }, signal);
  return false;
}

/** What the peer put off before, then a few chunks drawn from all that both have, by the next address behind a random one. */
function sample(
  { shared, random, store, putOffs }: AntiEntropyParts,
  peer: PeerId,
  without: ReadonlySet<Address>,
  most: { readonly chunks: number; readonly bytes: number },
): readonly Address[] {
  const set = shared.with(peer);
  const chosen = new Set<Address>();
  let bytes = 0;
  const sizeOf = (address: Address): number | undefined => (without.has(address) ? undefined : store.info(address)?.size);
  const choose = (address: Address, size: number): void => {
    if (chosen.size >= most.chunks || (bytes > 0 && bytes + size > most.bytes)) return;
    bytes += size;
    chosen.add(address);
  };
  for (const address of putOffs.open(peer)) {
    const size = sizeOf(address);
    // It does not claim the chunk any more, or nobody here could judge it.
    if (size === undefined) putOffs.settle(peer, address);
    else choose(address, size);
  }
  for (let draw = 0; draw < most.chunks; draw += 1) {
    const from = random.bytes(8);
    const [found] = [...set.list({ from, to: new Uint8Array(0) }, 1), ...set.list({ from: new Uint8Array(0), to: new Uint8Array(0) }, 1)];
    const address = found === undefined ? undefined : addressFromBytes(found);
    const size = address === undefined ? undefined : sizeOf(address);
    if (address !== undefined && size !== undefined && !chosen.has(address)) choose(address, size);
  }
  return [...chosen];
}
