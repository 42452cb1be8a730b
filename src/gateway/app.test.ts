// Proves the HTTP face against a farm in memory: what is stored comes back, every header means what it says, and every
// bad input gets its problem document. Requests are injected, without sockets.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { ClientError } from "../client/errors.ts";
import { chunkAddress } from "../protocol/address.ts";
import { type AppFixture, createAppFixture } from "./app-fixture.ts";
import { createByteCache } from "./chunk-cache.ts";
import { createMemoryFarm } from "./memory-farm-client.ts";

const mib = 1024 * 1024;

async function put(app: AppFixture, content: Buffer, query = ""): Promise<{ address: string; bytes: number; chunks: number }> {
  const answer = await app.http.inject({ method: "POST", url: `/v1/objects${query}`, payload: content });
  assert.equal(answer.statusCode, 201, answer.body);
  return answer.json();
}

function assertProblem(answer: LightMyRequestResponse, status: number, code: string): void {
  assert.equal(answer.statusCode, status, answer.body);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  const problem = answer.json() as Record<string, unknown>;
  assert.equal(problem["code"], code);
  assert.equal(problem["status"], status);
  assert.ok(
    typeof problem["title"] === "string" && typeof problem["detail"] === "string" && problem["type"] === `urn:vaultfarm:problem:${code}`,
  );
  assert.equal(answer.headers["cache-control"], "no-store");
}

test("an object comes back as it was stored", async () => {
  const app = await createAppFixture();
  const content = randomBytes(5 * mib + 7);
  const answer = await app.http.inject({ method: "POST", url: "/v1/objects", payload: content });
  assert.equal(answer.statusCode, 201);
  const body = answer.json() as { address: string };
  assert.match(body.address, /^[0-9a-f]{128}$/);
  assert.deepEqual(body, { address: body.address, bytes: content.length, chunks: 3, copies: { min: 5, max: 5 } });
  assert.equal(answer.headers.location, `/v1/objects/${body.address}`);
  const back = await app.http.inject({ url: `/v1/objects/${body.address}` });
  assert.equal(back.statusCode, 200);
  assert.ok(back.rawPayload.equals(content));
  assert.equal(back.headers.etag, `"${body.address.slice(0, 64)}"`);
  assert.equal(back.headers["referrer-policy"], "no-referrer");
  assert.equal(back.headers["x-content-type-options"], "nosniff");
  assert.equal(back.headers["content-disposition"], "attachment");
  assert.match(String(back.headers["content-security-policy"]), /^sandbox/);
  assert.equal(back.headers["access-control-allow-origin"], "*");
});

test("a small object out of the cache has the same head and bytes as the first time, for each type; errors carry the safe headers", async () => {
  const app = await createAppFixture();
  const content = randomBytes(70_000);
  const { address } = await put(app, content);
  for (const query of ["", "?type=text/plain", "?type=image/png"]) {
    const url = `/v1/objects/${address}${query}`;
    // A range goes the long way, whether the object is known or not.
    const longWay = await app.http.inject({ url, headers: { range: "bytes=0-" } });
    const known = await app.http.inject({ url });
    assert.equal(known.statusCode, 200);
    assert.ok(known.rawPayload.equals(content) && longWay.rawPayload.equals(content));
    const { "content-range": _range, date: _then, ...rest } = longWay.headers;
    const { date: _now, ...head } = known.headers;
    assert.deepEqual(head, rest);
  }
  assert.equal(app.farm.reads(), 1);
  const metrics = (await app.http.inject({ url: "/metrics" })).body;
  assert.match(metrics, /^vaultfarm_gateway_requests_total\{route="\/v1\/objects\/:address",method="GET",status="2xx"\} 6$/m);
  assert.match(metrics, /^vaultfarm_gateway_request_seconds_count\{route="\/v1\/objects\/:address"\} 6$/m);
  assert.match(metrics, /^vaultfarm_gateway_cache_reads_total\{cache="objects",result="hit"\} 5$/m);
  for (const url of [`/v1/objects/${address}?type=text/html`, "/v1/nothing"]) {
    const refused = await app.http.inject({ url });
    assert.equal(refused.headers["x-content-type-options"], "nosniff");
    assert.equal(refused.headers["access-control-allow-origin"], "*");
    assert.match(String(refused.headers["content-security-policy"]), /^default-src 'none'/);
  }
  const foreign = await app.http.inject({ url: "/", headers: { host: "farm.example.org" } });
  assert.deepEqual([foreign.statusCode, foreign.headers["referrer-policy"]], [421, "no-referrer"]);
});

test("a public object has 64 digits and opens without a key; a private one does not", async () => {
  const app = await createAppFixture();
  const open = await put(app, Buffer.from("for everybody"), "?public");
  assert.match(open.address, /^[0-9a-f]{64}$/);
  assert.equal((await app.http.inject({ url: `/v1/objects/${open.address}` })).body, "for everybody");
  const secret = await put(app, Buffer.from("for me"));
  assertProblem(await app.http.inject({ url: `/v1/objects/${secret.address.slice(0, 64)}` }), 403, "key-needed");
  const otherKey = secret.address.slice(0, 64) + "0".repeat(64);
  assertProblem(await app.http.inject({ url: `/v1/objects/${otherKey}` }), 403, "wrong-key");
});

test("ranges, validators and HEAD", async () => {
  const app = await createAppFixture();
  const content = randomBytes(3 * mib);
  const { address } = await put(app, content);
  const url = `/v1/objects/${address}`;
  const etag = `"${address.slice(0, 64)}"`;
  const part = await app.http.inject({ url, headers: { range: "bytes=2097000-2097999" } });
  assert.equal(part.statusCode, 206);
  assert.equal(part.headers["content-range"], `bytes 2097000-2097999/${content.length}`);
  assert.ok(part.rawPayload.equals(content.subarray(2_097_000, 2_098_000)));
  const tail = await app.http.inject({ url, headers: { range: "bytes=-10" } });
  assert.ok(tail.rawPayload.equals(content.subarray(-10)));
  const outside = await app.http.inject({ url, headers: { range: `bytes=${content.length}-` } });
  assertProblem(outside, 416, "bad-range");
  assert.equal(outside.headers["content-range"], `bytes */${content.length}`);
  assert.equal((await app.http.inject({ url, headers: { range: "bytes=0-1", "if-range": '"other"' } })).statusCode, 200);
  assert.equal((await app.http.inject({ url, headers: { range: "bytes=0-1", "if-range": etag } })).statusCode, 206);
  assert.equal((await app.http.inject({ url, headers: { range: "lines=0-1" } })).statusCode, 200);
  const unchanged = await app.http.inject({ url, headers: { "if-none-match": `"x", W/${etag}` } });
  assert.equal(unchanged.statusCode, 304);
  assert.equal(unchanged.body, "");
  const head = await app.http.inject({ method: "HEAD", url });
  assert.equal(head.headers["content-length"], String(content.length));
  assert.equal(head.body, "");
});

test("If-None-Match: who names the tag, in whichever place and strength, is sent nothing and costs no read; others get everything", async () => {
  const app = await createAppFixture();
  const content = randomBytes(70_000);
  const { address } = await put(app, content);
  const chunk = randomBytes(1000);
  const chunkUrl = `/v1/chunks/${chunkAddress(chunk)}`;
  await app.http.inject({ method: "PUT", url: chunkUrl, payload: chunk });
  for (const [url, etag, bytes] of [
    [`/v1/objects/${address}`, `"${address.slice(0, 64)}"`, content],
    [chunkUrl, `"${chunkAddress(chunk)}"`, chunk],
  ] as const) {
    const ask = (tags: string, method: "GET" | "HEAD" = "GET"): Promise<LightMyRequestResponse> =>
      app.http.inject({ method, url, headers: { "if-none-match": tags } });
    const reads = app.farm.reads();
    for (const tags of [etag, `W/${etag}`, `"x",${etag}`, `"x" , W/${etag} , "y"`]) {
      const same = await ask(tags);
      assert.deepEqual([same.statusCode, same.body, same.headers.etag], [304, "", etag], `${url} ${tags}`);
    }
    assert.equal(app.farm.reads(), reads);
    for (const tags of ["*", '"x"', etag.slice(1, -1), etag.replaceAll('"', "'"), ""]) {
      const other = await ask(tags);
      assert.ok(other.statusCode === 200 && other.rawPayload.equals(bytes), `${url} ${tags}`);
    }
  }
});

test("a range of an object that is known answers as the first time: status, head and bytes, also one that is outside", async () => {
  const app = await createAppFixture();
  const content = randomBytes(70_000);
  const { address } = await put(app, content);
  const url = `/v1/objects/${address}`;
  const ranges = [
    "bytes=10-19",
    "bytes=-1",
    "bytes=69999-",
    `bytes=0-${"9".repeat(30)}`,
    `bytes=${"9".repeat(30)}-`,
    "bytes=70000-",
    "bytes=5-4",
  ];
  const first = await Promise.all(ranges.map((range) => app.http.inject({ url, headers: { range } })));
  assert.deepEqual(
    first.map(({ statusCode }) => statusCode),
    [206, 206, 206, 206, 416, 416, 200],
  );
  assert.ok(first[0]?.rawPayload.equals(content.subarray(10, 20)) && first[1]?.rawPayload.equals(content.subarray(-1)));
  for (const [i, range] of ranges.entries()) {
    const again = await app.http.inject({ url, headers: { range } });
    assert.deepEqual(
      [again.statusCode, again.headers["content-range"], again.headers["content-length"], again.body],
      [first[i]?.statusCode, first[i]?.headers["content-range"], first[i]?.headers["content-length"], first[i]?.body],
      range,
    );
  }
});

test("types come from a list; what a browser could run does not", async () => {
  const app = await createAppFixture();
  const { address } = await put(app, Buffer.from("<script>alert(1)</script>"));
  const text = await app.http.inject({ url: `/v1/objects/${address}?type=text/plain` });
  assert.equal(text.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(text.headers["content-disposition"], "inline");
  for (const type of ["text/html", "image/svg%2Bxml", "text/javascript", ""])
    assertProblem(await app.http.inject({ url: `/v1/objects/${address}?type=${type}` }), 400, "bad-type");
});

test("an empty body, a body over the limit, a body in a form", async () => {
  const app = await createAppFixture({ objectSizeMax: 1000 });
  const post = (payload: Buffer | string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
    app.http.inject({ method: "POST", url: "/v1/objects", payload, headers });
  assertProblem(await post(""), 400, "empty");
  assertProblem(await app.http.inject({ method: "POST", url: "/v1/objects" }), 400, "empty");
  assertProblem(await post(randomBytes(1001)), 413, "too-large");
  assertProblem(await post("x", { "content-type": "multipart/form-data; boundary=x" }), 415, "unsupported-body");
  assertProblem(await post("x", { "content-encoding": "gzip" }), 415, "unsupported-body");
  assertProblem(await post("x", { "content-type": "not a type" }), 415, "unsupported-body");
  assert.equal((await post(randomBytes(1000))).statusCode, 201);
});

test("unknown and malformed addresses", async () => {
  const app = await createAppFixture();
  assertProblem(await app.http.inject({ url: `/v1/objects/${"0".repeat(128)}` }), 404, "not-found");
  assert.equal((await app.http.inject({ method: "HEAD", url: `/v1/chunks/${"0".repeat(64)}` })).statusCode, 404);
  for (const address of ["0", "0".repeat(127), "A".repeat(64), "0".repeat(200), "..%2f..%2fetc"])
    assertProblem(await app.http.inject({ url: `/v1/objects/${address}` }), 400, "bad-address");
  assertProblem(await app.http.inject({ url: `/v1/chunks/${"0".repeat(128)}` }), 400, "bad-address");
  assertProblem(await app.http.inject({ url: "/v1/nothing" }), 404, "no-such-page");
  assertProblem(await app.http.inject({ url: "/v1/objects/%ff" }), 400, "bad-request");
});

test("a path asked for with a method it does not take names those it takes", async () => {
  const app = await createAppFixture();
  const cases = [
    ["DELETE", "/v1/objects", "POST"],
    ["GET", "/v1/objects", "POST"],
    ["PUT", `/v1/objects/${"0".repeat(64)}`, "GET, HEAD"],
    ["POST", `/v1/chunks/${"0".repeat(64)}`, "PUT, GET, HEAD"],
    ["POST", "/v1/network", "GET, HEAD"],
    ["PATCH", "/", "GET, HEAD"],
    ["DELETE", "/metrics", "GET"],
  ] as const;
  for (const [method, url, allow] of cases) {
    const answer = await app.http.inject({ method, url, ...(method === "GET" ? {} : { payload: "x" }) });
    assertProblem(answer, 405, "wrong-method");
    assert.equal(answer.headers.allow, allow, `${method} ${url}`);
  }
});

test("a query that cannot be read", async () => {
  const app = await createAppFixture();
  for (const query of [
    "dry-run&bytes=many",
    "dry-run&bytes=-1",
    "dry-run&bytes=1e99",
    "dry-run&bytes=1.5",
    "public=perhaps",
    "public&public",
  ])
    assertProblem(await app.http.inject({ method: "POST", url: `/v1/objects?${query}`, payload: "x" }), 400, "bad-request");
  const url = `/v1/objects/${"0".repeat(128)}`;
  assertProblem(await app.http.inject({ url: `${url}?type=text/plain&type=image/png` }), 400, "bad-request");
  assertProblem(await app.http.inject({ url: `${url}?type=%ff%fe` }), 400, "bad-type");
  assertProblem(await app.http.inject({ url: `${url}?type=${"x".repeat(10_000)}` }), 400, "bad-type");
});

test("chunks: stored under their hash only, at most 4 MiB, read back, counted", async () => {
  const chunkCache = createByteCache(mib);
  const app = await createAppFixture({}, { chunkCache });
  const chunk = randomBytes(1000);
  const address = chunkAddress(chunk);
  const url = `/v1/chunks/${address}`;
  const first = await app.http.inject({ method: "PUT", url, payload: chunk });
  assert.equal(first.statusCode, 201);
  assert.deepEqual(first.json(), { address, copies: 5 });
  assert.equal((await app.http.inject({ method: "PUT", url, payload: chunk })).statusCode, 200);
  const back = await app.http.inject({ url });
  assert.ok(back.rawPayload.equals(chunk));
  assert.equal(back.headers.etag, `"${address}"`);
  assert.equal(chunkCache.bytes(), 0, "what is kept, and from which reading on, is decided by the client, which has the same cache");
  chunkCache.put(address, chunk);
  assert.ok((await app.http.inject({ url })).rawPayload.equals(chunk));
  assert.equal(app.farm.reads(), 1, "the second read comes from the cache");
  const part = await app.http.inject({ url, headers: { range: "bytes=0-9" } });
  assert.deepEqual([part.statusCode, part.headers["accept-ranges"], part.rawPayload.length], [200, "none", 1000]);
  const head = await app.http.inject({ method: "HEAD", url });
  assert.equal(head.headers["content-length"], "1000");
  assert.equal(head.headers["vaultfarm-copies"], "5");
  assertProblem(await app.http.inject({ method: "PUT", url, payload: randomBytes(1000) }), 422, "wrong-hash");
  assertProblem(await app.http.inject({ method: "PUT", url, payload: Buffer.alloc(4 * mib + 1) }), 413, "too-large");
  assertProblem(await app.http.inject({ method: "PUT", url, payload: "" }), 400, "empty");
});

test("hosts: loopback and configured names; everything else is refused", async () => {
  const app = await createAppFixture({ domain: "farm.example", extraHosts: ["10.1.2.3", "::5"] });
  const ask = (host: string): Promise<LightMyRequestResponse> => app.http.inject({ url: "/healthz", headers: { host } });
  for (const host of [
    "localhost",
    "LOCALHOST:8080",
    "127.0.0.1:9",
    "127.9.9.9",
    "[::1]:80",
    "farm.example",
    "farm.example.:80",
    "10.1.2.3",
    "[::5]:1",
  ])
    assert.equal((await ask(host)).statusCode, 200, host);
  for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.1.2.4", "[::6]", "farm.example@evil", "a b"])
    assertProblem(await ask(host), 421, "foreign-host");
});

test("origins: strangers read, only known pages write, nothing becomes a service worker", async () => {
  const app = await createAppFixture({ corsWrites: ["https://friend.example"] });
  const post = (headers: Record<string, string>): Promise<LightMyRequestResponse> =>
    app.http.inject({ method: "POST", url: "/v1/objects", payload: "x", headers: { host: "localhost:8080", ...headers } });
  assert.equal((await post({ origin: "http://localhost:8080", "sec-fetch-site": "same-origin" })).statusCode, 201);
  assert.equal((await post({ origin: "https://friend.example", "sec-fetch-site": "cross-site" })).statusCode, 201);
  for (const origin of ["https://evil.example", "null", "http://localhost:8081", "http://evil.localhost:8080"])
    assertProblem(await post({ origin }), 403, "foreign-origin");
  assertProblem(await post({ "sec-fetch-site": "cross-site" }), 403, "foreign-origin");
  assertProblem(await app.http.inject({ url: "/", headers: { "service-worker": "script" } }), 403, "service-worker");
  const preflight = (origin: string): Promise<LightMyRequestResponse> =>
    app.http.inject({ method: "OPTIONS", url: "/v1/objects", headers: { origin, "access-control-request-method": "POST" } });
  assert.equal((await preflight("https://friend.example")).headers["access-control-allow-origin"], "https://friend.example");
  assert.equal((await preflight("https://evil.example")).headers["access-control-allow-origin"], undefined);
});

test("writes off, quotas, a full farm, too few nodes", async () => {
  const off = await createAppFixture({ writes: "off" });
  assertProblem(await off.http.inject({ method: "POST", url: "/v1/objects?dry-run&bytes=1" }), 403, "writes-off");
  assertProblem(await off.http.inject({ method: "POST", url: "/v1/objects", payload: "x" }), 403, "writes-off");
  const small = await createAppFixture({ quota: { perAddressPerDay: 1500, perDay: 2500, keepFree: 0 } });
  const from = (remoteAddress: string, bytes: number): Promise<LightMyRequestResponse> =>
    small.http.inject({ method: "POST", url: "/v1/objects", payload: randomBytes(bytes), remoteAddress });
  assert.equal((await from("10.0.0.1", 1000)).statusCode, 201);
  const refused = await from("10.0.0.1", 1000);
  assertProblem(refused, 429, "quota");
  assert.equal(refused.headers["retry-after"], "3600");
  assert.equal((await from("10.0.0.2", 1000)).statusCode, 201);
  assertProblem(await from("10.0.0.3", 1000), 429, "quota");
  const full = await createAppFixture({ quota: { keepFree: 0.9 } });
  const answer = await full.http.inject({ method: "POST", url: "/v1/objects?dry-run&bytes=9999999999" });
  assertProblem(answer, 507, "farm-full");
  for (const node of [0, 1, 2, 3, 4]) full.farm.setState(node, "gone");
  assertProblem(await full.http.inject({ method: "POST", url: "/v1/objects", payload: "x" }), 503, "not-ready");
  assertProblem(await full.http.inject({ url: "/readyz" }), 503, "not-ready");
  assert.equal((await full.http.inject({ url: "/healthz" })).statusCode, 200);
});

test("what too few vaults can say is to be asked for again, and no answer of it is kept", async () => {
  const silent = (): never => {
    throw new ClientError("not-ready", "too few of the vaults that may hold this chunk answer");
  };
  const client = {
    ...createMemoryFarm({ nodes: 8, vaultsPerNode: 1, vaultCapacity: 2 ** 20 }),
    openObject: silent,
    getChunk: silent,
    headChunk: silent,
  };
  const app = await createAppFixture({}, { client });
  const digits = randomBytes(32).toString("hex");
  for (const url of [`/v1/objects/${digits}`, `/v1/chunks/${digits}`])
    for (const method of ["GET", "HEAD"] as const) {
      const { statusCode, headers } = await app.http.inject({ method, url });
      assert.deepEqual([statusCode, headers["retry-after"], headers["cache-control"]], [503, "5", "no-store"], `${method} ${url}`);
    }
});

test("an upload of unknown length is refused where the farm's room ends, and costs no quota", async () => {
  // Of 12 GiB, for five copies: about 257,000 bytes.
  const app = await createAppFixture({ quota: { perDay: 400_000, keepFree: 0.9999 } });
  const chunked = async (bytes: number): Promise<LightMyRequestResponse> =>
    app.http.inject({
      method: "POST",
      url: "/v1/objects",
      headers: { "transfer-encoding": "chunked" },
      payload: Readable.from([randomBytes(bytes - 1000), randomBytes(1000)]),
    });
  const refused = await chunked(300_000);
  assertProblem(refused, 507, "farm-full");
  assert.match((refused.json() as { detail: string }).detail, /^there is room for 257\d{3} more bytes in 5 copies$/);
  assert.equal(app.farm.network().copies.lowest, null, "nothing of it is stored");
  assert.equal((await chunked(200_000)).statusCode, 201);
});

test("a dry run quotes and stores nothing", async () => {
  const app = await createAppFixture();
  const quote = await app.http.inject({ method: "POST", url: "/v1/objects?dry-run", payload: randomBytes(20_000) });
  assert.equal(quote.statusCode, 200);
  assert.deepEqual(quote.json(), { bytes: 20_000, chunks: 4, copies: { min: 4, target: 5, max: 8 }, storedBytes: 100_000 });
  assert.equal(app.farm.network().copies.lowest, null);
  assertProblem(await app.http.inject({ method: "POST", url: "/v1/objects?dry-run=maybe" }), 400, "bad-request");
});

test("requests a minute and address are limited, loopback is not counted", async () => {
  const app = await createAppFixture({ requestsPerMinute: 3 });
  const ask = (remoteAddress: string): Promise<LightMyRequestResponse> => app.http.inject({ url: "/healthz", remoteAddress });
  for (let i = 0; i < 3; i++) assert.equal((await ask("10.0.0.1")).statusCode, 200);
  const refused = await ask("10.0.0.1");
  assertProblem(refused, 429, "too-many-requests");
  assert.ok(refused.headers["retry-after"] !== undefined);
  for (let i = 0; i < 5; i++) assert.equal((await ask("127.0.0.1")).statusCode, 200);
});

test("the network in the agreed shape, the documents, the metrics without addresses", async () => {
  const app = await createAppFixture();
  const { address } = await put(app, randomBytes(100));
  await app.http.inject({ url: `/v1/objects/${address}` });
  const network = (await app.http.inject({ url: "/v1/network" })).json() as Record<string, unknown>;
  assert.deepEqual(Object.keys(network), ["networkId", "name", "nodes", "copies", "membership"]);
  const [node] = network["nodes"] as Record<string, unknown>[];
  assert.deepEqual(Object.keys(node ?? {}), ["peerId", "address", "zone", "state", "confirmed", "suspectedBy", "vaults"]);
  const [vault] = (node?.["vaults"] ?? []) as Record<string, unknown>[];
  assert.deepEqual(Object.keys(vault ?? {}), ["name", "state", "capacity", "used", "chunks", "score", "conduct", "standing", "age"]);
  const copies = network["copies"] as Record<string, unknown>;
  assert.deepEqual(Object.keys(copies), ["policy", "lowest", "belowMin", "belowTarget", "histogram", "reporting", "repair"]);
  assert.deepEqual(Object.keys(copies["repair"] as object), ["chunks", "bytesLeft", "etaMs", "waiting", "dueAtMs"]);
  const openapi = (await app.http.inject({ url: "/openapi.json" })).json() as { openapi: string; paths: Record<string, unknown> };
  assert.equal(openapi.openapi, "3.1.0");
  for (const path of [
    "/v1/objects",
    "/v1/objects/{address}",
    "/v1/chunks/{address}",
    "/v1/network",
    "/v1/events",
    "/v1/uploads/{id}/events",
  ])
    assert.ok(path in openapi.paths, path);
  assert.deepEqual(Object.keys(openapi.paths["/v1/chunks/{address}"] as object).toSorted(), ["get", "head", "put"]);
  const docs = await app.http.inject({ url: "/docs" });
  assert.ok([200, 302].includes(docs.statusCode));
  const page = await app.http.inject({ url: "/docs/" });
  assert.ok(!/https?:\/\//.test(page.body), "no external assets");
  const metrics = await app.http.inject({ url: "/metrics" });
  assert.match(metrics.body, /vaultfarm_gateway_requests_total\{route="\/v1\/objects\/:address",method="GET",status="2xx"\} 1/);
  assert.ok(!metrics.body.includes(address.slice(64)), "no key in the metrics");
});
