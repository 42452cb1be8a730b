// Where the pulse of a detector runs: a thread of its own in every program, since a busy main thread is no death; a simulation
// of many nodes in one process hands in another.
import { Worker } from "node:worker_threads";
import { entryUrl } from "../../runtime/entry-url.ts";
import type { FromDetectorWorker, ToDetectorWorker, WorkerStart } from "./worker-messages.ts";

export type DetectorThread = {
  post(message: ToDetectorWorker): void;
  stop(): Promise<void>;
};

/** Whom a thread tells what it says, and that it ended by an error. */
export type ThreadListener = {
  readonly onMessage: (message: FromDetectorWorker) => void;
  readonly onError: (cause: unknown) => void;
};

export type StartDetectorThread = (start: WorkerStart, listener: ThreadListener) => DetectorThread;

/** A worker thread with a socket, a timer and the pulse; it does not keep the process alive. */
export const startDetectorWorker: StartDetectorThread = (workerData, { onMessage, onError }) => {
  const worker = new Worker(entryUrl("network/detector/detector-worker"), { workerData, name: "detector" });
  worker.unref();
  worker.on("message", onMessage);
  worker.on("error", onError);
  return { post: (message) => worker.postMessage(message), stop: async () => void (await worker.terminate()) };
};
