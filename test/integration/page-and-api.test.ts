// Proves the HTTP face on a real farm with two gateways: what cannot be found or read is answered with its problem
// document, quickly; a cut upload leaves nothing open; both gateways serve the same; and a gateway that starts before any
// node becomes ready when the nodes come. One farm, in order.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { encodeRoot, sealRoot } from "../../src/client/self-encryption/root-map.ts";
import { chunkAddress } from "../../src/protocol/address.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const mib = 2 ** 20;
const content = noise(15 * mib + 3, 11);
/** A reader must not wait long for the word that there is nothing. */
const quicklyMs = 5_000;
let farm: Farm;
let folder: string;
let stored: Stored;
let early: GatewayProcess | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "gateway-"));
  farm = await startFarm({ nodes: 6, vaultCapacity: "64Mi" });
});
after(async () => {
  early?.child.kill("SIGKILL");
  await farm?.remove();
  await rm(folder, { recursive: true, force: true });
});

async function assertProblem(path: string, status: number, code: string, init: RequestInit = {}): Promise<void> {
  for (const gateway of [farm.gateway(0), farm.gateway(1)]) {
    const answer = await fetch(gateway + path, { ...init, signal: AbortSignal.timeout(quicklyMs) });
    const text = await answer.text();
    assert.equal(answer.status, status, `${path}: ${text}`);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    assert.equal((JSON.parse(text) as { code: string }).code, code, text);
  }
}

async function putChunk(bytes: Uint8Array): Promise<string> {
  const address = chunkAddress(bytes);
  const answer = await fetch(`${farm.gateway(0)}/v1/chunks/${address}`, { method: "PUT", body: Buffer.from(bytes) });
  assert.equal(answer.status, 201, await answer.text());
  return address;
}

test("what is stored through one gateway is served by the other, in the agreed shape", async () => {
  const answer = await fetch(`${farm.gateway(0)}/v1/objects`, { method: "POST", body: content });
  assert.equal(answer.status, 201);
  stored = (await answer.json()) as Stored;
  assert.equal(answer.headers.get("location"), `/v1/objects/${stored.address}`);
  assert.deepEqual(Object.keys(stored), ["address", "bytes", "chunks", "copies"]);
  assert.ok(stored.bytes === content.length && stored.copies.min >= 4 && stored.copies.max >= stored.copies.min);
  const quote = await fetch(`${farm.gateway(1)}/v1/objects?dry-run&bytes=${content.length}`, { method: "POST" });
  assert.equal(((await quote.json()) as { chunks: number }).chunks, stored.chunks, "the quote was right");
  await assertReads(farm.gateway(1), stored.address, content);
  const url = `${farm.gateway(1)}/v1/objects/${stored.address}`;
  const part = await fetch(url, { headers: { range: "bytes=4190000-8400000" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("etag"), `"${stored.address.slice(0, 64)}"`);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(content.subarray(4_190_000, 8_400_001)));
  await assertProblem(`/v1/objects/${stored.address}`, 416, "bad-range", { headers: { range: `bytes=${content.length}-` } });
});

test("an unknown address is a problem document, quickly", async () => {
  for (const digits of [64, 128]) await assertProblem(`/v1/objects/${randomBytes(digits / 2).toString("hex")}`, 404, "not-found");
  await assertProblem(`/v1/chunks/${randomBytes(32).toString("hex")}`, 404, "not-found");
});

test("maps that are none, are cut short, or lie", async () => {
  const garbage = await putChunk(randomBytes(500));
  await assertProblem(`/v1/objects/${garbage}`, 403, "key-needed");
  await assertProblem(`/v1/objects/${garbage}${"0".repeat(64)}`, 403, "wrong-key");
  await assertProblem(`/v1/objects/${stored.address.slice(0, 64)}`, 403, "key-needed");
  const cutSalt = encodeRoot({ content: { kind: "inline", content: randomBytes(10) }, salt: randomBytes(32) }).slice(0, 20);
  const cutMap = new Uint8Array(40);
  cutMap[0] = 1;
  cutMap[1] = 3;
  for (const root of [cutSalt, cutMap]) {
    await assertProblem(`/v1/objects/${await putChunk(root)}`, 502, "damaged");
    const { key, sealed } = sealRoot(root);
    await assertProblem(`/v1/objects/${await putChunk(sealed)}${toHex(key)}`, 502, "damaged");
  }
});

test("more than the farm has room for is refused before any byte is sent", async () => {
  const url = new URL(farm.gateway(0));
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  socket.write(`POST /v1/objects HTTP/1.1\r\nhost: ${url.host}\r\ncontent-length: ${2 ** 33}\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 507 /);
  socket.destroy();
  await assertProblem(`/v1/objects?dry-run&bytes=${2 ** 33}`, 507, "farm-full", { method: "POST" });
});

test("an upload cut half way leaves nothing open, and the same bytes sent again are stored", async () => {
  const next = noise(20 * mib, 12);
  const url = new URL(farm.gateway(0));
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  socket.write(`POST /v1/objects HTTP/1.1\r\nhost: ${url.host}\r\ncontent-length: ${next.length}\r\n\r\n`);
  await new Promise<void>((resolve) => socket.write(next.subarray(0, 14 * mib), () => resolve()));
  const under = async (): Promise<string | undefined> =>
    /^vaultfarm_gateway_uploads (\d+)$/m.exec(await (await fetch(`${farm.gateway(0)}/metrics`)).text())?.[1];
  await until("the upload is under way", async () => (await under()) === "1");
  socket.destroy();
  await until("the upload has ended", async () => (await under()) === "0");
  const again = await store(farm.gateway(0), next);
  await assertReads(farm.gateway(1), again.address, next);
});

test("a gateway that starts before the nodes is not ready, and becomes so when they come", async () => {
  await farm.stop();
  early = await startGateway({
    VAULTFARM_DATA_DIR: folder,
    VAULTFARM_GENESIS_FILE: join(farm.data, "network", "genesis"),
    VAULTFARM_NETWORK_KEY_FILE: join(farm.data, "network", "network.key"),
    VAULTFARM_PEERS_FILE: join(farm.data, "peers", `${farm.view.gateways[0]?.name ?? "gateway-0"}.json`),
  });
  const { url } = early;
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  const answer = await fetch(`${url}/v1/objects/${stored.address}`, { signal: AbortSignal.timeout(quicklyMs) });
  assert.equal(((await answer.json()) as { code: string }).code, "not-ready");
  farm = await startFarm({ nodes: 6, vaultCapacity: "64Mi", folder: farm.folder });
  await until("it is ready", async () => (await fetch(`${url}/readyz`)).status === 200);
  await assertReads(url, stored.address, content);
});
