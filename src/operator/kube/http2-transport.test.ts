// Proves what the HTTP/2 transport promises: few connections whatever is open, half-open ones found, those that the server
// wants to end left without loss, and the truth about what may have been sent. Method: Node's own HTTP/2 server, behind a
// relay that can be frozen like a cut cable; virtual time for signs of life.
import { strict as assert } from "node:assert";
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../../test/support/deadline.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { dial } from "./dial.ts";
import { createHttp2Transport } from "./http2-transport.ts";
import { type Transport, type TransportAnswer, TransportError, type TransportRequest } from "./transport.ts";

type World = {
  readonly transport: Transport;
  readonly clock: VirtualClock;
  readonly sessions: ServerHttp2Session[];
  /** Streams that are answered but stay open. */
  readonly open: ServerHttp2Stream[];
  freeze(): void;
  stop(): Promise<void>;
};

const listen = (server: { listen(port: number, host: string, ready: () => void): unknown; address(): unknown }): Promise<number> =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));

async function startWorld(context: TestContext): Promise<World> {
  const sessions: ServerHttp2Session[] = [];
  const open: ServerHttp2Stream[] = [];
  const server = createHttp2Server();
  server.on("session", (session) => {
    session.on("error", () => undefined);
    sessions.push(session);
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    if (headers[":path"] === "/refused") return stream.close(7);
    stream.respond({ ":status": 200 });
    if (headers[":path"] === "/host") return stream.end(headers[":authority"]);
    stream.write("first");
    if (headers[":path"] === "/whole") stream.end();
    else open.push(stream);
  });
  const behind = await listen(server);
  const sockets: Socket[] = [];
  let frozen = false;
  const relay = createServer({ allowHalfOpen: true }, (front) => {
    const back = connect({ port: behind, host: "127.0.0.1", allowHalfOpen: true });
    sockets.push(front, back);
    for (const [from, to] of [
      [front, back],
      [back, front],
    ] as const) {
      from.on("data", (bytes) => (frozen ? undefined : to.write(bytes)));
      from.on("end", () => (frozen ? undefined : to.end()));
      from.on("close", () => to.destroy());
      from.on("error", () => to.destroy());
    }
  });
  const url = new URL(`http://127.0.0.1:${await listen(relay)}`);
  const clock = createVirtualClock();
  const address = { server: url, tls: { verify: true, files: async () => ({}) } };
  const transport = createHttp2Transport({ server: url, clock, dial: async () => (await dial(address, clock, ["h2"])).socket });
  const world: World = {
    transport,
    clock,
    sessions,
    open,
    freeze: () => {
      frozen = true;
    },
    stop: async () => {
      await transport.close();
      for (const socket of sockets) socket.destroy();
      relay.close();
      server.close();
    },
  };
  context.after(() => world.stop());
  return world;
}

const never = new AbortController().signal;
const ask = (world: World, path: string, kind: TransportRequest["kind"] = "call", signal = never): Promise<TransportAnswer> =>
  world.transport.send({ method: "GET", path, headers: {}, kind, signal });

async function readAll(answer: TransportAnswer): Promise<string> {
  let text = "";
  for await (const piece of answer.body) text += Buffer.from(piece).toString();
  return text;
}

test("fifty calls at once and five watches need three connections", async (context) => {
  const world = await startWorld(context);
  const watches = await Promise.all(Array.from({ length: 5 }, () => ask(world, "/open", "watch")));
  assert.equal(world.transport.connections(), 1);
  const some = await Promise.all(Array.from({ length: 10 }, () => ask(world, "/open")));
  assert.equal(world.transport.connections(), 2);
  const more = await Promise.all(Array.from({ length: 40 }, () => ask(world, "/open")));
  assert.equal(world.transport.connections(), 3);
  for (const stream of world.open) stream.end("last");
  assert.deepEqual(new Set(await Promise.all([...watches, ...some, ...more].map(readAll))), new Set(["firstlast"]));
});

test("a connection that gives no sign of life is given up after 25 s, and the next call makes a new one", async (context) => {
  const world = await startWorld(context);
  const watch = await ask(world, "/open", "watch");
  const reading = readAll(watch).then(
    () => "ended",
    (error: unknown) => error,
  );
  await until("the answer began", () => world.open.length === 1);
  await world.clock.advance(15_000);
  // The sign of life goes through real sockets: the next look must come after it.
  await until("the sign of life was answered", async () => {
    await world.clock.advance(1);
    return world.transport.connections() === 1;
  });
  world.freeze();
  await world.clock.advance(15_000);
  await world.clock.advance(10_000);
  const end = await reading;
  assert.ok(end instanceof TransportError, `a broken connection, not ${String(end)}`);
  await until("the connection is gone", () => world.transport.connections() === 0);
});

/** A watch on a connection to which the server has said goodbye since: what is new goes over another one. */
async function openAcrossGoodbye(world: World): Promise<TransportAnswer> {
  const watch = await ask(world, "/open", "watch");
  world.sessions[0]?.goaway(0);
  await until("new ones go to a new connection", async () => {
    await readAll(await ask(world, "/whole", "watch"));
    return world.sessions.length === 2;
  });
  return watch;
}

test("after the server's goodbye, what is open goes on and what is new goes elsewhere", async (context) => {
  const world = await startWorld(context);
  const watch = await openAcrossGoodbye(world);
  world.open[0]?.end("last");
  assert.equal(await readAll(watch), "firstlast");
  await until("the old connection is closed", () => world.transport.connections() === 1);
});

test("an old connection whose server is gone before it could close is given up too, and nobody is asked on it", async (context) => {
  const world = await startWorld(context);
  const watch = await openAcrossGoodbye(world);
  assert.equal(world.transport.connections(), 2);
  world.open[0]?.end("last");
  world.freeze();
  const reading = readAll(watch);
  await Promise.race([reading.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 200))]);
  await world.clock.advance(15_000);
  await world.clock.advance(10_000);
  await until("both are gone", () => world.transport.connections() === 0);
});

test("a connection that was ended is asked for no sign of life before it says that it is closed", async (context) => {
  const world = await startWorld(context);
  await readAll(await ask(world, "/whole"));
  void world.transport.close();
  await world.clock.advance(15_000);
  await until("it is gone", () => world.transport.connections() === 0);
});

test("a stream that is reset is broken, not whole; one that was refused was never sent", async (context) => {
  const world = await startWorld(context);
  const answer = await ask(world, "/open");
  await until("the stream is open", () => world.open.length === 1);
  world.open[0]?.destroy(new Error("reset"));
  await assert.rejects(readAll(answer), (error) => error instanceof TransportError && error.sent);
  await assert.rejects(ask(world, "/refused"), (error) => error instanceof TransportError && !error.sent);
});

test("a caller who leaves gets his own reason and frees the stream", async (context) => {
  const world = await startWorld(context);
  const leaving = new AbortController();
  const answer = await ask(world, "/open", "watch", leaving.signal);
  const reading = readAll(answer);
  leaving.abort(new Error("I leave"));
  await assert.rejects(reading, /I leave/);
  await until("the server saw it", () => world.open[0]?.destroyed === true);
  await assert.rejects(ask(world, "/open", "call", leaving.signal), /I leave/);
});

test("where nobody listens, nothing was sent", async (context) => {
  const world = await startWorld(context);
  await world.stop();
  const clock = createVirtualClock();
  const address = { server: new URL("http://127.0.0.1:1"), tls: { verify: true, files: async () => ({}) } };
  await assert.rejects(dial(address, clock, ["h2"]), (error) => error instanceof TransportError && !error.sent);
});

test("an answer that ended before it is read is whole", async (context) => {
  const { transport } = await startWorld(context);
  const post = { path: "/whole", method: "POST", headers: {}, body: "asked", kind: "call", signal: new AbortController().signal } as const;
  const early = await transport.send(post);
  // On the same connection: when its answer is there, the first one's end is long there too.
  const later = await transport.send(post);
  for await (const _ of later.body) {
  }
  let text = "";
  for await (const piece of early.body) text += Buffer.from(piece).toString();
  assert.equal(text, "first");
});

test("the server is asked by its own name, or by the one that whoever it hands the request to knows", async (context) => {
  const world = await startWorld(context);
  const [own, other] = [
    await ask(world, "/host"),
    await world.transport.send({ method: "GET", path: "/host", headers: {}, host: "localhost", kind: "watch", signal: never }),
  ];
  assert.deepEqual([await readAll(own), await readAll(other)], [world.transport.host, "localhost"]);
});
