// Timers in order of their instant, then of their making: a binary heap, so that a simulation with thousands of timers
// finds the next in a few comparisons, and one that is taken back leaves at once.

/** A timer in a heap; `place` is the heap's own. */
export type HeapTimer = { readonly atMs: number; readonly order: number; readonly action: () => void; place: number };

export type TimerHeap = {
  add(timer: HeapTimer): void;
  /** Takes a timer out; nothing happens where it is out already. */
  remove(timer: HeapTimer): void;
  first(): HeapTimer | undefined;
};

const isOut = -1;

/** An empty heap. */
export function createTimerHeap(): TimerHeap {
  const timers: HeapTimer[] = [];
  const put = (timer: HeapTimer, place: number): void => {
    timers[place] = timer;
    timer.place = place;
  };
  const rise = (timer: HeapTimer, from: number): void => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = timers[above];
      if (parent === undefined || !isBefore(timer, parent)) break;
      put(parent, place);
      place = above;
    }
    put(timer, place);
  };
  const sink = (timer: HeapTimer, from: number): void => {
    let place = from;
    for (;;) {
      const left = timers[2 * place + 1];
      const right = timers[2 * place + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, timer)) break;
      const below = child.place;
      put(child, place);
      place = below;
    }
    put(timer, place);
  };
  const remove = (timer: HeapTimer): void => {
    const { place } = timer;
    if (place === isOut) return;
    timer.place = isOut;
    const last = timers.pop();
    if (last === undefined || last === timer) return;
    const parent = timers[(place - 1) >> 1];
    if (place > 0 && parent !== undefined && isBefore(last, parent)) rise(last, place);
    else sink(last, place);
  };
  return { add: (timer) => rise(timer, timers.length), remove, first: () => timers[0] };
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order;
}
