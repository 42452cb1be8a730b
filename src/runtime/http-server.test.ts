// Proves that the small server answers, streams, bounds bodies, connections and their time, survives garbage and handlers that throw, and
// says why it cannot have a port. Method: a real server on a free port, requests through fetch and raw sockets.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import { systemClock } from "./clock.ts";
import { createHttpServer, type HttpHandler, type HttpServer, jsonAnswer } from "./http-server.ts";
import { ListenError, listenError } from "./listen-error.ts";
import { silentLog } from "./log.ts";

const options = {
  name: "test server",
  ip: "127.0.0.1",
  port: 0,
  portSetting: "TEST_PORT",
  bodyMax: 1000,
  connectionsMax: 16,
  requestTimeoutMs: 10_000,
};
function* breaking(): Generator<string> {
  yield "x".repeat(1000);
  throw new Error("inside");
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const piece of socket) text += piece;
  return text;
}

let server: HttpServer;
let base = "";
before(async () => {
  server = createHttpServer(
    options,
    (request) => {
      if (request.path === "/throws") throw new Error("inside");
      if (request.path === "/breaks") return { status: 200, body: breaking() };
      if (request.path === "/stream") return { status: 200, body: ["a", "b", "c"] };
      return jsonAnswer(200, { method: request.method, query: request.query.get("q"), size: request.body.length });
    },
    silentLog,
  );
  await server.start();
  base = `http://127.0.0.1:${server.port()}`;
});
after(() => server.stop());

const alive = async (): Promise<void> => assert.equal((await fetch(`${base}/`)).status, 200);

test("a request reaches the handler and its answer the asker", async () => {
  const response = await fetch(`${base}/x?q=1`, { method: "PUT", body: "12345" });
  assert.deepEqual(await response.json(), { method: "PUT", query: "1", size: 5 });
  assert.equal(await (await fetch(`${base}/stream`)).text(), "abc");
  assert.equal(await (await fetch(`${base}/x`, { method: "HEAD" })).text(), "");
});

test("a body over the limit gets 413", async () => {
  const response = await fetch(`${base}/x`, { method: "PUT", body: "x".repeat(5000) });
  assert.equal(response.status, 413);
  assert.equal(((await response.json()) as { code: string }).code, "too-large");
  await alive();
});

test("a handler that throws costs one answer with status 500, without its text", async () => {
  const response = await fetch(`${base}/throws`);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /inside/);
  await alive();
});

test("garbage closes its connection and nothing else", async () => {
  const garbage = [
    "\u0000\u0001\u0002\u0016\u0003\u0001",
    "GET",
    "GET / HTTP/9.9\r\n\r\n",
    `GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`,
    "\r\n\r\n\r\n",
  ];
  for (const bytes of garbage) {
    const socket = connect(server.port(), "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    socket.end(bytes);
    await once(socket, "close");
  }
  await alive();
});

test("what is no path, and an answer that breaks off, cost their own request", async () => {
  const target = connect(server.port(), "127.0.0.1");
  target.end("GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  assert.match(await textOf(target), /^HTTP\/1\.1 400 [\s\S]*"code":"bad-target"/);
  const cut = await fetch(`${base}/breaks`);
  await assert.rejects(cut.text());
  await alive();
});

/** A server of its own with room for three, for the test. */
async function limited(context: TestContext, requestTimeoutMs: number, handle: HttpHandler): Promise<(text: string) => Socket> {
  const own = createHttpServer({ ...options, connectionsMax: 3, requestTimeoutMs }, handle, silentLog);
  await own.start();
  context.after(() => own.stop());
  return (text) => {
    const socket = connect(own.port(), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(text);
    return socket;
  };
}

const whole = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

test("who says nothing, does not end what it says, or does not read what it asked for, is cut off; its place is another's then", async (context) => {
  let ended = false;
  const send = await limited(context, 300, ({ path }) => {
    if (path !== "/long") return jsonAnswer(200, {});
    const pieces = (function* () {
      try {
        for (;;) yield "x".repeat(2 ** 16);
      } finally {
        ended = true;
      }
    })();
    return { status: 200, body: pieces };
  });
  for (const text of ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n", "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nfour"]) {
    const socket = send(text).resume();
    await once(socket, "close");
  }
  // Never silent for long, and never done.
  const trickling = send("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n").resume();
  let drops = 0;
  const timer = setInterval(() => {
    drops += 1;
    trickling.write("x");
  }, 20);
  await once(trickling, "close");
  clearInterval(timer);
  assert.ok(drops < 900, "its whole body was waited for");
  const deaf = send("GET /long HTTP/1.1\r\nhost: x\r\n\r\n").pause();
  for (let tries = 0; !ended; tries += 1) {
    assert.ok(tries < 1000, "it is written for ever");
    await systemClock.sleep(20);
  }
  deaf.destroy();
  const [answer] = await once(send(whole), "data");
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
});

test("more connections than there may be are closed at once, and those there are go on", async (context) => {
  const send = await limited(context, 60_000, () => jsonAnswer(200, {}));
  const held = [send(whole), send(whole), send(whole)];
  await Promise.all(held.map((socket) => once(socket, "data")));
  const more = send(whole);
  let heard = "";
  more.on("data", (piece: Buffer) => {
    heard += piece;
  });
  await once(more, "close");
  assert.equal(heard, "");
  const [first] = held;
  first?.write(whole);
  const [again] = await once(first ?? assert.fail(), "data");
  assert.match(String(again), /^HTTP\/1\.1 200 /);
});

test("a port in use is named, with the setting that chooses another", async () => {
  const second = createHttpServer({ ...options, port: server.port() }, () => jsonAnswer(200, {}), silentLog);
  await assert.rejects(second.start(), (error: unknown) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.code, "in-use");
    assert.match(
      error.message,
      new RegExp(`test server: port ${server.port()} on 127\\.0\\.0\\.1 is in use.*set TEST_PORT to a free port`),
    );
    return true;
  });
});

test("a port that is not allowed, and an address that is not this machine's, are told apart from one in use", async () => {
  const away = createHttpServer({ ...options, ip: "203.0.113.1" }, () => jsonAnswer(200, {}), silentLog);
  await assert.rejects(away.start(), (error) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.code, "failed");
    return /^test server: cannot listen on 203\.0\.113\.1 port 0: .*EADDRNOTAVAIL/.test(error.message);
  });
  const cause = Object.assign(new Error("listen EACCES"), { code: "EACCES" });
  const denied = listenError(cause, { ...options, port: 80 });
  assert.deepEqual([denied.code, denied.port, denied.cause], ["denied", 80, cause]);
  assert.match(denied.message, /port 80 on 127\.0\.0\.1 is not allowed to this user; set TEST_PORT above 1023$/);
});
