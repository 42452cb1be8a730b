// Proves that clients which break off, trickle, stop reading, speak garbage or come in crowds cost a bounded amount and
// leave nothing behind: real sockets against the real HTTP server over a farm in memory, with a clock moved by hand.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../test/support/deadline.ts";
import { chunkAddress } from "../protocol/address.ts";
import { createMetricsRegistry } from "../runtime/metrics-registry.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import { type AppFixture, createAppFixture } from "./app-fixture.ts";
import type { GatewayConfig } from "./config.ts";
import { createFastifyApp } from "./fastify-app.ts";
import {
  chunkReadsAtOnceMax,
  downloadIdleMs,
  eventClientsMax,
  heartbeatMs,
  type SocketPatience,
  socketPatience,
  uploadIdleMs,
} from "./limits.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { addReadObject } from "./routes/read-object.ts";
import { createSlots } from "./slots.ts";
import { writableSpace } from "./write-quota.ts";

const mib = 1024 * 1024;
type Served = AppFixture & { readonly url: string; readonly port: number; readonly clock: VirtualClock };

async function serve(context: TestContext, settings: Partial<GatewayConfig> = {}, patience?: SocketPatience): Promise<Served> {
  const clock = createVirtualClock();
  const app = await createAppFixture(settings, { clock, ...(patience === undefined ? {} : { patience }) });
  await app.http.listen({ host: "127.0.0.1", port: 0 });
  context.after(async () => {
    app.beginStop();
    app.http.server.closeAllConnections();
    await app.http.close();
  });
  const { port } = app.http.server.address() as AddressInfo;
  return { ...app, clock, port, url: `http://127.0.0.1:${port}` };
}

async function dial({ port }: Served, text: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  // A connection that the gateway cuts is expected here.
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

const head = (line: string, ...headers: readonly string[]): string =>
  [`${line} HTTP/1.1`, "host: 127.0.0.1", ...headers, "", ""].join("\r\n");
const post = (...headers: readonly string[]): string => head("POST /v1/objects", ...headers);

/** All that the gateway still sends, until it ends the connection. */
async function rest(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  // Not `once`, which fails at a reset: that is an end like another here.
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(pieces).toString("latin1");
}

function assertProblemText(text: string, status: number, code: string): void {
  assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), text);
  assert.match(text, /application\/problem\+json/);
  assert.ok(text.includes(`"code":"${code}"`), text);
}

async function gauge({ http }: Served, name: string): Promise<number> {
  const { body } = await http.inject({ url: "/metrics" });
  return Number(new RegExp(`^vaultfarm_gateway_${name} (\\S+)$`, "m").exec(body)?.[1] ?? Number.NaN);
}

function connections({ http }: Served): Promise<number> {
  return new Promise((resolve) => http.server.getConnections((_, count) => resolve(count)));
}

/** Waits until nothing is under way, and no connection is open but those that `kept` names. */
async function assertNothingLeft(app: Served, kept = 0): Promise<void> {
  await until("no upload or download is under way", async () => (await gauge(app, "uploads")) + (await gauge(app, "downloads")) === 0);
  await until("no connection is left", async () => (await connections(app)) <= kept);
}

test("an upload cut half way ends, is told to who watches it, and costs no quota", async (context) => {
  const app = await serve(context, { quota: { perAddressPerDay: 3 * mib, keepFree: 0 } });
  for (const [index, framing] of [`content-length: ${2 * mib}`, "transfer-encoding: chunked"].entries()) {
    const events = await dial(app, head(`GET /v1/uploads/upload-${index}/events`));
    const told = rest(events);
    const socket = await dial(app, post(framing, `upload-id: upload-${index}`));
    socket.write(index === 0 ? randomBytes(mib) : `${mib.toString(16)}\r\n${randomBytes(mib).toString("latin1")}`, "latin1");
    await until("the upload is under way", async () => (await gauge(app, "uploads")) === 1);
    socket.destroy();
    assert.match(await told, /event: failed\ndata: {"code":"aborted"/);
    await assertNothingLeft(app);
  }
  const stored = await fetch(`${app.url}/v1/objects`, { method: "POST", body: randomBytes(2 * mib) });
  assert.equal(stored.status, 201, "the cut ones have given their quota back");
});

test("uploads that never end cost what they left on vaults: nobody stores without end that way", async (context) => {
  const app = await serve(context, { quota: { perAddressPerDay: 10 * mib, keepFree: 0 } });
  const socket = await dial(app, post(`content-length: ${9 * mib}`));
  socket.write(randomBytes(8 * mib));
  await until("6 MiB of it lie on five vaults", () => writableSpace(app.farm.network()).used >= 5 * 6 * mib);
  socket.destroy();
  await assertNothingLeft(app);
  const store = async (bytes: number): Promise<number> =>
    (await fetch(`${app.url}/v1/objects`, { method: "POST", body: randomBytes(bytes) })).status;
  assert.deepEqual([await store(5 * mib), await store(mib)], [429, 201]);
});

test("an upload that stops, and one that trickles, are given up with an answer", async (context) => {
  const app = await serve(context);
  const stopped = await dial(app, post("content-length: 1000"));
  const trickling = await dial(app, post("content-length: 1000"));
  const answers = [rest(stopped), rest(trickling)];
  await until("both are under way", async () => (await gauge(app, "uploads")) === 2);
  for (let passedMs = 0; passedMs <= uploadIdleMs; passedMs += 1000) {
    trickling.write("x");
    await app.clock.advance(1000);
  }
  await until("both are answered", async () => {
    // The rest of a refused body is read away for a while before the connection ends.
    await app.clock.advance(1000);
    return (await gauge(app, "uploads")) === 0 && stopped.closed && trickling.closed;
  });
  for (const answer of answers) assertProblemText(await answer, 408, "slow-upload");
});

test("headers that come drop by drop end the connection", async (context) => {
  const app = await serve(context, {}, { headersMs: 300, checkMs: 50, idleMs: 60_000 });
  const socket = await dial(app, "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n");
  const drops = setInterval(() => socket.write("x-drop: 1\r\n"), 20);
  const answer = await rest(socket);
  clearInterval(drops);
  assertProblemText(answer, 408, "slow-upload");
});

test("a reader that stops reading costs a bounded amount and is cut off at last", async (context) => {
  const app = await serve(context);
  const content = randomBytes(48 * mib);
  const stored = await fetch(`${app.url}/v1/objects`, { method: "POST", body: content });
  const { address } = (await stored.json()) as { address: string };
  const chunks = content.length / (2 * mib);
  const reader = await dial(app, head(`GET /v1/objects/${address}`));
  reader.pause();
  await until("the read is under way", async () => (await gauge(app, "downloads")) === 1);
  const whole = Buffer.from(await (await fetch(`${app.url}/v1/objects/${address}`)).arrayBuffer());
  assert.ok(whole.equals(content));
  // The other reader has taken everything in the same time; this one only what fits sockets and buffers.
  assert.ok(app.farm.reads() - chunks < chunks / 3, `${app.farm.reads() - chunks} of ${chunks} chunks were fetched for nobody`);
  await until("the slot is free again", async () => {
    await app.clock.advance(downloadIdleMs);
    return (await gauge(app, "downloads")) === 0;
  });
});

test("a reader of small objects that takes nothing loses its connection", async (context) => {
  const app = await serve(context, {}, { headersMs: 15_000, checkMs: 5_000, idleMs: 300 });
  const stored = await app.http.inject({ method: "POST", url: "/v1/objects", payload: randomBytes(200_000) });
  const { address } = stored.json() as { address: string };
  // Pipelined, so that the answers together are more than sockets hold.
  const reader = await dial(app, head(`GET /v1/objects/${address}`).repeat(200));
  reader.pause();
  await until("it is connected", async () => (await connections(app)) === 1);
  await assertNothingLeft(app);
});

test("readers of chunks that take nothing are a bounded number, and cost a slot only while they are there", async (context) => {
  const app = await serve(context);
  const chunk = randomBytes(4 * mib);
  const url = `/v1/chunks/${chunkAddress(chunk)}`;
  assert.equal((await fetch(app.url + url, { method: "PUT", body: chunk })).status, 201);
  const readers: Socket[] = [];
  await until("all slots are taken", async () => {
    // Pipelined, so that the answers together are more than sockets hold.
    const reader = await dial(app, head(`GET ${url}`).repeat(16));
    reader.pause();
    readers.push(reader);
    return (await gauge(app, "downloads")) === chunkReadsAtOnceMax;
  });
  const refused = await fetch(app.url + url);
  assert.equal(refused.status, 503);
  assert.equal(((await refused.json()) as { code: string }).code, "busy");
  for (const reader of readers) reader.destroy();
  await until("all slots are free", async () => (await gauge(app, "downloads")) === 0);
  const whole = await fetch(app.url + url);
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(chunk));
  assert.equal(whole.headers.get("access-control-allow-origin"), "*");
});

test("a small object that does not leave at once takes a slot, and where none is left nobody is sent one", async (context) => {
  const app = await serve(context);
  const stored = await app.http.inject({ method: "POST", url: "/v1/objects", payload: randomBytes(200_000) });
  const url = `/v1/objects/${(stored.json() as { address: string }).address}`;
  await app.http.inject({ url });
  const reader = await dial(app, head(`GET ${url}`).repeat(200));
  reader.pause();
  await until("one waits for the reader", async () => (await gauge(app, "downloads")) > 0);
  reader.destroy();
  await until("the slot is free", async () => (await gauge(app, "downloads")) === 0);

  const http = createFastifyApp([], socketPatience);
  addReadObject(http, {
    reader: {
      cached: () => ({ kind: "whole", bytes: 5, content: Buffer.from("hello") }),
      open: () => assert.fail(),
      size: () => assert.fail(),
    },
    slots: createSlots("downloads", 0),
    clock: app.clock,
    metrics: createGatewayMetrics(createMetricsRegistry({ processMetrics: false })),
    idleMs: socketPatience.idleMs,
  });
  assert.match((await http.inject({ url })).body, /0 downloads are under way already/);
});

test("what is no HTTP gets one problem document and the end of the connection", async (context) => {
  const app = await serve(context);
  const cases: readonly (readonly [string, number, string])[] = [
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad-request"],
    ["GARBAGE\r\n\r\n", 400, "bad-request"],
    [`${head("GET /healthz", `x: ${"y".repeat(20_000)}`)}`, 431, "headers-too-large"],
    [post("content-length: 5", "transfer-encoding: chunked"), 400, "bad-request"],
    [post("content-length: many"), 400, "bad-request"],
  ];
  for (const [text, status, code] of cases) assertProblemText(await rest(await dial(app, text)), status, code);
  await assertNothingLeft(app);
  assert.equal((await fetch(`${app.url}/healthz`)).status, 200);
});

test("what is no HTTP behind a request cuts an answer that is under way, and is answered behind one that is complete", async (context) => {
  const app = await serve(context);
  const socket = await dial(app, head("GET /v1/events"));
  let heard = "";
  socket.on("data", (piece: Buffer) => {
    heard += piece.toString();
  });
  await until("the answer has begun", () => heard.includes("event: snapshot"));
  socket.write("GARBAGE\r\n\r\n");
  await until("the connection is cut", () => socket.closed);
  assert.ok(!heard.includes("problem"), heard.slice(-300));
  const kept = await dial(app, head("GET /healthz"));
  const [complete] = (await once(kept, "data")) as [Buffer];
  assert.match(complete.toString(), /^HTTP\/1.1 200 /);
  kept.write("GARBAGE\r\n\r\n");
  assertProblemText(await rest(kept), 400, "bad-request");
});

test("a body longer than the limit is refused while it is still sent, and the sender reads the answer", async (context) => {
  const app = await serve(context, { objectSizeMax: mib });
  const declared = await fetch(`${app.url}/v1/objects`, { method: "POST", body: randomBytes(2 * mib) });
  assert.equal(((await declared.json()) as { code: string }).code, "too-large");
  const socket = await dial(app, post("transfer-encoding: chunked"));
  const answer = rest(socket);
  for (let sent = 0; sent < 3; sent += 1) socket.write(`${mib.toString(16)}\r\n${randomBytes(mib).toString("latin1")}\r\n`, "latin1");
  socket.end("0\r\n\r\n");
  assertProblemText(await answer, 413, "too-large");
  await assertNothingLeft(app, 2);
});

test("event streams: bounded in number, closed for who does not read, alive while nothing happens", async (context) => {
  const app = await serve(context);
  const streams: Socket[] = [];
  for (let index = 0; index < eventClientsMax; index += 1) streams.push(await dial(app, head("GET /v1/events")));
  await until("all are open", async () => (await gauge(app, "event_clients")) === eventClientsMax);
  const refused = await fetch(`${app.url}/v1/events`);
  assert.equal(refused.status, 503);
  assert.equal(((await refused.json()) as { code: string }).code, "busy");
  const [reading, ...silent] = streams;
  assert.ok(reading !== undefined);
  for (const stream of silent) stream.pause();
  let heard = "";
  reading.on("data", (piece: Buffer) => {
    heard += piece.toString();
  });
  await until("a snapshot and a sign of life", async () => {
    await app.clock.advance(heartbeatMs);
    return heard.includes("event: snapshot") && heard.includes(": still here");
  });
  for (const stream of silent) stream.destroy();
  await until("their places are free", async () => (await gauge(app, "event_clients")) === 1);
  app.farm.setState(3, "gone");
  await until("a change arrives", async () => {
    await app.clock.advance(1000);
    return /event: node\n.*"state":"gone"/.test(heard);
  });
});
