// The workers of one self-encryptor: started when first needed, given two jobs at a time (so that none waits for the
// next message), ended when nothing was asked for a while.
import { Worker } from "node:worker_threads";
import { entryUrl } from "../../runtime/entry-url.ts";
import type { ChunkJob, ChunkWork } from "./chunk-jobs.ts";
import type { WorkerAnswer } from "./chunk-worker.ts";
import type { Opened, Sealed } from "./sealed-chunk.ts";

export type WorkerPool = ChunkWork & {
  /** Ends workers without jobs. */
  trim(): void;
  /** Ends all workers; their jobs reject. */
  stop(): Promise<void>;
};

type Result = Uint8Array | Sealed | Opened;
type Task = { readonly job: ChunkJob; resolve(result: Result): void; reject(error: Error): void };
type Thread = { readonly worker: Worker; readonly tasks: Map<number, Task>; nextId: number };

const jobsPerWorker = 2;
// A worker's heap holds messages and one piece at a time; what is large lies outside it. Small young generations are
// collected often, which is what gives cipher pieces back.
const resourceLimits = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };

function startWorker(): Worker {
  return new Worker(entryUrl("client/self-encryption/chunk-worker"), { name: "self-encryption", resourceLimits });
}

function give(thread: Thread, task: Task): void {
  const id = thread.nextId++;
  thread.worker.postMessage({ id, job: task.job });
  thread.tasks.set(id, task);
  thread.worker.ref();
}

/** A pool of at most `size` workers. */
export function createWorkerPool(size: number, newWorker: () => Worker = startWorker): WorkerPool {
  const threads = new Set<Thread>();
  const queue: Task[] = [];

  function start(): Thread {
    const worker = newWorker();
    const thread: Thread = { worker, tasks: new Map(), nextId: 1 };
    const lose = (error: Error): void => {
      threads.delete(thread);
      for (const task of thread.tasks.values()) task.reject(error);
      thread.tasks.clear();
      dispatch();
    };
    worker.on("message", (answer: WorkerAnswer) => settle(thread, answer));
    worker.on("error", lose);
    worker.on("exit", (code) => lose(new Error(`the self-encryption worker ended with code ${code}`)));
    threads.add(thread);
    return thread;
  }

  function settle(thread: Thread, answer: WorkerAnswer): void {
    const task = thread.tasks.get(answer.id);
    thread.tasks.delete(answer.id);
    // An idle worker must not keep a finished program alive.
    if (thread.tasks.size === 0) thread.worker.unref();
    dispatch();
    if ("failure" in answer) task?.reject(new Error(answer.failure));
    else task?.resolve(answer.result);
  }

  function freest(): Thread | undefined {
    const [least] = [...threads].sort((a, b) => a.tasks.size - b.tasks.size);
    const free = least !== undefined && least.tasks.size < jobsPerWorker ? least : undefined;
    if (least !== undefined && (least.tasks.size === 0 || threads.size >= size)) return free;
    try {
      return start();
    } catch (error) {
      // Too many threads or too little memory for another: those that run do the work.
      if (least === undefined) throw error;
      return free;
    }
  }

  function dispatch(): void {
    for (let task = queue[0]; task !== undefined; task = queue[0]) {
      try {
        const thread = freest();
        if (thread === undefined) return;
        give(thread, task);
      } catch (error) {
        task.reject(error as Error);
      }
      // Also where it was rejected: its buffers are somebody else's from then on, and must not be written to later.
      queue.shift();
    }
  }

  function submit<R extends Result>(job: ChunkJob): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      queue.push({ job, resolve: (result) => resolve(result as R), reject });
      dispatch();
    });
  }

  return {
    hash: (job) => submit<Uint8Array>(job),
    seal: (job) => submit<Sealed>(job),
    open: (job) => submit<Opened>(job),
    trim: () => {
      for (const thread of threads) {
        if (thread.tasks.size > 0) continue;
        threads.delete(thread);
        void thread.worker.terminate();
      }
    },
    stop: async () => {
      const error = new Error("the self-encryption workers were stopped");
      for (const task of queue.splice(0)) task.reject(error);
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}
