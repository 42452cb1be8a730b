// Notices that this machine slept or this process stood still: an own timer much too late, or a wall clock that stepped.
// What was suspected meanwhile says nothing about the others.
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { MembershipLimits } from "./membership-limits.ts";

/** How late the timer was and how far the wall clock stepped against the monotonic one, milliseconds. */
export type Pause = { readonly lateMs: number; readonly wallStepMs: number };

export type PauseWatch = { start(): void; stop(): void };

/** Calls `onTick` every `tickMs`, and `onPause` before it where the tick came after a pause. */
export function createPauseWatch(
  clock: Clock,
  limits: MembershipLimits,
  on: { readonly tick: () => void; readonly pause: (pause: Pause) => void },
): PauseWatch {
  let timer: Timer | undefined;
  const watch = (): void => {
    const dueMs = clock.monotonicMs() + limits.tickMs;
    const offsetMs = clock.wallMs() - clock.monotonicMs();
    timer = clock.after(limits.tickMs, () => {
      const pause = { lateMs: clock.monotonicMs() - dueMs, wallStepMs: clock.wallMs() - clock.monotonicMs() - offsetMs };
      if (pause.lateMs > limits.pauseLateMs || Math.abs(pause.wallStepMs) > limits.wallStepMs) on.pause(pause);
      on.tick();
      watch();
    });
  };
  const stop = (): void => timer?.cancel();
  return { start: watch, stop };
}
