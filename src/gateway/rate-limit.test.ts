// Proves of requests a minute that gateways which count together refuse by their sum, and each by its own count while that cannot be had, in which all
// requests are; that a minute later all begin anew; and that IPv6 neighbours are one. Method: injected requests, shared counters by hand, a clock that is set.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createAppFixture } from "./app-fixture.ts";
import type { SharedCounters } from "./shared-counters.ts";

const minuteMs = 60_000;

/** A gateway that takes three requests a minute, and others that count with it. */
async function scene() {
  const clock = createVirtualClock();
  const counts = new Map<string, number>();
  let isThere = true;
  const shared: SharedCounters = {
    hit: async (name, windowMs) => {
      if (!isThere) return undefined;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return { count: counts.get(name) ?? 0, leftMs: windowMs };
    },
    addStored: async () => undefined,
  };
  const app = await createAppFixture({ requestsPerMinute: 3 }, { clock, shared });
  const ask = async (remoteAddress = "10.0.0.1"): Promise<number> => (await app.http.inject({ url: "/healthz", remoteAddress })).statusCode;
  const setThere = (value: boolean): void => {
    isThere = value;
  };
  return { clock, counts, ask, setThere };
}

test("what came through other gateways counts, and nobody's requests count for somebody else", async () => {
  const { counts, ask } = await scene();
  assert.equal(await ask(), 200);
  const [name = assert.fail()] = counts.keys();
  counts.set(name, 3);
  assert.equal(await ask(), 429);
  assert.equal(await ask("10.0.0.2"), 200);
});

test("while the others cannot be asked a gateway refuses by what it saw itself, before and since, and a minute later begins anew", async () => {
  const { clock, counts, ask, setThere } = await scene();
  assert.deepEqual([await ask(), await ask()], [200, 200]);
  setThere(false);
  assert.deepEqual([await ask(), await ask()], [200, 429]);
  await clock.advance(minuteMs - 1);
  assert.equal(await ask(), 429);
  await clock.advance(1);
  assert.deepEqual([await ask(), await ask(), await ask(), await ask()], [200, 200, 200, 429]);
  setThere(true);
  assert.equal(await ask(), 200, "the sum of all decides again");
  assert.deepEqual([...counts.values()], [3]);
});

test("who has a whole network of IPv6 addresses is one; loopback is never counted", async () => {
  const { ask } = await scene();
  for (const last of ["1", "2", "3"]) assert.equal(await ask(`2001:db8::${last}`), 200);
  assert.equal(await ask("2001:db8::abcd"), 429);
  assert.equal(await ask("2001:db8:0:1::1"), 200);
  for (let times = 0; times < 5; times += 1) for (const own of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) assert.equal(await ask(own), 200);
});
