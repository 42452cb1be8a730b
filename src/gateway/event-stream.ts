// Server-sent events over one reply: named events with JSON data, a sign of life where nothing happens, and an end for
// readers that fall behind. The gate counts all open streams, bounds them, and closes them when the gateway stops.
import type { FastifyReply } from "fastify";
import type { Clock, Timer } from "../runtime/clock.ts";
import { GatewayError } from "./errors.ts";
import { eventLagMax, heartbeatMs } from "./limits.ts";

export type EventStream = {
  /** Sends `data` as JSON under `event`; does nothing once closed. */
  send(event: string, data: unknown): void;
  close(): void;
  readonly closed: boolean;
  /** Calls `action` once when the stream has ended, whoever ended it. */
  onClose(action: () => void): void;
};

export type EventGate = {
  /** Turns a reply into a stream of events. Throws a GatewayError `busy` or `stopping`. */
  open(reply: FastifyReply): EventStream;
  /** Open streams. */
  count(): number;
  /** Closes all streams and opens no more. */
  stop(): void;
};

/** A gate for at most `clientsMax` streams at once. */
export function createEventGate(clock: Clock, clientsMax: number): EventGate {
  const streams = new Set<EventStream>();
  let stopping = false;
  return {
    open: (reply) => {
      if (stopping) throw new GatewayError("stopping", "the gateway is stopping; another one may answer");
      if (streams.size >= clientsMax) throw new GatewayError("busy", `${clientsMax} event streams are open already; try again soon`);
      const stream = openStream(reply, clock);
      streams.add(stream);
      stream.onClose(() => streams.delete(stream));
      return stream;
    },
    count: () => streams.size,
    stop: () => {
      stopping = true;
      for (const stream of streams) stream.close();
    },
  };
}

function openStream(reply: FastifyReply, clock: Clock): EventStream {
  reply.hijack();
  const { raw } = reply;
  const headers = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no", connection: "close" };
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...headers })) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200);
  raw.write("retry: 1000\n\n");
  let closed = false;
  let beat: Timer = clock.after(heartbeatMs, sendBeat);
  const closers: (() => void)[] = [];
  raw.on("close", ended);
  raw.on("error", ended);
  // The reader may have gone before the answer began: nothing more is told of that.
  if (raw.destroyed) ended();
  function write(text: string): void {
    if (closed) return;
    raw.write(text);
    // The reader does not keep up: cut off, it will come back and begin with a fresh snapshot.
    if (raw.writableLength > eventLagMax) raw.destroy();
  }
  function sendBeat(): void {
    write(": still here\n\n");
    if (!closed) beat = clock.after(heartbeatMs, sendBeat);
  }
  function ended(): void {
    if (closed) return;
    closed = true;
    beat.cancel();
    for (const closer of closers.splice(0)) closer();
  }
  return {
    send: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    close: () => {
      if (closed) return;
      raw.end();
      ended();
    },
    get closed() {
      return closed;
    },
    onClose: (action) => {
      if (closed) action();
      else closers.push(action);
    },
  };
}
