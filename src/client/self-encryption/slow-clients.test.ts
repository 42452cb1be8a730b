// Proves that slow clients keep nobody else from the memory of large objects: while others wait, those that give or take
// far too little are ended, the slowest first and no more than needed; nobody is while nobody waits, nobody at a modest
// rate, and nobody for a slow network. In virtual time, with real workers.
import { strict as assert } from "node:assert";
import { describe, type TestContext, test } from "node:test";
import type { Address, ObjectAddress } from "../../protocol/address.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import type { OpenObject } from "../farm-client.ts";
import { createBufferPool, leasePatienceMs } from "./buffer-pool.ts";
import { clientRateMin, createClientPace, startCreditMs } from "./client-pace.ts";
import { whoLeaves } from "./lease-relief.ts";
import type { EncryptOptions, FetchChunk } from "./sealed-object.ts";
import { createSelfEncryptor, type SelfEncryptor } from "./self-encryptor.ts";

const kib = 1024;
const mib = 1024 * kib;
const size = 13 * mib;
const block = seededRandom(5).bytes(mib);
const onChunk: EncryptOptions["onChunk"] = async (chunk) => chunk.release();

type Drip = { readonly bytes: number; readonly everyMs: number };

async function* dripping(clock: VirtualClock, { bytes, everyMs }: Drip): AsyncGenerator<Uint8Array> {
  for (let given = 0; given < size; given += bytes) {
    await clock.sleep(everyMs);
    yield block.subarray(0, Math.min(bytes, size - given));
  }
}

async function* atOnce(): AsyncGenerator<Uint8Array> {
  for (let given = 0; given < size; given += mib) yield block;
}

/** How `work` ended, once it has. */
type Outcome = { readonly ended: Promise<string>; now(): string };

function outcomeOf(work: Promise<unknown>): Outcome {
  let now = "under way";
  const note = (as: string): string => {
    now = as;
    return as;
  };
  const ended = work.then(
    () => note("done"),
    (error: { code?: string }) => note(error.code ?? String(error)),
  );
  return { ended, now: () => now };
}

/** Waits in the machine's time: what is left to do takes none of the clock's. */
async function soon({ ended, now }: Outcome): Promise<string> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(now()), 20_000);
  const first = await Promise.race([ended, late.promise]);
  clearTimeout(timer);
  return first;
}

function start(context: TestContext, memoryMax: number): { readonly clock: VirtualClock; readonly encryptor: SelfEncryptor } {
  const clock = createVirtualClock();
  const encryptor = createSelfEncryptor({ clock, memoryMax, workers: 1 });
  context.after(() => encryptor.stop());
  return { clock, encryptor };
}

/** As a gateway has it: room for six uploads. */
const gatewayMemory = 20 * mib;
/** Room for one upload. */
const smallMemory = 3 * mib;

describe("uploads", () => {
  test("six that trickle fill the memory; one more that is fast is stored, and only the slowest is ended for it", async (context) => {
    const { clock, encryptor } = start(context, gatewayMemory);
    const rates = [4, 3, 1, 2, 5, 6].map((n) => n * kib);
    const slow = rates.map((bytes) => outcomeOf(encryptor.encrypt(dripping(clock, { bytes, everyMs: 1000 }), { size, onChunk })));
    await clock.advance(600_000);
    assert.deepEqual([...new Set(slow.map(({ now }) => now()))], ["under way"], "while nobody waits nobody is ended");
    const fast = outcomeOf(encryptor.encrypt(atOnce(), { size, onChunk }));
    await clock.advance(2_000);
    assert.equal(await soon(fast), "done");
    assert.equal(await soon(slow[2] ?? assert.fail()), "too-slow");
    assert.equal(slow.filter(({ now }) => now() === "under way").length, 5);
  });

  test("those that begin now and send nothing are ended before others have waited too long, and give everything back", async (context) => {
    const { clock, encryptor } = start(context, smallMemory);
    const silent = outcomeOf(encryptor.encrypt(dripping(clock, { bytes: 1, everyMs: 3_600_000 }), { size, onChunk }));
    const fast = outcomeOf(encryptor.encrypt(atOnce(), { size, onChunk }));
    await clock.advance(startCreditMs + 2_000);
    assert.ok(startCreditMs + 2_000 < leasePatienceMs);
    assert.equal(await soon(fast), "done");
    assert.equal(silent.now(), "too-slow");
    // All of it, or this one would wait for a look of a clock that stands still.
    assert.equal(await soon(outcomeOf(encryptor.encrypt(atOnce(), { size, onChunk }))), "done");
  });

  test("one at 64 KiB/s, in lumps, is never ended, however long others wait", async (context) => {
    const { clock, encryptor } = start(context, smallMemory);
    const modest = outcomeOf(encryptor.encrypt(dripping(clock, { bytes: 512 * kib, everyMs: 8_000 }), { size, onChunk }));
    const others: Outcome[] = [];
    while (modest.now() === "under way") {
      others.push(outcomeOf(encryptor.encrypt(atOnce(), { size, onChunk })));
      await clock.advance(20_000);
    }
    assert.equal(modest.now(), "done");
    assert.ok(others.filter(({ now }) => now() === "busy").length > 5);
    for (const other of others) await soon(other);
  });

  test("one whose chunks the network does not take is not ended for that", async (context) => {
    const { clock, encryptor } = start(context, smallMemory);
    const network = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const held: EncryptOptions["onChunk"] = async (chunk) => {
      begun.resolve();
      await network.promise;
      chunk.release();
    };
    const upload = outcomeOf(encryptor.encrypt(atOnce(), { size, onChunk: held }));
    await begun.promise;
    await clock.advance(600_000);
    const other = outcomeOf(encryptor.encrypt(atOnce(), { size, onChunk }));
    await clock.advance(leasePatienceMs);
    assert.equal(await soon(other), "busy");
    network.resolve();
    assert.equal(await soon(upload), "done");
  });
});

type Stored = { readonly address: ObjectAddress; readonly fetch: FetchChunk };

async function stored(): Promise<Stored> {
  const writer = createSelfEncryptor({ workers: 1 });
  const chunks = new Map<Address, Uint8Array>();
  const keep: EncryptOptions["onChunk"] = async (chunk) => {
    chunks.set(chunk.address, chunk.bytes.slice());
    chunk.release();
  };
  const { address } = await writer.encrypt(atOnce(), { size, onChunk: keep });
  await writer.stop();
  return { address, fetch: async (name) => ({ bytes: chunks.get(name) ?? assert.fail(), release: () => undefined }) };
}

/** Reads with a rest at each piece, and leaves when it is told to, as a gateway cuts a connection. */
async function readAll(object: OpenObject, rest?: () => Promise<void>): Promise<void> {
  const cut = Promise.withResolvers<never>();
  cut.promise.catch(() => undefined);
  for await (const piece of object.lend(undefined, undefined, cut.reject)) {
    assert.ok(piece.length > 0);
    await Promise.race([rest?.(), cut.promise]);
  }
}

describe("downloads", () => {
  /** Room for one of them. */
  const memoryMax = mib + 128 * kib;

  test("one that takes next to nothing is ended for one that waits, and only then", async (context) => {
    const { clock, encryptor } = start(context, memoryMax);
    const { address, fetch } = await stored();
    const object = await encryptor.open(address, fetch);
    const begun = Promise.withResolvers<void>();
    const rest = (): Promise<void> => {
      begun.resolve();
      return clock.sleep(50_000);
    };
    const slow = outcomeOf(readAll(object, rest));
    await begun.promise;
    await clock.advance(120_000);
    assert.equal(slow.now(), "under way");
    const fast = outcomeOf(readAll(object));
    await clock.advance(2_000);
    assert.equal(await soon(fast), "done");
    assert.equal(slow.now(), "too-slow");
    assert.equal(await soon(outcomeOf(readAll(object))), "done", "all memory was given back");
  });

  test("one for which the network finds nothing is not ended for that, nor one that cannot be told", async (context) => {
    const { clock, encryptor } = start(context, memoryMax);
    const { address, fetch } = await stored();
    const object = await encryptor.open(address, fetch);
    const untold = object.lend()[Symbol.asyncIterator]();
    await untold.next();
    const waiting = outcomeOf(readAll(object));
    await clock.advance(leasePatienceMs);
    assert.equal(await soon(waiting), "busy");
    await untold.return?.();

    const network = Promise.withResolvers<void>();
    let silent = false;
    const late = await encryptor.open(address, async (name, signal) => {
      if (silent) await network.promise;
      return fetch(name, signal);
    });
    silent = true;
    const patient = outcomeOf(readAll(late));
    await clock.advance(600_000);
    const other = outcomeOf(readAll(object));
    await clock.advance(leasePatienceMs);
    assert.equal(await soon(other), "busy");
    network.resolve();
    assert.equal(await soon(patient), "done");
  });
});

describe("decisions", () => {
  test("who is furthest behind leaves first, until there is enough; who keeps up stays", () => {
    const [a, b, c, d] = [
      { bytes: 4, behindMs: 10 },
      { bytes: 12, behindMs: 300 },
      { bytes: 4, behindMs: 0 },
      { bytes: 4, behindMs: 20 },
    ] as const;
    assert.deepEqual(whoLeaves([a, b, c, d], 0), []);
    assert.deepEqual(whoLeaves([a, b, c, d], 12), [b]);
    assert.deepEqual(whoLeaves([a, b, c, d], 13), [b, d]);
    assert.deepEqual(whoLeaves([a, b, c, d], 100), [b, d, a]);
  });

  test("64 KiB/s is kept up with in any lumps that sockets make; far less is not, and is forgotten soon", async () => {
    const clock = createVirtualClock();
    const pace = createClientPace(clock, () => assert.fail());
    const give = async (bytes: number, ms: number): Promise<number> => {
      pace.waits();
      await clock.advance(ms);
      const behindMs = pace.behindMs();
      pace.moved(bytes);
      return behindMs;
    };
    await give(1.4 * mib, 0);
    for (let n = 0; n < 100; n += 1) assert.equal(await give(1.35 * mib, 21_000), 0);
    let most = 0;
    for (let n = 0; n < 100; n += 1) most = Math.max(most, await give(kib, 1000));
    assert.ok(most > 0);
    await give(1, 3_600_000);
    assert.equal(pace.behindMs(), 0, "it is not waited for");
    for (let n = 0; n < 31; n += 1) await give(2 * clientRateMin, 1000);
    assert.equal(await give(2 * clientRateMin, 1000), 0);
  });

  test("what slow clients leave is for who has waited longest: those who need less do not take it away, piece by piece", async () => {
    const clock = createVirtualClock();
    const pool = createBufferPool(4096, clock);
    const { signal } = new AbortController();
    const client = { behindMs: (): number => 1, end: (): void => undefined };
    const slow = await Promise.all([1, 2, 3, 4].map(() => pool.lease(4096, 1, signal, { client })));
    const givenUp = new AbortController();
    const [gone, large] = [outcomeOf(pool.lease(4096, 3, givenUp.signal)), outcomeOf(pool.lease(4096, 3, signal))];
    const small = [1, 2].map(() => outcomeOf(pool.lease(4096, 1, signal)));
    await clock.advance(2_000);
    const states = async (): Promise<readonly string[]> => {
      await clock.advance(0);
      return [large, ...small].map(({ now }) => now());
    };
    slow[0]?.end();
    slow[1]?.end();
    assert.deepEqual(await states(), ["under way", "under way", "under way"]);
    givenUp.abort(new Error("left"));
    assert.match(await gone.ended, /left/);
    const newcomer = outcomeOf(pool.lease(4096, 1, signal));
    slow[2]?.end();
    assert.deepEqual(await states(), ["done", "under way", "under way"]);
    slow[3]?.end();
    assert.deepEqual(await states(), ["done", "done", "under way"]);
    assert.equal(newcomer.now(), "under way");
  });

  test("memory is had only when those that have to leave gave it back", async () => {
    const clock = createVirtualClock();
    const pool = createBufferPool(4096, clock);
    const { signal } = new AbortController();
    const told: string[] = [];
    const client = (name: string, behindMs: number): { behindMs: () => number; end: () => void } => ({
      behindMs: () => behindMs,
      end: () => void told.push(name),
    });
    const first = await pool.lease(4096, 2, signal, { client: client("slow", 10) });
    const second = await pool.lease(4096, 2, signal, { client: client("slower", 20) });
    const buffer = await second.take(signal);
    const third = outcomeOf(pool.lease(4096, 2, signal));
    await clock.advance(60_000);
    assert.deepEqual(told, ["slower"]);
    second.end();
    await clock.advance(1_000);
    assert.equal(third.now(), "under way", "a buffer of the one that leaves is still in use");
    assert.equal(pool.usedBytes(), 4096);
    second.give(buffer);
    assert.equal(await third.ended, "done");
    first.end();
    await clock.advance(60_000);
    assert.deepEqual([told, pool.usedBytes()], [["slower"], 0]);
  });
});
