// The lane worker seen from the main thread: started at the first lane, so that an idle node saves its memory. Until then
// the lane port is held by a listener that turns everybody away; nobody has a token yet.
import { createServer, type Server } from "node:net";
import { Worker } from "node:worker_threads";
import { entryUrl } from "../../runtime/entry-url.ts";
import type { Log } from "../../runtime/log.ts";
import { NetworkError } from "../errors.ts";
import type { FromLaneWorker, ToLaneWorker } from "./lane-messages.ts";

export type LaneThread = {
  /** Holds the lane port. Rejects where it cannot be had. */
  start(): Promise<void>;
  /** The port of lanes; 0 for a peer that only dials. */
  port(): number;
  /** Starts the worker, once; resolves when it listens. One that could not be started, or not listen, is started anew at the next call. */
  ready(): Promise<void>;
  post(message: ToLaneWorker, moved?: readonly ArrayBuffer[]): void;
  stop(): Promise<void>;
};

export type LaneThreadParts = {
  readonly listen: { readonly ip: string; readonly lane: number } | undefined;
  readonly times: { readonly idleMs: number; readonly stallMs: number };
  readonly log: Log;
  onMessage(message: FromLaneWorker): void;
  /** The worker died: every lane is lost. */
  onDeath(): void;
};

const stopMs = 2_000;

/** A worker that is not started yet. */
export function createLaneThread(parts: LaneThreadParts): LaneThread {
  const { listen } = parts;
  let holder: Server | undefined;
  let port = 0;
  let worker: Worker | undefined;
  let starting: Promise<void> | undefined;
  let stopping = false;
  const lost = (cause?: unknown): void => {
    if (worker === undefined) return;
    worker = undefined;
    starting = undefined;
    if (!stopping) parts.log.error("the lane worker ended", { cause });
    parts.onDeath();
  };
  const begin = async (): Promise<void> => {
    const started = new Worker(entryUrl("network/libp2p/lane-worker"), { workerData: parts.times, name: "lanes" });
    worker = started;
    const up = Promise.withResolvers<void>();
    started.on("message", (message: FromLaneWorker) => {
      if (message.type === "listening") up.resolve();
      else if (message.type === "not-listening") up.reject(new NetworkError("unreachable", `the lane port ${port}: ${message.why}`));
      else parts.onMessage(message);
    });
    started.on("error", (cause) => {
      up.reject(cause);
      if (worker === started) lost(cause);
    });
    // Nobody waits for it where nothing is listened to.
    up.promise.catch(() => {});
    started.on("exit", () => {
      up.reject(new NetworkError("unreachable", "the lane worker ended before it listened"));
      if (worker === started) lost();
    });
    started.unref();
    if (listen === undefined) return;
    await close(holder);
    holder = undefined;
    started.postMessage({ type: "listen", ip: listen.ip, port } satisfies ToLaneWorker);
    await up.promise;
  };
  const start = async (): Promise<void> => {
    stopping = false;
    if (listen === undefined) return;
    holder = createServer((socket) => socket.destroy());
    holder.unref();
    port = await bind(holder, listen.ip, listen.lane);
  };
  const ready = (): Promise<void> => {
    if (stopping) return Promise.reject(new NetworkError("stopped", "this peer is stopping"));
    if (starting !== undefined) return starting;
    const mine = begin();
    starting = mine;
    mine.catch((cause: unknown) => {
      if (starting === mine) abandon(cause);
    });
    return mine;
  };
  // The port may have been taken while nobody held it, or the machine be short of something: the next lane tries again.
  const abandon = (cause: unknown): void => {
    const failed = worker;
    worker = undefined;
    starting = undefined;
    parts.log.warn("lanes cannot be had now: chunks travel on the streams of requests", { cause });
    void failed?.terminate();
  };
  const stop = async (): Promise<void> => {
    stopping = true;
    await close(holder);
    const ending = worker;
    if (ending === undefined) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.postMessage({ type: "close" } satisfies ToLaneWorker);
    const limit = setTimeout(() => void ending.terminate(), stopMs);
    await gone;
    clearTimeout(limit);
  };
  return { start, port: () => port, ready, post: (message, moved = []) => worker?.postMessage(message, moved), stop };
}

function bind(server: Server, ip: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on("error", (cause) => reject(new NetworkError("unreachable", `the lane port ${port} of ${ip} cannot be had`, { cause })));
    server.listen(port, ip, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function close(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server?.listening) server.close(() => resolve());
    else resolve();
  });
}
