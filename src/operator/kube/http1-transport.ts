// The transport over HTTP/1.1, for servers behind something that speaks no HTTP/2 (`kubectl proxy`): calls share a few
// connections, each watch needs one of its own.
import { Agent, type IncomingMessage, request as startRequest } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { callConnectionsMax, watchesMax } from "./limits.ts";
import { type Transport, type TransportAnswer, TransportError, type TransportRequest } from "./transport.ts";

export type Http1Parts = { readonly server: URL; dial(): Promise<Socket> };

// Connections come from `dial`, TLS and all, so that both transports connect in one way.
class DialAgent extends Agent {
  readonly #dial: () => Promise<Socket>;
  constructor(dial: () => Promise<Socket>, maxSockets: number) {
    super({ keepAlive: true, maxSockets, maxFreeSockets: callConnectionsMax });
    this.#dial = dial;
  }
  override createConnection(_options: object, ready?: (error: Error | null, socket: Duplex) => void): undefined {
    this.#dial().then(
      (socket) => ready?.(null, socket),
      (error: Error) => (ready as ((error: Error) => void) | undefined)?.(error),
    );
  }
}

/** A transport with at most two connections for calls, and one for each watch. */
export function createHttp1Transport(parts: Http1Parts): Transport {
  const sockets = new Set<Socket>();
  const dial = async (): Promise<Socket> => {
    const socket = await parts.dial();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const agents = { call: new DialAgent(dial, callConnectionsMax), watch: new DialAgent(dial, watchesMax) };
  let closed = false;
  return {
    host: parts.server.host,
    connections: () => sockets.size,
    send: async (request) => {
      request.signal.throwIfAborted();
      if (closed) throw new TransportError("the client is closed", { sent: false });
      return send(agents[request.kind], request, parts.server);
    },
    close: async () => {
      closed = true;
      for (const agent of Object.values(agents)) agent.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function send(agent: Agent, request: TransportRequest, server: URL): Promise<TransportAnswer> {
  return new Promise((resolve, reject) => {
    const { method, path, signal, host = server.host } = request;
    const length = request.body === undefined ? {} : { "content-length": String(Buffer.byteLength(request.body)) };
    const outgoing = startRequest({ agent, method, path, signal, headers: { host, ...request.headers, ...length } });
    outgoing.once("error", (cause) => reject(broken(signal, cause)));
    outgoing.once("response", (incoming) => {
      const header = (name: string): string | undefined => {
        const value = incoming.headers[name];
        return Array.isArray(value) ? value.join(",") : value;
      };
      resolve({ status: incoming.statusCode ?? 0, header, body: bodyOf(incoming, signal) });
    });
    outgoing.end(request.body);
  });
}

async function* bodyOf(incoming: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of incoming as AsyncIterable<Uint8Array>) yield piece;
  } catch (cause) {
    throw broken(signal, cause);
  }
}

function broken(signal: AbortSignal, cause: unknown): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof TransportError) return cause;
  return new TransportError(`the connection broke: ${cause instanceof Error ? cause.message : String(cause)}`, { sent: true, cause });
}
