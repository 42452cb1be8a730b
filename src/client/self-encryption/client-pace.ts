// How well the client of a transfer keeps up, measured only while it is waited for: what the network of vaults takes is
// not its fault. Where others wait for memory, who is behind has to leave (lease-relief.ts).
import type { Clock } from "../../runtime/clock.ts";
import { ClientError } from "../errors.ts";

/**
 * What a client must give or take on average while it is waited for, bytes a second. Half of the 64 KiB/s at which nobody is
 * ever ended, because bytes come in lumps: a piece of 256 KiB, or what a system's socket buffers take at once.
 */
export const clientRateMin: number = 32 * 1024;

/** How long a new client is waited for before it is behind, milliseconds: less than others wait for memory, more than a line needs to get going. */
export const startCreditMs = 10_000;

/**
 * How long a client that kept up may stand still before it is behind, milliseconds: a bad line's pause, and longer than 64 KiB/s take to
 * empty the part of a socket's buffer (1.3 of 4 MiB) after which it takes bytes again. As far behind it may fall at most: so soon it is good again.
 */
export const creditMaxMs = 30_000;

export type ClientPace = {
  /** The client is waited for from now on. */
  waits(): void;
  /** It gave or took so many bytes: it is not waited for any more. */
  moved(bytes: number): void;
  /** How far it is behind, milliseconds at the least rate; 0 where it keeps up or is not waited for. */
  behindMs(): number;
  /** Ends its transfer. */
  end(): void;
};

/** The pace of a client that is not waited for yet. `onEnd` is told why its transfer ends. */
export function createClientPace(clock: Clock, onEnd: (why: ClientError) => void): ClientPace {
  let creditMs = startCreditMs;
  let sinceMs: number | undefined;
  const leftMs = (): number => Math.max(-creditMaxMs, creditMs - (sinceMs === undefined ? 0 : clock.monotonicMs() - sinceMs));
  return {
    waits: () => {
      sinceMs ??= clock.monotonicMs();
    },
    moved: (bytes) => {
      creditMs = Math.min(creditMaxMs, leftMs() + (bytes / clientRateMin) * 1000);
      sinceMs = undefined;
    },
    behindMs: () => (sinceMs === undefined ? 0 : Math.max(0, -leftMs())),
    end: () => onEnd(new ClientError("too-slow", tooSlow)),
  };
}

const tooSlow = `less than ${clientRateMin / 1024} KiB/s came or went while others wait for this memory; try again over a faster line, or later`;
