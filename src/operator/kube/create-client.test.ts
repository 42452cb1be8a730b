// Proves that a client holds its limits: watches that are open at once, and bytes of a text. Method: a server that only streams.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { KubeClient } from "./client.ts";
import { createKubeClient } from "./create-client.ts";
import { KubeError } from "./errors.ts";
import { watchesMax } from "./limits.ts";
import { defineResource } from "./resource.ts";
import type { ByteStream, Rest } from "./rest.ts";

const pods = defineResource({ apiVersion: "v1", kind: "Pod", plural: "pods", namespaced: true });
const query = { resourceVersion: "1", timeoutSeconds: 300 };

function clientOf(body: (signal: AbortSignal) => ByteStream["body"] | KubeError): KubeClient {
  const rest: Rest = {
    call: () => assert.fail("nothing is called"),
    stream: async (_path, signal) => {
      const streamed = body(signal);
      return streamed instanceof KubeError ? { ok: false, error: streamed } : { ok: true, value: { body: streamed } };
    },
  };
  return createKubeClient({ rest, clock: createVirtualClock(), fieldManager: "test", close: async () => {} });
}

async function* silence(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  yield new Uint8Array(0);
}

async function toItsEnd(events: AsyncIterable<unknown>): Promise<number> {
  let seen = 0;
  for await (const event of events) if (event !== undefined) seen += 1;
  return seen;
}

test("no more watches are open than a connection bears; each that ends, and each that never began, leaves its place", async () => {
  const refusals: KubeError[] = Array.from({ length: 3 }, () => new KubeError("gone", "too old"));
  const client = clientOf((signal) => refusals.pop() ?? silence(signal));
  for (let tries = 0; tries < 3; tries += 1) assert.equal((await client.watch(pods, query)).ok, false);
  const ends: AbortController[] = [];
  const over: Promise<unknown>[] = [];
  const open = async (): Promise<boolean> => {
    const end = new AbortController();
    const watched = await client.watch(pods, { ...query, signal: end.signal });
    if (!watched.ok) return watched.error.code !== "overloaded";
    ends.push(end);
    over.push(toItsEnd(watched.value));
    return true;
  };
  for (let count = 0; count < watchesMax; count += 1) assert.ok(await open(), `watch ${count}`);
  assert.equal(await open(), false);
  ends[7]?.abort(new KubeError("aborted", "it is over"));
  await over[7];
  assert.deepEqual([await open(), await open()], [true, false]);
  for (const end of ends) end.abort(new KubeError("aborted", "it is over"));
  await Promise.all(over);
});

test("a text is read to its limit and not beyond, however much more would come", async () => {
  let sent = 0;
  let ended = false;
  const client = clientOf(async function* (signal) {
    signal.addEventListener("abort", () => {
      ended = true;
    });
    while (sent < 1000) {
      sent += 10;
      yield new TextEncoder().encode("0123456789");
    }
  });
  const read = await client.readText("/api/v1/namespaces/x/pods/y/log", { bytesMax: 95 });
  assert.deepEqual([read.ok ? "" : read.error.code, sent, ended], ["too-large", 100, true]);
  const small = clientOf(async function* () {
    yield new TextEncoder().encode("0123456789");
  });
  assert.deepEqual(await small.readText("/x", { bytesMax: 10 }), { ok: true, value: "0123456789" });
});
