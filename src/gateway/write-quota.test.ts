// Proves that gateways which count together never let through more than a quota, that what was not stored is given back to
// the last byte whatever happened meanwhile, and that each counts alone while the others cannot be asked. By properties over
// two books with counters in memory that answer late, or not at all.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { GatewayError } from "./errors.ts";
import { quotaAheadBytes } from "./limits.ts";
import type { SharedCounters } from "./shared-counters.ts";
import { addressGroup, createQuotaBook, type QuotaBook, type QuotaShare } from "./write-quota.ts";

const dayMs = 86_400_000;

type Counted = SharedCounters & { readonly sums: Map<string, number>; isAway: boolean };

function countersInMemory(): Counted {
  const sums = new Map<string, number>();
  const add = (key: string, bytes: number): number => {
    sums.set(key, (sums.get(key) ?? 0) + bytes);
    return sums.get(key) ?? 0;
  };
  const counted: Counted = {
    sums,
    isAway: false,
    hit: async () => undefined,
    addStored: async (day, name, bytes) => {
      if (counted.isAway) return undefined;
      const after = { address: add(`${day} ${name}`, bytes), total: add(`${day}`, bytes) };
      // The answer takes its time.
      for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
      return after;
    },
  };
  return counted;
}

const isQuota = (error: unknown): boolean => error instanceof GatewayError && error.code === "quota";

/** One upload: its pieces or its declared size, and whether it ends well. Gives what is stored. */
async function upload(book: QuotaBook, address: string, { sizes, declared, ends }: Upload): Promise<number> {
  const share: QuotaShare = book.open(address);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  try {
    if (declared) await share.take(all);
    else for (const size of sizes) await share.takePiece(size);
    if (ends === "cut") throw new Error("cut");
    share.settle();
    return all;
  } catch (error) {
    share.giveBack();
    assert.ok(isQuota(error) || ends === "cut");
    return 0;
  }
}

type Upload = { readonly sizes: readonly number[]; readonly declared: boolean; readonly ends: "stored" | "cut" };
const uploads = fc.array(
  fc.record({
    gateway: fc.nat(1),
    address: fc.constantFrom("203.0.113.1", "203.0.113.2", "2001:db8::1"),
    sizes: fc.array(fc.integer({ min: 1, max: 2 * quotaAheadBytes }), { minLength: 1, maxLength: 4 }),
    declared: fc.boolean(),
    ends: fc.constantFrom("stored" as const, "cut" as const),
  }),
  { maxLength: 12 },
);

test("uploads at once through two gateways never store more than the quotas, and the sums end at what is stored", async () => {
  const quota = { perAddressPerDay: 4 * quotaAheadBytes, perDay: 7 * quotaAheadBytes, keepFree: 0 };
  await fc.assert(
    fc.asyncProperty(uploads, async (some) => {
      const clock = createVirtualClock();
      const shared = countersInMemory();
      const books = [createQuotaBook(quota, clock, shared), createQuotaBook(quota, clock, shared)];
      const stored = await Promise.all(some.map((one) => upload(books[one.gateway] ?? assert.fail(), one.address, one)));
      const total = stored.reduce((sum, bytes) => sum + bytes, 0);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
      const day = Math.floor(clock.wallMs() / dayMs);
      assert.ok(total <= quota.perDay);
      assert.equal(shared.sums.get(`${day}`) ?? 0, total);
      for (const address of new Set(some.map((one) => one.address))) {
        const of = stored.reduce((sum, bytes, i) => sum + (some[i]?.address === address ? bytes : 0), 0);
        assert.ok(of <= quota.perAddressPerDay);
        assert.equal(shared.sums.get(`${day} ${addressGroup(address)}`) ?? 0, of);
      }
    }),
  );
});

test("while the others cannot be asked a gateway counts alone, and what it took then is given back to itself only", async () => {
  const clock = createVirtualClock();
  const shared = countersInMemory();
  const [a, b] = [
    createQuotaBook({ perDay: 100, keepFree: 0 }, clock, shared),
    createQuotaBook({ perDay: 100, keepFree: 0 }, clock, shared),
  ];
  shared.isAway = true;
  const alone = a.open("203.0.113.1");
  await alone.take(100);
  await assert.rejects(a.open("203.0.113.2").take(1), isQuota);
  await b.open("203.0.113.1").take(60);
  shared.isAway = false;
  await assert.rejects(a.open("203.0.113.1").take(1), isQuota, "its own count still holds");
  alone.giveBack();
  await a.open("203.0.113.1").take(100);
  await assert.rejects(b.open("203.0.113.3").take(1), isQuota);
});

test("a new day begins at nothing; what was taken before is given back to nobody", async () => {
  const clock = createVirtualClock();
  const shared = countersInMemory();
  const book = createQuotaBook({ perDay: 100, keepFree: 0 }, clock, shared);
  const before = book.open("203.0.113.1");
  await before.take(100);
  await clock.advance(dayMs);
  const after = book.open("203.0.113.1");
  await after.take(100);
  before.giveBack();
  await assert.rejects(book.open("203.0.113.1").take(1), isQuota);
  assert.deepEqual([...shared.sums.values()].toSorted(), [0, 0, 100, 100].toSorted());
});

test("an upload that lasts past midnight takes from both days, here and elsewhere, and gives back to each what was taken on it", async () => {
  const clock = createVirtualClock();
  const shared = countersInMemory();
  const [a, b] = [
    createQuotaBook({ perDay: 100, keepFree: 0 }, clock, shared),
    createQuotaBook({ perDay: 100, keepFree: 0 }, clock, shared),
  ];
  const dayOf = (): number => Math.floor(clock.wallMs() / dayMs);
  const first = dayOf();
  const [cut, ended] = [a.open("203.0.113.1"), a.open("203.0.113.1")];
  await cut.take(60);
  await clock.advance(dayMs);
  await cut.take(50);
  await assert.rejects(b.open("203.0.113.2").take(60), isQuota, "the others know what it takes today");
  cut.giveBack(80);
  assert.deepEqual([shared.sums.get(`${first}`), shared.sums.get(`${dayOf()}`)], [60, 20]);
  await ended.take(80);
  await assert.rejects(a.open("203.0.113.2").take(1), isQuota);
  ended.giveBack();
  await a.open("203.0.113.2").take(80);
  assert.deepEqual([shared.sums.get(`${first}`), shared.sums.get(`${dayOf()}`)], [60, 100]);
});

test("an address is one whatever port a proxy tells with it, and what is no address is one for all", () => {
  assert.equal(addressGroup("203.0.113.7:50001"), "203.0.113.7");
  assert.equal(addressGroup("203.0.113.7"), "203.0.113.7");
  assert.equal(addressGroup("::ffff:203.0.113.7"), "203.0.113.7");
  for (const same of ["[2001:db8::1]:5", "[2001:db8::1]", "2001:db8::2", "2001:db8:0:0:9::1"])
    assert.equal(addressGroup(same), "2001:db8:0:0::/64", same);
  for (const none of ["", "unknown", "somebody", "203.0.113.7.8:1", "[x]:1"]) assert.equal(addressGroup(none), "unknown", none);
});
