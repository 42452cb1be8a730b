// Waiting for a client without blaming it for this process: a machine that stood still, or a thread that was kept busy, runs
// its timers before it reads what arrived in the meantime.
import type { Clock, Timer } from "../runtime/clock.ts";

/** How long sockets are read once a wait has run out, before anybody is given up on, milliseconds. */
const lookAgainMs = 250;

/** Calls `giveUp` once, `patienceMs` and a last look after now; whoever hears from the client until then cancels it. */
export function afterPatience(clock: Clock, patienceMs: number, giveUp: () => void): Timer {
  let timer = clock.after(patienceMs, () => {
    timer = clock.after(lookAgainMs, giveUp);
  });
  return { cancel: () => timer.cancel() };
}
