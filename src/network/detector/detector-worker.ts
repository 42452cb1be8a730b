// The detector's thread: a socket, a timer, and the pulse. It has nothing else to do, so that a busy or collecting main
// thread is no death.
import { createSocket, type Socket } from "node:dgram";
import { parentPort, workerData } from "node:worker_threads";
import { hostMonotonicMs, type Timer } from "../../runtime/clock.ts";
import { lowerBeyond, raiseThread } from "../../runtime/thread-priority.ts";
import { type BeatTimer, startBeatTimer } from "./beat-timer.ts";
import { profileOf } from "./profiles.ts";
import { createPulse, type Pulse, type PulseEvent } from "./pulse.ts";
import { createBoardWriter } from "./suspicion-board.ts";
import type { FromDetectorWorker, ToDetectorWorker, WorkerStart } from "./worker-messages.ts";

/** A real-time thread leaves others what it does not take: ten times what heartbeats cost is a flood, and all else on the machine comes first then. */
const realTimeShareMax = 0.5;
const shareEveryMs = 1_000;
/** Events are passed on this often, milliseconds, and in such numbers at most; more are a flood, of which the first say enough. */
const eventsEveryMs = 500;
const eventsMax = 1_000;

function post(message: FromDetectorWorker): void {
  parentPort?.postMessage(message);
}

/** Before the threads of other programs, where the system allows it. */
async function takePriority(): Promise<void> {
  const priority = await raiseThread();
  post({ type: "priority", priority });
  if (priority !== "real-time") return;
  lowerBeyond({ share: realTimeShareMax, everyMs: shareEveryMs }, () => post({ type: "lowered" }));
}

function run(start: WorkerStart): void {
  const socket = openSocket(start.ip);
  const events: PulseEvent[] = [];
  let changed = false;
  const board = createBoardWriter(start.memory);
  const pulse = createPulse({
    self: start.self,
    profile: profileOf(start.profile),
    board: {
      write: (slot, hint, hostMs) => {
        board.write(slot, hint, hostMs);
        if (!changed) setImmediate(tellChange);
        changed = true;
      },
    },
    nowMs: hostMonotonicMs,
    send: (bytes, ip, port) => socket.send(bytes, port, ip),
    onEvent: (event) => {
      if (events.length === 0) setTimeout(tellEvents, eventsEveryMs).unref();
      if (events.length < eventsMax) events.push(event);
    },
  });
  const tellChange = (): void => {
    changed = false;
    post({ type: "changed" });
  };
  const tellEvents = (): void => post({ type: "events", events: events.splice(0) });
  const look = (): void => pulse.afterPoll();
  let beat: BeatTimer | undefined;
  socket.on("message", (bytes) => void (pulse.datagram(bytes) && setImmediate(look)));
  socket.once("error", (error: NodeJS.ErrnoException) => post({ type: "not-listening", why: error.message, code: error.code }));
  socket.bind(start.port, start.ip, () => {
    // A path that is gone for a moment is what this thread is here to notice, not an error of its own.
    socket.removeAllListeners("error").on("error", () => {});
    post({ type: "listening", port: socket.address().port });
    void takePriority();
    beat = startBeatTimer(pulse, { nowMs: hostMonotonicMs, after, onWoken: (mustLook) => void (mustLook && setImmediate(look)) });
  });
  parentPort?.on("message", (message: ToDetectorWorker) => {
    if (obey(pulse, message)) setImmediate(look);
    beat?.hurry();
  });
}

function openSocket(ip: string): Socket {
  // Peers are IP addresses already: the detour through the resolver would cost more than the datagram.
  if (!ip.includes(":")) return createSocket({ type: "udp4", lookup: (host, _options, callback) => callback(null, host, 4) });
  // A socket of IPv6 sends to IPv4 by its mapped address only, and drops silently what has another.
  const mapped = (host: string): string => (host.includes(":") ? host : `::ffff:${host}`);
  return createSocket({ type: "udp6", lookup: (host, _options, callback) => callback(null, mapped(host), 6) });
}

/** Timers of Node in whole milliseconds; nothing here runs as a program's own clock does. */
function after(delayMs: number, action: () => void): Timer {
  const timer = setTimeout(action, Math.max(1, Math.round(delayMs)));
  return { cancel: () => clearTimeout(timer) };
}

/** True where the pulse must look once more. */
function obey(pulse: Pulse, message: ToDetectorWorker): boolean {
  if (message.type === "close") return pulse.closeSession(message.subject);
  if (message.type === "nodes") pulse.setNodes(message);
  else if (message.type === "open") pulse.openSession(message.terms);
  else pulse.forget();
  return false;
}

run(workerData as WorkerStart);
