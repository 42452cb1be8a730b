// Copies that this node will make: those of chunks with the fewest copies first, in messages for one vault each. Bounded:
// what does not fit is the least pressing; whoever queues is told of it, so that it is looked at again.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { CopyOrder } from "./plan-chunk.ts";

/** A copy to be made; `copies`: how many there are now, `size` in bytes. */
export type CopyTask = { readonly address: Address; readonly order: CopyOrder; readonly copies: number; readonly size: number };

/** Tasks for one vault, to be sent together. */
export type TaskBatch = readonly [CopyTask, ...CopyTask[]];

/** How many copies wait, and their bytes, by the copies the chunks have; placements apart. */
export type QueueFigures = {
  readonly repairs: ReadonlyMap<number, number>;
  /** The chunks that lack these copies. */
  readonly chunks: number;
  readonly placements: number;
  readonly bytes: number;
};

export type CopyQueue = {
  /** The copies to be made of one chunk, in place of what was queued for it. False where there was no room. */
  put(address: Address, tasks: readonly CopyTask[]): boolean;
  /** The most pressing tasks for a node that is not `busy`, at most so many chunks and bytes; they leave the queue. */
  take(busy: ReadonlySet<PeerId>, most: { readonly chunks: number; readonly bytes: number }): TaskBatch | undefined;
  /** Takes out all tasks for a vault. */
  giveUp(vault: VaultName): readonly CopyTask[];
  /** Tasks for this node. */
  countFor(peer: PeerId): number;
  figures(): QueueFigures;
  clear(): void;
  /** Chunks of which copies are to be made. */
  addresses(): Iterable<Address>;
};

/** An empty queue of at most `tasksMax`; `onCrowdedOut` hears of a task that a more pressing one took the place of. */
export function createCopyQueue(tasksMax: number, onCrowdedOut: (task: CopyTask) => void = () => {}): CopyQueue {
  // By urgency, then by chunk: a Map keeps the order of arrival.
  const levels = new Map<number, Map<string, CopyTask>>();
  const queued = new Map<Address, readonly CopyTask[]>();
  let count = 0;
  const add = (task: CopyTask): void => {
    const level = levels.get(urgencyOf(task)) ?? new Map<string, CopyTask>();
    levels.set(urgencyOf(task), level);
    level.set(keyOf(task), task);
    count += 1;
  };
  const remove = (task: CopyTask): void => {
    if (levels.get(urgencyOf(task))?.delete(keyOf(task)) === true) count -= 1;
    const left = queued.get(task.address)?.filter((other) => other !== task) ?? [];
    if (left.length === 0) queued.delete(task.address);
    else queued.set(task.address, left);
  };
  const put = (address: Address, tasks: readonly CopyTask[]): boolean => {
    for (const task of queued.get(address) ?? []) remove(task);
    if (tasks.length === 0) return true;
    while (count + tasks.length > tasksMax) {
      const last = leastPressing(levels);
      const first = tasks[0];
      if (last === undefined || first === undefined || urgencyOf(last) <= urgencyOf(first)) return false;
      remove(last);
      onCrowdedOut(last);
    }
    queued.set(address, tasks);
    for (const task of tasks) add(task);
    return true;
  };
  const take: CopyQueue["take"] = (busy, most) => {
    for (const level of inOrder(levels)) {
      const batch = batchOf(level.values(), busy, most);
      if (batch === undefined) continue;
      for (const task of batch) remove(task);
      return batch;
    }
    return undefined;
  };
  const all = (): readonly CopyTask[] => [...levels.values()].flatMap((level) => [...level.values()]);
  return {
    put,
    take,
    giveUp: (vault) => {
      const given = all().filter(({ order }) => order.vault === vault);
      for (const task of given) remove(task);
      return given;
    },
    countFor: (peer) => all().filter(({ order }) => order.to === peer).length,
    figures: () => figuresOf(all()),
    addresses: () => queued.keys(),
    clear: () => {
      levels.clear();
      queued.clear();
      count = 0;
    },
  };
}

function keyOf({ address, order }: CopyTask): string {
  return `${address} ${order.to}`;
}

// Placements after every repair: nobody is short of a copy for want of them.
function urgencyOf({ order, copies }: CopyTask): number {
  return order.why === "placement" ? Number.POSITIVE_INFINITY : copies;
}

function inOrder(levels: ReadonlyMap<number, Map<string, CopyTask>>): readonly Map<string, CopyTask>[] {
  return [...levels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, level]) => level);
}

function leastPressing(levels: ReadonlyMap<number, Map<string, CopyTask>>): CopyTask | undefined {
  const filled = inOrder(levels).findLast((level) => level.size > 0);
  return filled?.values().next().value;
}

function batchOf(
  tasks: Iterable<CopyTask>,
  busy: ReadonlySet<PeerId>,
  most: { readonly chunks: number; readonly bytes: number },
): TaskBatch | undefined {
  const batch: CopyTask[] = [];
  let bytes = 0;
  for (const task of tasks) {
    const [first] = batch;
    const fits = first === undefined ? !busy.has(task.order.to) : first.order.vault === task.order.vault && bytes + task.size <= most.bytes;
    if (!fits) continue;
    batch.push(task);
    bytes += task.size;
    if (batch.length === most.chunks) break;
  }
  const [first, ...rest] = batch;
  return first === undefined ? undefined : [first, ...rest];
}

function figuresOf(tasks: readonly CopyTask[]): QueueFigures {
  const repairs = new Map<number, number>();
  const chunks = new Set<Address>();
  let placements = 0;
  for (const { address, order, copies } of tasks) {
    if (order.why === "placement") placements += 1;
    else {
      chunks.add(address);
      repairs.set(copies, (repairs.get(copies) ?? 0) + 1);
    }
  }
  return { repairs, chunks: chunks.size, placements, bytes: tasks.reduce((sum, { size }) => sum + size, 0) };
}
