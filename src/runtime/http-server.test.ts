// Proves that the small server answers, streams, bounds bodies, survives garbage and handlers that throw, and names the
// port it cannot have. Method: a real server on a free port, requests through fetch and raw sockets.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { createHttpServer, type HttpServer, jsonAnswer } from "./http-server.ts";
import { ListenError } from "./listen-error.ts";
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
let server: HttpServer;
let base = "";
before(async () => {
  server = createHttpServer(
    options,
    (request) => {
      if (request.path === "/throws") throw new Error("inside");
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
