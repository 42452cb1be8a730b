// Proves that quotas, sizes and room hold whichever way bytes come in, as an object, as a chunk, declared or not, or only asked about; and that what a
// refused write took is given back, but for what may lie on vaults. Requests are injected, over a farm in memory.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { ClientError } from "../client/errors.ts";
import { chunkAddress } from "../protocol/address.ts";
import { type AppFixture, createAppFixture } from "./app-fixture.ts";
import type { GatewayConfig } from "./config.ts";
import { createMemoryFarm, type MemoryFarm } from "./memory-farm-client.ts";

const quota = { perAddressPerDay: 1500, keepFree: 0 };
const mib = 1024 * 1024;

type Way = "declared" | "chunked";

/** Status and code of an answer, such as "429 quota", or "201". */
async function put(app: AppFixture, content: Buffer, way: Way, address = chunkAddress(content)): Promise<string> {
  return send(app, { method: "PUT", url: `/v1/chunks/${address}` }, content, way);
}
async function post(app: AppFixture, content: Buffer, way: Way, query = ""): Promise<string> {
  return send(app, { method: "POST", url: `/v1/objects${query}` }, content, way);
}
async function send(app: AppFixture, request: { method: "PUT" | "POST"; url: string }, content: Buffer, way: Way): Promise<string> {
  const body =
    way === "declared" ? { payload: content } : { headers: { "transfer-encoding": "chunked" }, payload: Readable.from([content]) };
  const answer = await app.http.inject({ ...request, ...body });
  const { code } = answer.statusCode < 400 ? { code: "" } : (answer.json() as { code: string });
  return `${answer.statusCode} ${code}`.trim();
}

/** A gateway whose farm fails so where something is put. */
async function failing(error: ClientError, settings: Partial<GatewayConfig>): Promise<AppFixture & { heal(): void }> {
  const farm = createMemoryFarm({ nodes: 8, vaultsPerNode: 3, vaultCapacity: 512 * mib });
  let isHealed = false;
  const client: MemoryFarm = {
    ...farm,
    putChunk: (...asked) => (isHealed ? farm.putChunk(...asked) : Promise.reject(error)),
    putObject: async (source, options) => {
      if (isHealed) return farm.putObject(source, options);
      for await (const piece of source) options?.onPlaced?.(piece.length);
      throw error;
    },
  };
  const app = await createAppFixture(settings, { client });
  const heal = (): void => {
    isHealed = true;
  };
  return { ...app, heal };
}

for (const way of ["declared", "chunked"] as const) {
  test(`chunks take from the quota of the day, ${way} or not, and one that is refused for what it is takes nothing`, async () => {
    const app = await createAppFixture({ quota });
    assert.equal(await put(app, randomBytes(1000), way, chunkAddress(randomBytes(5))), "422 wrong-hash");
    assert.equal(await put(app, randomBytes(1400), way), "201", "the wrong one gave back what it took");
    assert.equal(await put(app, randomBytes(200), way), "429 quota");
    assert.equal(await put(app, randomBytes(100), way), "201");
    assert.equal(await post(app, randomBytes(1), way), "429 quota", "objects and chunks count together");
  });

  test(`a chunk, ${way}, that may lie on some vaults though its put failed is not given back`, async () => {
    const app = await failing(new ClientError("insufficient-copies", "insufficient copies (3 of 4)"), { quota });
    assert.equal(await put(app, randomBytes(1000), way), "503 insufficient-copies");
    app.heal();
    assert.equal(await put(app, randomBytes(501), way), "429 quota");
    assert.equal(await put(app, randomBytes(500), way), "201");
  });

  test(`nor is an object, ${way}, as far as it was placed`, async () => {
    const app = await failing(new ClientError("insufficient-copies", "insufficient copies (3 of 4)"), { quota });
    assert.equal(await post(app, randomBytes(1000), way), "503 insufficient-copies");
    app.heal();
    assert.equal(await post(app, randomBytes(501), way), "429 quota");
    assert.equal(await post(app, randomBytes(500), way), "201");
  });

  test(`a chunk or an object over its limit is refused, ${way}, and takes nothing from the quota`, async () => {
    const app = await createAppFixture({ objectSizeMax: 1000, quota: { perDay: 6 * mib, keepFree: 0 } });
    assert.equal(await put(app, randomBytes(4 * mib + 1), way), "413 too-large");
    assert.equal(await post(app, randomBytes(1001), way), "413 too-large");
    assert.equal(await post(app, randomBytes(1000), way), "201");
    assert.equal(await put(app, randomBytes(4 * mib), way), "201");
    assert.equal(await put(app, randomBytes(2 * mib), way), "429 quota");
  });

  test(`a dry run, ${way}, refuses what storing would, and takes nothing`, async () => {
    const app = await createAppFixture({ objectSizeMax: 2000, quota });
    assert.equal(await post(app, randomBytes(2001), way, "?dry-run"), "413 too-large");
    assert.equal(await post(app, randomBytes(1501), way, "?dry-run"), "429 quota");
    for (const _ of [1, 2, 3]) assert.equal(await post(app, randomBytes(1000), way, "?dry-run"), "200");
    assert.equal(await post(app, randomBytes(1500), way), "201", "nothing was taken");
    const full = await createAppFixture({ quota: { keepFree: 0.99999 } });
    assert.equal(await post(full, randomBytes(100_000), way, "?dry-run"), "507 farm-full");
  });
}

test("a size that is only asked about is judged as bytes would be", async () => {
  const app = await createAppFixture({ objectSizeMax: 2000, quota });
  for (const [bytes, answer] of [
    ["0", "400 empty"],
    ["1500", "200"],
    ["1501", "429 quota"],
    ["2001", "413 too-large"],
    ["-1", "400 bad-request"],
    ["1.5", "400 bad-request"],
    ["9007199254740993", "400 bad-request"],
    ["x", "400 bad-request"],
  ] as const)
    assert.equal(await post(app, Buffer.alloc(0), "declared", `?dry-run&bytes=${bytes}`), answer, bytes);
});

test("public is what says so: false and 0 keep an object private, other words are refused", async () => {
  const app = await createAppFixture();
  for (const [query, digits] of [
    ["public", 64],
    ["public=true", 64],
    ["public=1", 64],
    ["public=false", 128],
    ["public=0", 128],
    ["", 128],
  ] as const) {
    const answer = await app.http.inject({ method: "POST", url: `/v1/objects?${query}`, payload: randomBytes(10) });
    assert.equal((answer.json() as { address: string }).address.length, digits, query);
  }
  assert.equal(await post(app, randomBytes(10), "declared", "?public=no"), "400 bad-request");
});

test("a body in a form, or encoded, is refused before a byte of it counts; an upload id that can be guessed is none", async () => {
  const app = await createAppFixture({ quota });
  for (const [headers, code] of [
    [{ "content-type": "multipart/form-data; boundary=x" }, "unsupported-body"],
    [{ "content-type": "Multipart/Form-Data; boundary=x" }, "unsupported-body"],
    [{ "content-encoding": "gzip" }, "unsupported-body"],
    [{ "upload-id": "short" }, "bad-upload-id"],
    [{ "upload-id": "x".repeat(65) }, "bad-upload-id"],
    [{ "upload-id": "with spaces" }, "bad-upload-id"],
  ] as const) {
    const answer = await app.http.inject({ method: "POST", url: "/v1/objects", headers, payload: randomBytes(1500) });
    assert.equal((answer.json() as { code: string }).code, code, JSON.stringify(headers));
  }
  const bad = await app.http.inject({ url: "/v1/uploads/short/events" });
  assert.deepEqual([bad.statusCode, (bad.json() as { code: string }).code], [400, "bad-upload-id"]);
  assert.equal(await post(app, randomBytes(1500), "declared"), "201", "none of them took from the quota");
});
