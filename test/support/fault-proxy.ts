// Stands between the operator's client and an API server and breaks things as a plan says: connections that are reset in
// the middle of a line, go silent, or end; lines in pieces or twice; expired versions; a busy server.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2ServerResponse } from "node:http2";
import { Agent, request as startRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createLineSplitter } from "../../src/operator/kube/watch-stream.ts";

/** What may happen to a call, or to the opening of a watch. */
export type CallFault =
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly kind: "slow"; readonly ms: number }
  | { readonly kind: "reset" | "hang" };
/** What may happen at a line of a watch. `repeat`: this line and the `count` before it again. */
export type LineFault =
  | { readonly kind: "reset" | "end" | "silent" | "gone" | "split" }
  | { readonly kind: "repeat"; readonly count: number };

export type FaultPlan = {
  call(path: string, watching: boolean): CallFault | undefined;
  line(): LineFault | undefined;
};

export type FaultProxy = {
  readonly url: URL;
  /** How often each fault was played. */
  readonly played: Map<string, number>;
  stop(): Promise<void>;
};

export type Upstream = { readonly url: URL; readonly ca: string };
type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };
type Proxy = { readonly upstream: Upstream; readonly agent: Agent; readonly plan: FaultPlan; note(fault: string): void };

/** Starts one on a free port of the loopback, without TLS. */
export async function startFaultProxy(upstream: Upstream, protocol: "http1" | "http2", plan: FaultPlan): Promise<FaultProxy> {
  const played = new Map<string, number>();
  const agent = new Agent({ keepAlive: true, ca: upstream.ca, maxSockets: 64 });
  const proxy: Proxy = { upstream, agent, plan, note: (fault) => played.set(fault, (played.get(fault) ?? 0) + 1) };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    // What is broken on purpose says so on every stream it touches.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    serve(proxy, { request, response }).catch(() => breakOff(response));
  };
  const server = protocol === "http2" ? createHttp2Server(handle as never) : createServer(handle);
  const sockets = new Set<{ destroy(): void; once(event: "close", gone: () => void): void }>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("sessionError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    played,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        agent.destroy();
      }),
  };
}

async function serve(proxy: Proxy, { request, response }: Exchange): Promise<void> {
  const path = request.url ?? "/";
  const watching = new URL(path, "http://proxy").searchParams.get("watch") === "true";
  const body: Buffer[] = [];
  for await (const piece of request) body.push(piece as Buffer);
  const fault = proxy.plan.call(path, watching);
  if (fault !== undefined) proxy.note(fault.kind === "status" ? `status ${fault.status}` : `${fault.kind} of a call`);
  if (fault?.kind === "status") return refuse(response, fault.status, fault.retryAfterSeconds);
  if (fault?.kind === "hang") return;
  if (fault?.kind === "slow") await sleep(fault.ms);
  const answer = await forward(proxy, request, path, Buffer.concat(body));
  response.once("close", () => answer.destroy());
  // The server has done it, only the answer is lost.
  if (fault?.kind === "reset") return breakOff(response);
  const retryAfter = answer.headers["retry-after"];
  response.writeHead(answer.statusCode ?? 502, {
    "content-type": answer.headers["content-type"] ?? "application/json",
    ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
  });
  if (watching && answer.statusCode === 200) await relayWatch(proxy, answer, response);
  else for await (const piece of answer) response.write(piece);
  response.end();
}

async function relayWatch(proxy: Proxy, answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const splitter = createLineSplitter(16 * 1024 * 1024);
  const past: string[] = [];
  for await (const piece of answer) {
    for (const line of splitter.push(piece as Buffer)) {
      const fault = proxy.plan.line();
      if (fault !== undefined) proxy.note(fault.kind);
      past.push(line);
      if (past.length > 20) past.shift();
      if (await relayLine(fault, past, response)) return;
    }
  }
}

/** Whether the watch is over with it. */
async function relayLine(fault: LineFault | undefined, past: readonly string[], response: ServerResponse): Promise<boolean> {
  const line = past.at(-1) ?? "";
  switch (fault?.kind) {
    case undefined:
      response.write(`${line}\n`);
      return false;
    case "split":
      for (const part of [line.slice(0, 1), line.slice(1, 40), line.slice(40, -1), `${line.slice(-1)}\n`]) {
        response.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return false;
    case "repeat":
      for (const old of [...past.slice(-fault.count - 1), line]) response.write(`${old}\n`);
      return false;
    case "reset":
      response.write(line.slice(0, line.length / 2));
      await new Promise((resolve) => setImmediate(resolve));
      breakOff(response);
      return true;
    case "gone":
      response.write(
        `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" } })}\n`,
      );
      return true;
    case "silent":
      // Says nothing more and does not end: as after a cut cable.
      await new Promise<void>((resolve) => response.once("close", () => resolve()));
      return true;
    case "end":
      return true;
  }
}

function forward({ upstream, agent }: Proxy, request: IncomingMessage, path: string, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { authorization, accept, "content-type": type } = request.headers;
    const headers = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(accept === undefined ? {} : { accept }),
      ...(type === undefined ? {} : { "content-type": type }),
    };
    const { hostname, port } = upstream.url;
    const options = { agent, hostname, port, path, method: request.method, headers: { ...headers, "content-length": body.length } };
    const outgoing = startRequest(options, resolve);
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

function refuse(response: ServerResponse, status: number, retryAfterSeconds: number | undefined): void {
  const retry = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  response.writeHead(status, { "content-type": "application/json", ...retry });
  response.end(JSON.stringify({ kind: "Status", status: "Failure", code: status, reason: "Injected", message: "the fault asked for" }));
}

/** Breaks the stream (HTTP/2) or the connection (HTTP/1.1) under an answer. */
function breakOff(response: ServerResponse): void {
  const { stream } = response as unknown as Partial<Http2ServerResponse>;
  if (stream === undefined) response.socket?.destroy();
  // Every other reset takes the connection with it.
  else if ((stream.id ?? 0) % 4 === 1) stream.session?.destroy();
  // Closing would end it properly first; destroying sends the reset alone.
  else stream.destroy(new Error("the fault asked for"));
}
