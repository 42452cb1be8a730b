// The witness's thread: a timer as often as a heartbeat's, at the priority of a heartbeat thread. Whatever makes it late makes
// the detector's own timers late too.
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { hostMonotonicMs } from "../src/runtime/clock.ts";

/** Half an interval of the `cluster` profile, milliseconds: seldom enough to cost nothing beside eight nodes. */
const everyMs = 4;
/** Later than that is told: what a watcher takes for its own lateness, milliseconds. */
const toldMs = 4;
/** As the heartbeat thread asks for. */
const nice = -10;

try {
  setPriority(0, nice);
} catch {
  // Without the right to it the witness is as late as a heartbeat thread without it.
}

let dueMs = hostMonotonicMs() + everyMs;
function woken(): void {
  const nowMs = hostMonotonicMs();
  // A timer of Node is up to one millisecond late by itself.
  if (nowMs - dueMs > toldMs) parentPort?.postMessage({ dueMs, nowMs });
  dueMs = nowMs + everyMs;
  setTimeout(woken, everyMs);
}
setTimeout(woken, everyMs);
