// Proves that no key leaves through the log, the metrics or the events, whatever goes right or wrong, and that forwarded
// headers count only where they come from a proxy that the settings name. Requests are injected.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import type { LightMyRequestResponse } from "fastify";
import type { Log } from "../runtime/log.ts";
import { type AppFixture, createAppFixture } from "./app-fixture.ts";

function recordingLog(lines: string[]): Log {
  const write = (sentence: string, fields?: object): void => void lines.push(`${sentence} ${inspect(fields, { depth: 10 })}`);
  const log: Log = { error: write, warn: write, info: write, debug: write, with: () => log };
  return log;
}

test("an object's key appears in no log line, no metric and no header of an answer", async () => {
  const lines: string[] = [];
  const app = await createAppFixture({}, { log: recordingLog(lines) });
  const stored = await app.http.inject({ method: "POST", url: "/v1/objects", payload: randomBytes(3_000_000) });
  const { address } = stored.json() as { address: string };
  const [root, key] = [address.slice(0, 64), address.slice(64)];
  const url = `/v1/objects/${address}`;
  const answers = [
    await app.http.inject({ url }),
    await app.http.inject({ method: "HEAD", url }),
    await app.http.inject({ url, headers: { range: "bytes=9999999-" } }),
    await app.http.inject({ url: `/v1/objects/${"0".repeat(64)}${key}` }),
    await app.http.inject({ url: `/v1/objects/${root}${"0".repeat(64)}` }),
    await app.http.inject({ url: `${url}0` }),
    await app.http.inject({ url: `${url}?type=${key}` }),
    await app.http.inject({ method: "DELETE", url }),
    await app.http.inject({ url: `/nowhere/${address}` }),
    await app.http.inject({ url, headers: { host: "evil.example" } }),
    await app.http.inject({ url: "/metrics" }),
    await app.http.inject({ url: "/v1/network" }),
  ];
  for (const { headers, body, statusCode } of answers) {
    assert.ok(!inspect(headers).includes(key), `a header of the ${statusCode}`);
    if (statusCode >= 400) assert.ok(!body.includes(key), body);
  }
  assert.ok(!answers.at(-2)?.body.includes(root.slice(0, 16)), "an address in the metrics");
  assert.ok(lines.length > 5, "refusals are logged");
  for (const line of lines) assert.ok(!line.includes(key), line);
});

test("who a request comes from: forwarded headers count only from trusted proxies", async () => {
  const quota = { perAddressPerDay: 1000, keepFree: 0 };
  const post = (app: AppFixture, client: string): Promise<LightMyRequestResponse> =>
    app.http.inject({
      method: "POST",
      url: "/v1/objects",
      payload: randomBytes(1000),
      remoteAddress: "10.0.0.1",
      headers: { "x-forwarded-for": client },
    });
  const trusting = await createAppFixture({ quota, trustedProxies: ["10.0.0.0/24"] });
  assert.equal((await post(trusting, "192.0.2.1")).statusCode, 201);
  assert.equal((await post(trusting, "192.0.2.2")).statusCode, 201);
  assert.equal((await post(trusting, "192.0.2.2")).statusCode, 429);
  const plain = await createAppFixture({ quota });
  assert.equal((await post(plain, "192.0.2.1")).statusCode, 201);
  assert.equal((await post(plain, "192.0.2.2")).statusCode, 429);
});
