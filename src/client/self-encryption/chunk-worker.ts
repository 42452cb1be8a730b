// The worker thread of self-encryption: does one job after another on buffers it shares with the thread that asked.
import { parentPort } from "node:worker_threads";
import { type ChunkJob, runHash, runOpen, runSeal } from "./chunk-jobs.ts";
import type { Opened, Sealed } from "./sealed-chunk.ts";

export type WorkerRequest = { readonly id: number; readonly job: ChunkJob };
export type WorkerAnswer =
  | { readonly id: number; readonly result: Uint8Array | Sealed | Opened }
  | { readonly id: number; readonly failure: string };

function run(job: ChunkJob): Uint8Array | Sealed | Opened {
  if (job.kind === "hash") return runHash(job);
  return job.kind === "seal" ? runSeal(job) : runOpen(job);
}

parentPort?.on("message", ({ id, job }: WorkerRequest) => {
  let answer: WorkerAnswer;
  try {
    answer = { id, result: run(job) };
  } catch (error) {
    answer = { id, failure: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
