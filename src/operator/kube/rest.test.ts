// Proves how one call behaves: what is tried again and after how long, what is not, its limits of time, size and number,
// its token, and its metrics. Method: a scripted transport and virtual time; the retry rules alone in a table.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { silentRestMetrics } from "../../../test/support/kube-silence.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { jitteredBackoffMs, retryDelayMs } from "./backoff.ts";
import { KubeError, type KubeErrorCode, type Result } from "./errors.ts";
import { createKubeMetrics } from "./metrics.ts";
import { createRest, type Rest, type RestLimits, type RestParts } from "./rest.ts";
import { type Transport, TransportError, type TransportRequest } from "./transport.ts";

type Reply = { readonly status: number; readonly body?: unknown; readonly retryAfter?: string } | TransportError | "hang";
type World = { readonly clock: VirtualClock; readonly rest: Rest; readonly requests: TransportRequest[] };

function world(replies: readonly Reply[], limits: RestLimits = {}, parts: Partial<RestParts> = {}): World {
  const clock = createVirtualClock();
  const requests: TransportRequest[] = [];
  const transport: Transport = {
    host: "api:6443",
    connections: () => 1,
    close: async () => {},
    send: async (request) => {
      requests.push(request);
      const reply = replies[Math.min(requests.length, replies.length) - 1] ?? "hang";
      if (reply instanceof TransportError) throw reply;
      if (reply === "hang")
        return new Promise((_resolve, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
      const bytes = Buffer.from(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? {}));
      return {
        status: reply.status,
        header: (name) => (name === "retry-after" ? reply.retryAfter : undefined),
        body: (async function* () {
          for (let at = 0; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5);
        })(),
      };
    },
  };
  const rest = createRest({ transport, clock, random: seededRandom(1), metrics: silentRestMetrics, userAgent: "test/1", ...parts }, limits);
  return { clock, rest, requests };
}

const codeOf = (result: Result<unknown>): KubeErrorCode | "none" => (result.ok ? "none" : result.error.code);
const status = (code: number, reason: string) => ({ kind: "Status", code, reason, message: `it is ${reason}` });
const reset = (sent: boolean) => new TransportError("broke", { sent });

test("a busy server, its errors and broken connections are tried again, within the tries allowed", async () => {
  const { clock, rest, requests } = world([
    { status: 429, retryAfter: "3" },
    { status: 503 },
    reset(true),
    { status: 200, body: { good: "ü" } },
  ]);
  const result = await clock.runUntil(rest.call({ method: "GET", path: "/x" }));
  assert.deepEqual(result, { ok: true, value: { good: "ü" } });
  assert.equal(requests.length, 4);
  assert.ok(clock.monotonicMs() >= 3000, "as long as the server asked");
  const hopeless = world([{ status: 500, body: status(500, "InternalError") }]);
  assert.equal(codeOf(await hopeless.clock.runUntil(hopeless.rest.call({ method: "GET", path: "/x" }))), "server");
  assert.equal(hopeless.requests.length, 5);
});

test("a create that the server may have seen is not repeated", async () => {
  for (const [reply, tries] of [
    [reset(true), 1],
    [{ status: 500 }, 1],
    [reset(false), 5],
    [{ status: 429 }, 5],
    [{ status: 503, retryAfter: "1" }, 5],
  ] as const) {
    const { clock, rest, requests } = world([reply]);
    await clock.runUntil(rest.call({ method: "POST", path: "/x", body: {} }));
    assert.equal(requests.length, tries);
  }
});

test("the table of what may be tried again", () => {
  const delay = (code: KubeErrorCode, more: Partial<Parameters<typeof retryDelayMs>[0]> = {}, retryAfterMs?: number) =>
    retryDelayMs(
      {
        error: new KubeError(code, "x", retryAfterMs === undefined ? {} : { retryAfterMs }),
        attempt: 1,
        attemptsMax: 5,
        idempotent: true,
        sent: true,
        ...more,
      },
      0,
    );
  for (const code of ["not-found", "conflict", "forbidden", "invalid", "gone", "too-large", "aborted", "already-exists"] as const) {
    assert.equal(delay(code), undefined, code);
  }
  for (const code of ["too-many-requests", "server", "timeout", "unreachable"] as const) assert.equal(delay(code), 100, code);
  assert.equal(delay("server", { attempt: 5 }), undefined);
  assert.equal(delay("too-many-requests", {}, 20_000), 20_000);
  assert.equal(delay("too-many-requests", {}, 31_000), undefined, "a long wait belongs into the caller's queue");
  assert.equal(jitteredBackoffMs(1, { minMs: 100, maxMs: 1000 }, 1), 100);
  assert.equal(jitteredBackoffMs(99, { minMs: 100, maxMs: 1000 }, 1), 1000);
});

test("an answer that does not come in time, is too large, or is no JSON is an error of its own", async () => {
  const slow = world(["hang"], { timeoutMs: 1000 });
  assert.equal(codeOf(await slow.clock.runUntil(slow.rest.call({ method: "GET", path: "/x", attempts: 1 }))), "timeout");
  assert.equal(slow.clock.monotonicMs(), 1000);
  const large = world([{ status: 200, body: "x".repeat(101) }], { answerBytesMax: 100 });
  assert.equal(codeOf(await large.clock.runUntil(large.rest.call({ method: "GET", path: "/x" }))), "too-large");
  const page = world([{ status: 200, body: "<html>" }]);
  assert.equal(codeOf(await page.clock.runUntil(page.rest.call({ method: "GET", path: "/x" }))), "bad-answer");
});

test("errors carry the server's sentence, the fields at fault and a next step, never the query", async () => {
  const causes = [{ field: "spec.size", reason: "FieldValueInvalid", message: "too big" }];
  const { clock, rest } = world([{ status: 422, body: { ...status(422, "Invalid"), details: { causes } } }]);
  const result = await clock.runUntil(rest.call({ method: "PUT", path: "/x?continue=secret", body: {} }));
  assert.ok(!result.ok);
  assert.equal(result.error.message, "PUT /x: it is Invalid");
  assert.deepEqual(result.error.causes, causes);
  assert.match(result.error.nextStep, /correct the fields/);
});

test("no more calls at once than allowed; the important first; the lease never waits; a caller who leaves, leaves", async () => {
  const { clock, rest, requests } = world(["hang"], { inFlightMax: 1, timeoutMs: 1000 });
  const leaving = new AbortController();
  const call = (path: string, priority: "low" | "normal" | "urgent", signal = new AbortController().signal) =>
    rest.call({ method: "GET", path, priority, attempts: 1, signal });
  const all = [call("/1", "low"), call("/2", "low"), call("/3", "low", leaving.signal), call("/4", "normal"), call("/lease", "urgent")];
  await clock.advance(0);
  assert.deepEqual(
    requests.map(({ path }) => path),
    ["/1", "/lease"],
  );
  leaving.abort();
  await clock.advance(5000);
  assert.deepEqual(
    requests.map(({ path }) => path),
    ["/1", "/lease", "/4", "/2"],
  );
  assert.deepEqual((await Promise.all(all)).map(codeOf), ["timeout", "timeout", "aborted", "timeout", "timeout"]);
});

test("a token that was refused is read anew, once", async () => {
  const asked: boolean[] = [];
  const token = async (fresh: boolean) => {
    asked.push(fresh);
    return fresh ? "new" : "old";
  };
  const { clock, rest, requests } = world([{ status: 401 }, { status: 200 }], {}, { token });
  assert.equal(codeOf(await clock.runUntil(rest.call({ method: "GET", path: "/x" }))), "none");
  assert.deepEqual(
    requests.map(({ headers }) => headers["authorization"]),
    ["Bearer old", "Bearer new"],
  );
  const refused = world([{ status: 401 }], {}, { token });
  assert.equal(codeOf(await refused.clock.runUntil(refused.rest.call({ method: "GET", path: "/x" }))), "unauthorized");
  assert.equal(refused.requests.length, 2);
});

test("requests are counted under client-go's names", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  const { clock, rest } = world(
    [{ status: 503 }, reset(true), { status: 200 }],
    {},
    { metrics: createKubeMetrics(registry).rest("api:6443") },
  );
  await clock.runUntil(rest.call({ method: "PATCH", path: "/x", body: { a: 1 } }));
  const text = (await registry.text()).split("\n");
  for (const line of [
    'rest_client_requests_total{code="503",method="PATCH",host="api:6443"} 1',
    'rest_client_requests_total{code="<error>",method="PATCH",host="api:6443"} 1',
    'rest_client_requests_total{code="200",method="PATCH",host="api:6443"} 1',
    'rest_client_request_retries_total{code="503",verb="PATCH",host="api:6443"} 1',
    'rest_client_request_size_bytes_bucket{le="64",verb="PATCH",host="api:6443"} 3',
  ]) {
    assert.ok(text.includes(line), `${line}\nin\n${text.join("\n")}`);
  }
});
