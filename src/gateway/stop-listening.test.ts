// Proves that a gateway that is told to stop serves on for a while, says so where it is asked whether it is ready, and then
// shuts its port, that a connection on which somebody was busy meanwhile ends with that answer, of which none is lost, and that it
// stays until answers are with their clients. Method: the application on a port of the loopback, a virtual clock, and a farm in memory.
import { strict as assert } from "node:assert";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { until } from "../../test/support/deadline.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { type AppFixture, createAppFixture } from "./app-fixture.ts";
import { stopListening } from "./stop-listening.ts";

test("told to stop, it serves on but is not ready, closes each connection, and shuts its port after the time set", async (context) => {
  const clock = createVirtualClock();
  const app = await createAppFixture();
  context.after(() => app.http.close());
  await app.http.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(app.http.server.address() as AddressInfo).port}`;
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  let isShut = false;
  const stopped = stopListening(app, { leaveAfterMs: 5000, stopGraceMs: 30_000 }, { clock, unsentBytes: async () => 0 }).then(() => {
    isShut = true;
  });
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  const stored = await fetch(`${url}/v1/objects`, { method: "POST", body: "kept on the way out" });
  assert.deepEqual([stored.status, stored.headers.get("connection")], [201, "close"]);
  const { address } = (await stored.json()) as { readonly address: string };
  // The second is answered out of the cache, with a head of its own.
  for (const which of ["first", "second"]) {
    const read = await fetch(`${url}/v1/objects/${address}`);
    assert.deepEqual([await read.text(), read.headers.get("connection")], ["kept on the way out", "close"], which);
  }
  await clock.advance(4999);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal(isShut, false);
  await clock.advance(1);
  await stopped;
  await assert.rejects(fetch(`${url}/healthz`), "the port is shut");
});

test("where no time is set, and half the grace is less, the port is shut sooner", async (context) => {
  for (const [leaveAfterMs, stopGraceMs, shutAfterMs] of [
    [0, 20_000, 0],
    [5000, 4000, 2000],
  ] as const) {
    const clock = createVirtualClock();
    const app = await createAppFixture();
    context.after(() => app.http.close());
    await app.http.listen({ host: "127.0.0.1", port: 0 });
    const stopped = stopListening(app, { leaveAfterMs, stopGraceMs }, { clock, unsentBytes: async () => 0 });
    await clock.advance(shutAfterMs);
    await stopped;
    assert.equal(app.http.server.listening, false);
  }
});

type Busy = { readonly app: AppFixture; readonly agent: Agent; readonly url: string; stop(): Promise<void>; stopped(): Promise<void> };

/** An application and a client that keeps one connection. `stop` resolves once the port is shut, `stopped` once nothing is under way. */
async function busyApp(context: TestContext): Promise<Busy> {
  const clock = createVirtualClock();
  const app = await createAppFixture();
  await app.http.listen({ host: "127.0.0.1", port: 0 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  context.after(() => agent.destroy());
  const url = `http://127.0.0.1:${(app.http.server.address() as AddressInfo).port}`;
  let stopped: Promise<void> = Promise.resolve();
  const stop = async (): Promise<void> => {
    stopped = stopListening(app, { leaveAfterMs: 0, stopGraceMs: 30_000 }, { clock, unsentBytes: async () => 0 });
    await until("the port is shut", () => !app.http.server.listening);
  };
  return { app, agent, url, stop, stopped: () => stopped };
}

test("an upload that ends after the port was shut is answered, as the last on its connection", async (context) => {
  const { app, agent, url, stop, stopped } = await busyApp(context);
  const arrived = once(app.http.server, "request");
  const upload = request(`${url}/v1/objects`, { agent, method: "POST", headers: { "content-length": 4 } });
  upload.write("be");
  await arrived;
  await stop();
  upload.end("un");
  const [answer] = (await once(upload, "response")) as [IncomingMessage];
  await text(answer);
  assert.deepEqual([answer.statusCode, answer.headers.connection], [201, "close"]);
  await stopped();
});

test("a download whose head was sent before goes on to its end, and its connection ends with it", async (context) => {
  const { agent, url, stop, stopped } = await busyApp(context);
  // More than what sockets hold, so that it waits for its reader.
  const content = randomFillSync(Buffer.alloc(32 * 1024 * 1024));
  const stored = await fetch(`${url}/v1/objects`, { method: "POST", body: content });
  const { address } = (await stored.json()) as { readonly address: string };
  const download = request(`${url}/v1/objects/${address}`, { agent }).end();
  const [answer] = (await once(download, "response")) as [IncomingMessage];
  assert.equal(answer.headers.connection, "keep-alive");
  await stop();
  const { socket } = answer;
  assert.ok((await buffer(answer)).equals(content));
  await until("its connection ends", () => socket.destroyed);
  await stopped();
});

test("it stays while what was answered has not arrived, for at most most of the grace", async (context) => {
  for (const { unsent, endsAfterMs } of [
    { unsent: [9_000_000, 1], endsAfterMs: 200 },
    { unsent: Array<number>(1000).fill(1), endsAfterMs: 24_000 },
  ]) {
    const clock = createVirtualClock();
    const app = await createAppFixture();
    context.after(() => app.http.close());
    await app.http.listen({ host: "127.0.0.1", port: 0 });
    const { port } = app.http.server.address() as AddressInfo;
    const left = [...unsent];
    const unsentBytes = async (asked: number): Promise<number> => (asked === port ? (left.shift() ?? 0) : assert.fail());
    let isStopped = false;
    const stopped = stopListening(app, { leaveAfterMs: 0, stopGraceMs: 30_000 }, { clock, unsentBytes }).then(() => {
      isStopped = true;
    });
    await until("the port is shut", () => !app.http.server.listening && left.length < unsent.length);
    await clock.advance(endsAfterMs - 100);
    assert.equal(isStopped, false);
    await clock.advance(100);
    await stopped;
  }
});
