// Proves that a reader of events who does not keep up is cut off at a bounded lag, that the last event arrives before an
// orderly end, and that a gate which has stopped opens nothing. Real sockets, a clock moved by hand.
import { strict as assert } from "node:assert";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createEventGate, type EventGate, type EventStream } from "./event-stream.ts";
import { createFastifyApp } from "./fastify-app.ts";
import { eventLagMax, socketPatience } from "./limits.ts";

type Served = { readonly gate: EventGate; readonly url: URL; opened(): Promise<EventStream> };

async function serve(context: TestContext): Promise<Served> {
  const gate = createEventGate(createVirtualClock(), 2);
  const app = createFastifyApp([], socketPatience);
  const waiting: ((stream: EventStream) => void)[] = [];
  app.get("/events", (_request, reply) => waiting.shift()?.(gate.open(reply)));
  await app.listen({ host: "127.0.0.1", port: 0 });
  context.after(() => app.close());
  const url = new URL(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/events`);
  return { gate, url, opened: () => new Promise((resolve) => waiting.push(resolve)) };
}

test("who does not read is cut off once too much waits, and its place is free", async (context) => {
  const { gate, url, opened } = await serve(context);
  const opening = opened();
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  socket.on("error", () => {});
  socket.pause();
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
  const stream = await opening;
  const piece = "x".repeat(64 * 1024);
  let sent = 0;
  while (!stream.closed) {
    stream.send("node", piece);
    sent += piece.length;
    assert.ok(sent < 16 * eventLagMax, "what sockets hold and the lag are far less");
    // The kernel takes what it will in between.
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(gate.count(), 0);
  socket.destroy();
});

test("an orderly end comes after what was sent; a stopped gate opens nothing", async (context) => {
  const { gate, url, opened } = await serve(context);
  const opening = opened();
  const answer = fetch(url);
  const stream = await opening;
  stream.send("last", { words: "line\nbreak" });
  gate.stop();
  assert.equal(stream.closed, true);
  const body = await text((await answer).body ?? assert.fail());
  assert.match(body, /^event: last\ndata: \{"words":"line\\nbreak"\}$/m);
  void opened();
  assert.equal((await fetch(url)).status, 500, "the gate throws; the gateway makes a problem document of it");
});
