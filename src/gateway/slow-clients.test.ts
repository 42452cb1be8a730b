// Proves that slow clients of large objects make way for others, and how each of them learns it: an upload by 408, a
// download by the end of its connection. Real sockets and real self-encryption over chunks in memory, with a clock moved by hand.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../test/support/deadline.ts";
import { startCreditMs } from "../client/self-encryption/client-pace.ts";
import type { EncryptOptions, FetchChunk } from "../client/self-encryption/sealed-object.ts";
import { createSelfEncryptor } from "../client/self-encryption/self-encryptor.ts";
import type { Address, ObjectAddress } from "../protocol/address.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import { createAppFixture } from "./app-fixture.ts";
import { downloadIdleMs } from "./limits.ts";
import { createMemoryFarm } from "./memory-farm-client.ts";

const mib = 1024 * 1024;
type Served = { readonly url: string; readonly port: number; readonly clock: VirtualClock; readonly chunks: Map<Address, Uint8Array> };

/** A gateway whose self-encryption has `memoryMax` bytes: leases may have four times that, and the tests choose it so that one transfer fits. */
async function serve(context: TestContext, memoryMax: number): Promise<Served> {
  const clock = createVirtualClock();
  const encryptor = createSelfEncryptor({ clock, memoryMax, workers: 1 });
  const chunks = new Map<Address, Uint8Array>();
  const farm = createMemoryFarm({ nodes: 8, vaultsPerNode: 3, vaultCapacity: 512 * mib });
  const fetchChunk: FetchChunk = async (address) => ({ bytes: chunks.get(address) ?? assert.fail(), release: () => {} });
  const client: typeof farm = {
    ...farm,
    putObject: async (source, { size = 0 } = {}) => ({
      ...(await encryptor.encrypt(source, { size, onChunk: keepIn(chunks) })),
      copies: { min: 5, max: 5 },
      sent: { chunks: 0, bytes: 0 },
    }),
    openObject: (address, signal) => encryptor.open(address, fetchChunk, signal),
  };
  const app = await createAppFixture({}, { clock, client });
  await app.http.listen({ host: "127.0.0.1", port: 0 });
  context.after(async () => {
    app.beginStop();
    app.http.server.closeAllConnections();
    await app.http.close();
    await encryptor.stop();
  });
  const { port } = app.http.server.address() as AddressInfo;
  return { clock, port, chunks, url: `http://127.0.0.1:${port}` };
}

const keepIn =
  (chunks: Map<Address, Uint8Array>): EncryptOptions["onChunk"] =>
  async (chunk) => {
    chunks.set(chunk.address, chunk.bytes.slice());
    chunk.release();
  };

async function* pieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += mib) yield content.subarray(at, at + mib);
}

/** Stores an object without the gateway. */
async function place({ chunks }: Served, content: Uint8Array): Promise<ObjectAddress> {
  const encryptor = createSelfEncryptor({ workers: 1 });
  const { address } = await encryptor.encrypt(pieces(content), { size: content.length, onChunk: keepIn(chunks) });
  await encryptor.stop();
  return address;
}

async function dial({ port }: Served, ...lines: readonly string[]): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write([...lines, "host: 127.0.0.1", "", ""].join("\r\n"));
  return socket;
}

async function metric({ url }: Served, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`vaultfarm_gateway_${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

const post = "POST /v1/objects HTTP/1.1";

test("an upload that sends nothing is ended with 408 for one that waits, which is stored", async (context) => {
  const app = await serve(context, 3 * mib);
  const content = randomBytes(13 * mib);
  const slow = await dial(app, post, `content-length: ${content.length}`);
  slow.write(content.subarray(0, 1000));
  let heard = "";
  slow.on("data", (piece: Buffer) => {
    heard += piece.toString();
  });
  await until("it is under way", async () => (await metric(app, "uploads")) === 1);
  const other = fetch(`${app.url}/v1/objects`, { method: "POST", body: content });
  await until("the other waits", async () => (await metric(app, "uploads")) === 2);
  await app.clock.advance(startCreditMs + 2_000);
  const stored = await other;
  assert.equal(stored.status, 201, await stored.text());
  await until("the slow one is told", () => heard.includes("others wait for this memory"));
  assert.match(heard, /^HTTP\/1.1 408 /);
  assert.match(heard, /"code":"slow-upload"/);
  assert.equal(await metric(app, 'slow_clients_ended_total{direction="upload"}'), 1);
  await until("its connection has ended", async () => {
    await app.clock.advance(1000);
    return slow.closed;
  });
  assert.equal(await metric(app, "uploads"), 0);
});

test("a download that takes nothing loses its connection to one that waits, which is whole; alone it stays", async (context) => {
  const app = await serve(context, mib + 128 * 1024);
  const content = randomBytes(48 * mib);
  const path = `/v1/objects/${await place(app, content)}`;
  const slow = await dial(app, `GET ${path} HTTP/1.1`);
  slow.pause();
  let before = 0;
  await until("its socket takes no more", async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const now = await metric(app, "downloaded_bytes_total");
    const isStill = now > 0 && now === before;
    before = now;
    return isStill;
  });
  await app.clock.advance((downloadIdleMs * 2) / 3);
  assert.equal(await metric(app, "downloads"), 1, "nobody waits");
  const other = fetch(app.url + path);
  await until("the other waits", async () => (await metric(app, "downloads")) === 2);
  await app.clock.advance(2_000);
  assert.ok(Buffer.from(await (await other).arrayBuffer()).equals(content));
  assert.equal(await metric(app, 'slow_clients_ended_total{direction="download"}'), 1);
  slow.resume();
  await until("its connection has ended", () => slow.closed);
  await until("no slot is taken", async () => (await metric(app, "downloads")) === 0);
});
