// The thread of a node's failure detector in the simulation: the real pulse and board, on the virtual clock, over simulated
// datagrams. Its timers come up to a millisecond late, as those of Node do, or later where a scenario says so.
import { startBeatTimer } from "../../src/network/detector/beat-timer.ts";
import type { StartDetectorThread, ThreadListener } from "../../src/network/detector/detector-thread.ts";
import { profileOf } from "../../src/network/detector/profiles.ts";
import { createPulse, type Pulse } from "../../src/network/detector/pulse.ts";
import { createBoardWriter } from "../../src/network/detector/suspicion-board.ts";
import type { ToDetectorWorker, WorkerStart } from "../../src/network/detector/worker-messages.ts";
import type { PeerId } from "../../src/protocol/peer-id.ts";
import type { Timer } from "../../src/runtime/clock.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { SimLinks } from "./sim-links.ts";
import type { Standstill } from "./sim-standstill.ts";

export type SimThreadParts = {
  readonly peer: PeerId;
  readonly standstill: Standstill;
  readonly links: SimLinks;
  readonly random: Random;
  /** How late the thread's timers come now, milliseconds. */
  readonly lateMs: () => number;
};

/** Datagrams that wait in the kernel for a node that stands still: about what 208 KiB hold. */
const waitingMax = 250;
/** No timer comes sooner. */
const soonestMs = 0.05;

/** Threads of one node: one after the other, if it is started again. */
export function simThreads(parts: SimThreadParts): StartDetectorThread {
  return (start, listener) => {
    const { clock } = parts.standstill;
    const thread = createThread(parts, start, listener);
    listener.onMessage({ type: "listening", port: thread.port });
    return {
      post: (message) => void clock.after(0, () => thread.obey(message)),
      stop: async () => thread.stop(),
    };
  };
}

type Thread = { readonly port: number; obey(message: ToDetectorWorker): void; stop(): void };

function createThread(parts: SimThreadParts, start: WorkerStart, listener: ThreadListener): Thread {
  const { peer, standstill, links, random } = parts;
  const { clock } = standstill;
  const inbox: Buffer[] = [];
  let stopped = false;
  const pulse = createThreadPulse(parts, start, listener);
  /** What waits in the kernel is read between a timer and the second look. */
  const read = (mustLook: boolean): void => {
    const looks = inbox.splice(0).map((bytes) => pulse.datagram(bytes));
    if (mustLook || looks.includes(true)) pulse.afterPoll();
  };
  const after = (delayMs: number, action: () => void): Timer =>
    clock.after(Math.max(soonestMs, delayMs) + parts.lateMs() + random.fraction(), action);
  const socket = links.bind(peer, (bytes) => {
    if (inbox.length >= waitingMax) return;
    inbox.push(bytes);
    if (!standstill.isFrozen()) read(false);
    // Once it goes on, timers that are over come first.
    else if (inbox.length === 1) clock.after(0, () => read(false));
  });
  const beat = startBeatTimer(pulse, { nowMs: clock.monotonicMs, after, onWoken: read });
  return {
    port: socket.port,
    obey: (message) => {
      if (stopped) return;
      if (obey(pulse, message)) pulse.afterPoll();
      beat.hurry();
    },
    stop: () => {
      stopped = true;
      beat.stop();
      socket.close();
    },
  };
}

function createThreadPulse({ peer, standstill, links }: SimThreadParts, start: WorkerStart, { onMessage }: ThreadListener): Pulse {
  const { clock } = standstill;
  const board = createBoardWriter(start.memory);
  let changed = false;
  const tell = (): void => {
    changed = false;
    onMessage({ type: "changed" });
  };
  return createPulse({
    self: start.self,
    profile: profileOf(start.profile),
    board: {
      write: (slot, hint, hostMs) => {
        board.write(slot, hint, hostMs);
        if (!changed) clock.after(0, tell);
        changed = true;
      },
    },
    nowMs: clock.monotonicMs,
    send: (bytes, _ip, port) => links.send(peer, port, bytes),
    onEvent: (event) => onMessage({ type: "events", events: [event] }),
  });
}

/** True where the pulse must look once more. */
function obey(pulse: Pulse, message: ToDetectorWorker): boolean {
  if (message.type === "close") return pulse.closeSession(message.subject);
  if (message.type === "nodes") pulse.setNodes(message);
  else if (message.type === "open") pulse.openSession(message.terms);
  else pulse.forget();
  return false;
}
