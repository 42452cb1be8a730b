// A node that stands still as after SIGSTOP: its timers, its messages and what arrives wait until it goes on, and then all come
// late. The node around it is the real one.
import type { Peers } from "../../src/network/peers.ts";
import type { Clock, Timer } from "../../src/runtime/clock.ts";
import type { SimLinks } from "./sim-links.ts";

export type Standstill = {
  /** The node's own clock: time goes on, but its timers wait while it stands still. */
  readonly clock: Clock;
  /** Its peers; messages and events wait while it stands still, messages also while the path between the two is cut. */
  peersOf(peers: Peers): Peers;
  isFrozen(): boolean;
  freeze(): void;
  /** Goes on: what waited happens now, in its order. */
  thaw(): void;
};

type State = { readonly base: Clock; frozen: boolean; waiting: (() => void)[] };

/** A node that runs, on this clock and these paths. */
export function createStandstill(base: Clock, links: SimLinks): Standstill {
  const state: State = { base, frozen: false, waiting: [] };
  const after = (delayMs: number, action: () => void): Timer => later(state, delayMs, action);
  return {
    clock: { ...base, after, sleep: sleeper(after) },
    peersOf: (peers) => held(state, links, peers),
    isFrozen: () => state.frozen,
    freeze: () => {
      state.frozen = true;
    },
    thaw: () => {
      state.frozen = false;
      for (const action of state.waiting.splice(0)) action();
    },
  };
}

function later(state: State, delayMs: number, action: () => void): Timer {
  let isOver = false;
  const act = (): void => {
    if (!isOver) action();
  };
  const timer = state.base.after(delayMs, () => void (state.frozen ? state.waiting.push(act) : act()));
  const cancel = (): void => {
    isOver = true;
    timer.cancel();
  };
  return { cancel };
}

function sleeper(after: Clock["after"]): Clock["sleep"] {
  return (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = after(delayMs, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      signal?.addEventListener("abort", stop, { once: true });
    });
}

async function goingOn(state: State): Promise<void> {
  if (state.frozen) await new Promise<void>((resume) => void state.waiting.push(resume));
}

function held(state: State, links: SimLinks, peers: Peers): Peers {
  const { self } = peers;
  return {
    ...peers,
    handle: (kind, handler) =>
      peers.handle(kind, async (from, message, signal) => {
        await links.passage(from, self);
        await goingOn(state);
        const answer = await handler(from, message, signal);
        await links.passage(from, self);
        return answer;
      }),
    request: async (peer, kind, message, options) => {
      try {
        return await peers.request(peer, kind, message, options);
      } finally {
        await goingOn(state);
      }
    },
    onEvent: (listener) => peers.onEvent((event) => void (state.frozen ? state.waiting.push(() => listener(event)) : listener(event))),
  };
}
