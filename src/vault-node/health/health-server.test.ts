// Proves what the health port answers, that it changes nothing, and that its status is what readers expect.
// Method: the handler behind a real server on a free port.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { type NodeStatus, nodeStatus } from "../../protocol/node-status.ts";
import type { HttpServer } from "../../runtime/http-server.ts";
import { silentLog } from "../../runtime/log.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { createHealthServer } from "./health-server.ts";

const held = [1, 2, 3].map((byte) => chunkAddress(Uint8Array.of(byte))).sort();
const status: NodeStatus = {
  peerId: "12D3",
  networkId: "00",
  version: "0.1.0",
  startCounter: 1,
  state: "joining",
  admin: "active",
  joined: false,
  granted: false,
  addresses: [{ ip: "127.0.0.1", libp2p: 1, lane: 2, heartbeat: 0 }],
  zone: "a",
  host: "",
  vaults: [{ name: "aa", publicKey: "bb", state: "joining", capacity: 10, used: 0, chunks: 0 }],
  disk: { live: 0, dead: 0, overhead: 0, free: 5, total: 10 },
  store: { mode: "read-only", why: "the disk is full" },
  ports: { health: 3, admin: 4 },
};

let server: HttpServer;
let why: string | undefined = "no other node yet";
before(async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  registry.counter({ name: "seen_total", help: "Seen", labels: [] }).add({});
  const parts = {
    store: { addresses: () => held },
    registry,
    status: () => Promise.resolve(status),
    suspicions: () => ({ nodes: [] }),
    notReady: () => why,
  };
  server = createHealthServer(parts, { ip: "127.0.0.1", port: 0 }, silentLog);
  await server.start();
});
after(() => server.stop());
const get = (path: string, method = "GET"): Promise<Response> => fetch(`http://127.0.0.1:${server.port()}${path}`, { method });

test("alive at once, ready when it is", async () => {
  assert.equal((await get("/healthz")).status, 200);
  const notReady = await get("/readyz");
  assert.equal(notReady.status, 503);
  assert.deepEqual(await notReady.json(), { status: 503, code: "not-ready", detail: "no other node yet" });
  why = undefined;
  assert.equal((await get("/readyz")).status, 200);
});

test("status is what its schema says, metrics are text, the inventory comes in pages", async () => {
  assert.deepEqual(nodeStatus.parse(await (await get("/v1/status")).json()), status);
  assert.match(await (await get("/metrics")).text(), /^seen_total 1$/m);
  assert.deepEqual(await (await get("/v1/inventory?limit=2")).json(), { addresses: held.slice(0, 2), next: held[1] });
  assert.deepEqual(await (await get(`/v1/inventory?after=${held[1]}`)).json(), { addresses: held.slice(2), next: null });
  assert.equal((await get("/v1/inventory?vault=x")).status, 400);
});

test("nothing but reading, and nothing else", async () => {
  for (const method of ["PUT", "POST", "DELETE"]) assert.equal((await get("/v1/desired", method)).status, 405);
  assert.equal((await get("/v1/desired")).status, 404);
  assert.equal((await get("/toString")).status, 404);
});
