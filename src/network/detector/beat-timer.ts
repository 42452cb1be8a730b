// Wakes a pulse when it is due, again and again, and sooner where it has learned of something that is due sooner.
import type { Timer } from "../../runtime/clock.ts";
import type { Pulse } from "./pulse.ts";

export type BeatTimerParts = {
  /** Milliseconds of the pulse's clock. */
  readonly nowMs: () => number;
  readonly after: (delayMs: number, action: () => void) => Timer;
  /** The pulse was woken: whether it must look again once all that waits was read. */
  readonly onWoken: (mustLook: boolean) => void;
};

export type BeatTimer = {
  /** To be called where nodes or sessions changed: a thread that had nobody to send to would sleep on. */
  hurry(): void;
  stop(): void;
};

/** Wakes the pulse at once, and from then on. */
export function startBeatTimer(pulse: Pick<Pulse, "wake" | "nextWakeMs">, { nowMs, after, onWoken }: BeatTimerParts): BeatTimer {
  let dueMs = nowMs();
  let timer: Timer | undefined;
  const arm = (): void => {
    dueMs = pulse.nextWakeMs();
    timer = after(dueMs - nowMs(), wake);
  };
  const wake = (): void => {
    onWoken(pulse.wake(dueMs));
    arm();
  };
  wake();
  return {
    hurry: () => {
      if (pulse.nextWakeMs() >= dueMs) return;
      timer?.cancel();
      arm();
    },
    stop: () => timer?.cancel(),
  };
}
