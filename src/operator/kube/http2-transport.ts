// The transport over HTTP/2: all watches in one connection, all calls in one or two others. A connection that gives no
// sign of life is given up, one that the server wants to end takes nothing new.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../../runtime/clock.ts";
import { callConnectionsMax, pingAfterMs, pingTimeoutMs, watchConnectionsMax } from "./limits.ts";
import { type Transport, type TransportAnswer, TransportError, type TransportRequest } from "./transport.ts";

type Kind = TransportRequest["kind"];
/** `retire`: it takes nothing new, and ends with what is on the way. */
type Lane = { readonly kind: Kind; readonly session: ClientHttp2Session; streams: number; retired: boolean; retire(): void };

export type Http2Parts = {
  readonly server: URL;
  /** A connection on which the server speaks HTTP/2. */
  dial(): Promise<Socket>;
  readonly clock: Clock;
};

const lanesMax: Readonly<Record<Kind, number>> = { call: callConnectionsMax, watch: watchConnectionsMax };
/** A second connection for calls is opened when the first has this many on the way. */
const busyStreams = 8;
/** What the server may send ahead of our reading: a page of a list in one stream, several of them in a connection. */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 8 * 1024 * 1024;

/** A transport that keeps at most three connections, and for moments one more while an old one ends. */
export function createHttp2Transport(parts: Http2Parts): Transport {
  const lanes = new Set<Lane>();
  const dialling = new Map<Kind, Promise<Lane>>();
  let closed = false;

  const open = async (kind: Kind): Promise<Lane> => {
    const socket = await parts.dial();
    const session = connect(parts.server, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    });
    const lane: Lane = { kind, session, streams: 0, retired: false, retire: () => undefined };
    lanes.add(lane);
    keepAlive(lane, socket, parts.clock, () => lanes.delete(lane));
    if (closed) session.destroy();
    return lane;
  };
  const dialOnce = (kind: Kind): Promise<Lane> => {
    const running = dialling.get(kind);
    if (running !== undefined) return running;
    const dialled = open(kind).finally(() => dialling.delete(kind));
    dialling.set(kind, dialled);
    return dialled;
  };
  const laneFor = async (kind: Kind): Promise<Lane> => {
    const usable = [...lanes].filter((lane) => lane.kind === kind && !lane.retired && !lane.session.destroyed);
    const best = usable.reduce<Lane | undefined>(
      (least, lane) => (least === undefined || lane.streams < least.streams ? lane : least),
      undefined,
    );
    if (best === undefined) return dialOnce(kind);
    if (best.streams < busyStreams || usable.length >= lanesMax[kind]) return best;
    // The busy one serves on where a second cannot be had.
    return dialOnce(kind).catch(() => best);
  };
  return {
    host: parts.server.host,
    connections: () => lanes.size,
    send: async (request) => {
      request.signal.throwIfAborted();
      if (closed) throw new TransportError("the client is closed", { sent: false });
      return sendOn(await laneFor(request.kind), request, parts.server);
    },
    close: async () => {
      closed = true;
      for (const lane of lanes) lane.session.destroy();
    },
  };
}

function keepAlive(lane: Lane, socket: Socket, clock: Clock, gone: () => void): void {
  const { session } = lane;
  const giveUp = (cause?: Error): void => {
    session.destroy(new TransportError("the connection gave no sign of life", { sent: true, cause }));
    // A session that has ended waits for the other side to close, which a peer that is gone never does.
    socket.destroy();
  };
  let timer = clock.after(pingAfterMs, () => ask());
  const ask = (): void => {
    timer = clock.after(pingTimeoutMs, () => giveUp());
    // One that has ended throws at who asks it; until it says that it is closed, only its time is waited for.
    if (session.destroyed) return;
    session.ping((error) => {
      if (session.destroyed) return;
      timer.cancel();
      if (error === null) timer = clock.after(pingAfterMs, () => ask());
      else giveUp(error);
    });
  };
  lane.retire = () => {
    lane.retired = true;
    if (lane.streams === 0) session.close();
  };
  session.on("connect", () => session.setLocalWindowSize(connectionWindowBytes));
  session.on("goaway", lane.retire);
  session.on("error", lane.retire);
  session.on("close", () => {
    lane.retired = true;
    timer.cancel();
    gone();
  });
}

function sendOn(lane: Lane, request: TransportRequest, server: URL): Promise<TransportAnswer> {
  const { method, path, host = server.host } = request;
  const head = { ":method": method, ":path": path, ":scheme": server.protocol.slice(0, -1), ":authority": host };
  let stream: ClientHttp2Stream;
  try {
    stream = lane.session.request({ ...head, ...request.headers }, { endStream: request.body === undefined });
  } catch (cause) {
    lane.retire();
    throw new TransportError("the connection takes no more requests", { sent: false, cause });
  }
  const stop = (): void => stream.close(constants.NGHTTP2_CANCEL);
  lane.streams += 1;
  request.signal.addEventListener("abort", stop, { once: true });
  stream.once("close", () => {
    lane.streams -= 1;
    request.signal.removeEventListener("abort", stop);
    if (lane.retired) lane.retire();
  });
  if (request.body !== undefined) stream.end(request.body);
  const body = bodyOf(stream, request.signal);
  return new Promise((resolve, reject) => {
    // Every stream ends, and an error for nobody costs its stack.
    let answered = false;
    // Stays for the stream's life: an error after the answer began reaches the reader through the body.
    stream.on("error", (cause) => reject(broken(stream, request.signal, cause)));
    stream.once("close", () => {
      if (!answered) reject(broken(stream, request.signal));
    });
    stream.once("response", (headers) => {
      answered = true;
      resolve({
        status: Number(headers[":status"]),
        header: (name) => (headers[name] === undefined ? undefined : String(headers[name])),
        body,
      });
    });
  });
}

function bodyOf(stream: ClientHttp2Stream, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  // Reading begins before there is an answer, and not when somebody asks for the first piece: a busy program takes in an
  // answer's head, body and end in one go, and a stream that is over before a reader came is "closed too early" for him.
  const pieces: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  const first = pieces.next();
  first.catch(() => undefined);
  return readPieces({ stream, signal, pieces, first });
}

type Reading = {
  readonly stream: ClientHttp2Stream;
  readonly signal: AbortSignal;
  readonly pieces: AsyncIterator<Uint8Array>;
  readonly first: Promise<IteratorResult<Uint8Array>>;
};

async function* readPieces({ stream, signal, pieces, first }: Reading): AsyncGenerator<Uint8Array> {
  try {
    for (let next = await first; next.done !== true; next = await pieces.next()) yield next.value;
  } catch (cause) {
    throw broken(stream, signal, cause);
  } finally {
    // Whoever leaves half-way through frees the stream.
    await pieces.return?.();
  }
  // A stream that was reset ends like a whole one; only its code tells.
  if ((stream.rstCode ?? 0) !== constants.NGHTTP2_NO_ERROR) throw broken(stream, signal);
}

function broken(stream: ClientHttp2Stream, signal: AbortSignal, cause?: unknown): unknown {
  if (signal.aborted) return signal.reason;
  const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
  return new TransportError(`the connection broke (HTTP/2 code ${stream.rstCode ?? 0})`, { sent: !refused, cause });
}
