// A queue for each node with few messages in flight: jobs asked for in one turn of the event loop, or while the node is
// busy, travel in one message, whichever request they belong to. Nothing waits for company while the node is free.
import type { PeerId } from "../protocol/peer-id.ts";

export type NodeQueueOptions<Job, Outcome> = {
  readonly messagesPerNode: number;
  /** Whether `next` still fits a message that has these jobs already; asked only where there is at least one. */
  fits(jobs: readonly Job[], next: Job): boolean;
  /** Carries out the jobs of one message; outcomes in the order of the jobs. Never rejects. */
  send(peer: PeerId, jobs: readonly Job[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /** The outcome of a job given up before it was sent. */
  readonly givenUp: Outcome;
};

export type NodeQueues<Job, Outcome> = {
  /**
   * Resolves once the job is out of flight, however it went: until then its bytes are in use. Never rejects. `signal`
   * takes back a job that waits; `flight` (default: the same) gives up the answer to one that was sent.
   */
  ask(peer: PeerId, job: Job, signal: AbortSignal, flight?: AbortSignal): Promise<Outcome>;
};

type Entry<Job, Outcome> = {
  readonly job: Job;
  readonly resolve: (outcome: Outcome) => void;
  message: { left: number; readonly abort: AbortController } | undefined;
};
type Queue<Job, Outcome> = { readonly peer: PeerId; waiting: Entry<Job, Outcome>[]; inFlight: number; scheduled: boolean };

/** Empty queues. */
export function createNodeQueues<Job, Outcome>(options: NodeQueueOptions<Job, Outcome>): NodeQueues<Job, Outcome> {
  const queues = new Map<PeerId, Queue<Job, Outcome>>();

  const pump = (queue: Queue<Job, Outcome>): void => {
    queue.scheduled = false;
    while (queue.inFlight < options.messagesPerNode && queue.waiting.length > 0) void carry(queue, takeBatch(queue, options.fits));
    if (queue.inFlight === 0) queues.delete(queue.peer);
  };
  const carry = async (queue: Queue<Job, Outcome>, batch: readonly Entry<Job, Outcome>[]): Promise<void> => {
    const message = { left: batch.length, abort: new AbortController() };
    for (const entry of batch) entry.message = message;
    queue.inFlight += 1;
    const jobs = batch.map(({ job }) => job);
    const outcomes = await options.send(queue.peer, jobs, message.abort.signal);
    queue.inFlight -= 1;
    batch.forEach((entry, index) => {
      entry.resolve(outcomes[index] ?? options.givenUp);
    });
    pump(queue);
  };
  const ask = (peer: PeerId, job: Job, signal: AbortSignal, flight = signal): Promise<Outcome> => {
    if (signal.aborted || flight.aborted) return Promise.resolve(options.givenUp);
    const queue = queues.get(peer) ?? { peer, waiting: [], inFlight: 0, scheduled: false };
    queues.set(peer, queue);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const entry: Entry<Job, Outcome> = { job, resolve, message: undefined };
    const takeBack = (): void => takeBackWaiting(queue, entry, options.givenUp);
    const giveUp = (): void => giveUpSent(entry);
    signal.addEventListener("abort", takeBack, { once: true });
    flight.addEventListener("abort", giveUp, { once: true });
    queue.waiting.push(entry);
    if (!queue.scheduled) {
      queue.scheduled = true;
      queueMicrotask(() => pump(queue));
    }
    return promise.finally(() => {
      signal.removeEventListener("abort", takeBack);
      flight.removeEventListener("abort", giveUp);
    });
  };
  return { ask };
}

/** The jobs of the next message: the first, and all after it that fit beside it. */
function takeBatch<Job, Outcome>(queue: Queue<Job, Outcome>, fits: NodeQueueOptions<Job, Outcome>["fits"]): readonly Entry<Job, Outcome>[] {
  const batch: Entry<Job, Outcome>[] = [];
  const jobs: Job[] = [];
  const rest: Entry<Job, Outcome>[] = [];
  for (const entry of queue.waiting) {
    if (jobs.length > 0 && !fits(jobs, entry.job)) {
      rest.push(entry);
      continue;
    }
    batch.push(entry);
    jobs.push(entry.job);
  }
  queue.waiting = rest;
  return batch;
}

function takeBackWaiting<Job, Outcome>(queue: Queue<Job, Outcome>, entry: Entry<Job, Outcome>, givenUp: Outcome): void {
  if (entry.message !== undefined) return;
  queue.waiting = queue.waiting.filter((waiting) => waiting !== entry);
  entry.resolve(givenUp);
}

// A message goes on while anybody wants a part of its answer.
function giveUpSent<Job, Outcome>({ message }: Entry<Job, Outcome>): void {
  if (message === undefined) return;
  message.left -= 1;
  if (message.left === 0) message.abort.abort();
}
