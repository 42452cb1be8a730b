// The scrub: reads every chunk of this node again within seven days, so that what rots on disk is found while there are
// copies. Where it is follows from the time, not from a note on disk: a restart goes on where it would have
// been, and what was passed while the node was down has its turn in the next round.
import type { Address } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { hash, hashLength } from "../../protocol/hash.ts";
import type { AddressRange, Bound } from "../../protocol/messages/compare-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { rareLog } from "../../runtime/rare-log.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { ChunkStoreError } from "../chunk-store/chunk-store-error.ts";

export type ScrubLimits = {
  /** In how long every chunk is read once. */
  readonly roundMs: number;
  readonly tickMs: number;
  /** Most bytes a second, where a tick has much to read; bursts of reads would delay readers. */
  readonly bytesPerSecond: number;
  /** Addresses looked up at once. */
  readonly pageMax: number;
};

const hour = 3_600_000;
// Seven hours short of seven days: a machine that is off every night, or every Sunday, passes over other chunks each time.
export const scrubLimits: ScrubLimits = { roundMs: 161 * hour, tickMs: 60_000, bytesPerSecond: 32 * 2 ** 20, pageMax: 256 };

export type ScrubParts = {
  readonly self: PeerId;
  /** Reading a damaged chunk through this store tells whoever must know (reconciliation/watched-store.ts). */
  readonly store: Pick<ChunkStore, "get" | "remove">;
  readonly addresses: (range: AddressRange, max: number) => readonly Address[];
  readonly clock: Clock;
  readonly log: Log;
  /** A chunk was read: its size, or undefined where it is rotten or gone. */
  onRead(bytes: number | undefined): void;
};

export type Scrub = {
  start(): void;
  stop(): void;
  /** How far the reading is behind its time, milliseconds. */
  lagMs(): number;
};

// Positions are whole parts of 2^48 of the addresses: exact in a number.
const positions = 2 ** 48;

/** The share of the round (0 to 1) at which a node is at `wallMs`. Each begins elsewhere, so that the holders of a chunk read it on different days. Pure. */
export function roundShare(self: PeerId, wallMs: number, roundMs: number): number {
  const offset = Buffer.from(hash(textBytes(self))).readUIntBE(0, 6) / positions;
  return (offset + wallMs / roundMs) % 1;
}

/** The first address of a share of all addresses. Pure. */
export function boundAt(share: number): Bound {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(Math.min(positions - 1, Math.floor(share * positions)), 0, 6);
  return new Uint8Array(bytes);
}

/** A scrub at rest. */
export function createScrub(parts: ScrubParts, limits: ScrubLimits = scrubLimits): Scrub {
  const { clock } = parts;
  const log = rareLog(parts.log, clock);
  const stopping = new AbortController();
  let timer: Timer | undefined;
  // Milliseconds of the round since the start, up to which everything was read.
  let doneMs = 0;
  let startedMs = 0;
  let startShare = 0;
  const shareAt = (ms: number): number => (startShare + ms / limits.roundMs) % 1;
  const tick = async (): Promise<void> => {
    const dueMs = Math.min(clock.monotonicMs() - startedMs, doneMs + limits.roundMs / 2);
    const [from, to] = [shareAt(doneMs), shareAt(dueMs)];
    // Over the end of all addresses it is two ranges.
    const ranges: AddressRange[] =
      from <= to
        ? [{ from: boundAt(from), to: boundAt(to) }]
        : [
            { from: boundAt(from), to: new Uint8Array(0) },
            { from: new Uint8Array(0), to: boundAt(to) },
          ];
    for (const range of ranges) await readRange(parts, range, { limits, signal: stopping.signal });
    doneMs = dueMs;
  };
  const next = (): void => {
    timer = clock.after(limits.tickMs, () => {
      tick()
        .catch((cause: unknown) => {
          if (!stopping.signal.aborted) log.warn("a scrub stopped early and goes on a little later", { cause });
        })
        .finally(() => {
          if (!stopping.signal.aborted) next();
        });
    });
  };
  return {
    start: () => {
      // Two ticks early: what the last start left between its last tick and its end.
      startedMs = clock.monotonicMs() - 2 * limits.tickMs;
      startShare = roundShare(parts.self, clock.wallMs() - 2 * limits.tickMs, limits.roundMs);
      next();
    },
    stop: () => {
      timer?.cancel();
      stopping.abort();
    },
    lagMs: () => Math.max(0, clock.monotonicMs() - startedMs - doneMs),
  };
}

type Bounds = { readonly limits: ScrubLimits; readonly signal: AbortSignal };

async function readRange(parts: ScrubParts, { from, to }: AddressRange, { limits, signal }: Bounds): Promise<void> {
  if (to.length > 0 && Buffer.compare(from, to) >= 0) return;
  let at = from;
  for (;;) {
    const page = parts.addresses({ from: at, to }, limits.pageMax);
    for (const address of page) await readOne(parts, address, { limits, signal });
    const last = page.at(-1);
    if (last === undefined || page.length < limits.pageMax) return;
    at = behind(last);
  }
}

/** A bound just behind an address: no address lies between the two. */
function behind(address: Address): Bound {
  const bytes = new Uint8Array(hashLength + 1);
  bytes.set(Buffer.from(address, "hex"));
  return bytes;
}

async function readOne(parts: ScrubParts, address: Address, { limits, signal }: Bounds): Promise<void> {
  signal.throwIfAborted();
  const read = await parts.store.get(address);
  if (read.kind !== "found") {
    parts.onRead(undefined);
    // The rotten bytes are of no use to anybody, and their room is needed for the copy that replaces them.
    if (read.kind === "damaged") await parts.store.remove(address, "damaged").catch(mustBeStoreError);
    return;
  }
  const { length } = read.bytes;
  read.release();
  parts.onRead(length);
  await parts.clock.sleep((length / limits.bytesPerSecond) * 1000, signal);
}

// On a disk that takes no writes they stay. They count as damaged all the same, and what comes behind them is read.
function mustBeStoreError(error: unknown): void {
  if (!(error instanceof ChunkStoreError)) throw error;
}
