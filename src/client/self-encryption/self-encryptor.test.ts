// Proves that objects of any size come back whole and in ranges, that nothing tampered with is accepted, and that memory,
// errors and endings are as promised. Runs the real thing, workers included, against a map of chunks in memory.
import { strict as assert } from "node:assert";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { type Address, addressFromBytes, type ObjectAddress, objectAddress, objectAddressParts } from "../../protocol/address.ts";
import { hash } from "../../protocol/hash.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { ClientError, type ClientErrorCode } from "../errors.ts";
import { leasePatienceMs } from "./buffer-pool.ts";
import type { EncryptedObject, EncryptOptions, FetchChunk, SealedChunk } from "./sealed-object.ts";
import { createSelfEncryptor } from "./self-encryptor.ts";

const mib = 1024 * 1024;
const chunkMax = 4_190_208;
const encryptor = createSelfEncryptor();
after(() => encryptor.stop());

/** Repeatable bytes: random ones cheaply, from a block that is turned and marked so that no two chunks are alike. */
const block = Buffer.from(seededRandom(1).bytes(mib + 13));
function content(size: number, seed = 0): Uint8Array {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += block.length) block.copy(bytes, at);
  for (let at = 0; at + 4 <= size; at += 65_536) bytes.writeUInt32LE(at ^ seed, at);
  if (size > 0) bytes[size - 1] = seed & 0xff;
  return bytes;
}

async function* inPieces(bytes: Uint8Array, piece = 60_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

type Store = Map<Address, Uint8Array>;
type Stored = EncryptedObject & { readonly store: Store };

async function put(bytes: Uint8Array, options: Partial<EncryptOptions> = {}): Promise<Stored> {
  const store: Store = new Map();
  const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
    assert.equal(addressFromBytes(hash(chunk.bytes)), chunk.address);
    assert.ok(chunk.bytes.length <= 4 * mib);
    store.set(chunk.address, chunk.bytes.slice());
    chunk.release();
  };
  return { ...(await encryptor.encrypt(inPieces(bytes), { size: bytes.length, onChunk, ...options })), store };
}

const from =
  (store: Store): FetchChunk =>
  async (address) => ({ bytes: store.get(address) ?? assert.fail(`asked for ${address}`), release: () => undefined });

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

async function get(address: ObjectAddress, store: Store): Promise<Buffer> {
  return collect((await encryptor.open(address, from(store))).read());
}

const code =
  (...expected: ClientErrorCode[]) =>
  (error: unknown): boolean =>
    error instanceof ClientError && expected.includes(error.code);

describe("round trips", () => {
  const edges = [
    1,
    2,
    3,
    4,
    3072,
    16_383,
    16_384,
    16_385,
    65_535,
    65_536,
    65_537,
    3 * chunkMax - 1,
    3 * chunkMax,
    3 * chunkMax + 1,
    5 * chunkMax + 17,
  ];
  for (const size of edges) {
    test(`${size} bytes`, async () => {
      const bytes = content(size);
      const stored = await put(bytes);
      const opened = await encryptor.open(stored.address, from(stored.store));
      assert.equal(opened.bytes, size);
      assert.equal(opened.chunks, stored.chunks);
      assert.equal(stored.store.size, stored.chunks);
      assert.equal(stored.address.length, 128);
      if (size < 16_384) assert.equal(stored.chunks, 1);
      assert.ok((await collect(opened.read())).equals(bytes));
    });
  }

  test("any size, piece and mode, and any range of it", async () => {
    const options = { size: fc.integer({ min: 1, max: 300_000 }), piece: fc.integer({ min: 1, max: 100_000 }), dense: fc.boolean() };
    await fc.assert(
      fc.asyncProperty(
        fc.record(options),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (of, a, b) => {
          const bytes = content(of.size, of.piece);
          const store: Store = new Map();
          const stored = await encryptor.encrypt(inPieces(bytes, Math.max(of.piece, of.size >>> 6)), {
            size: of.size,
            mode: of.dense ? "dense" : "fast",
            onChunk: async (chunk) => {
              store.set(chunk.address, chunk.bytes.slice());
              chunk.release();
            },
          });
          const opened = await encryptor.open(stored.address, from(store));
          const [start = 0, end = 0] = [Math.floor(a * of.size), Math.floor(b * of.size)].sort((x, y) => x - y);
          assert.ok((await collect(opened.read({ start, end }))).equals(bytes.subarray(start, end)));
          assert.ok((await collect(opened.read())).equals(bytes));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("compressible content shrinks, equal content has equal chunks", async () => {
    const bytes = Buffer.alloc(2 * mib, "a line of text that comes again and again\n");
    const [one, two] = [await put(bytes), await put(bytes)];
    assert.equal(one.address, two.address);
    assert.ok([...one.store.values()].reduce((sum, chunk) => sum + chunk.length, 0) < bytes.length / 10);
    assert.ok((await get(one.address, one.store)).equals(bytes));
  });

  test("a range touches only the chunks it covers", async () => {
    const bytes = content(5 * chunkMax);
    const { address, store } = await put(bytes);
    const asked: Address[] = [];
    const opened = await encryptor.open(address, (chunk, signal) => {
      asked.push(chunk);
      return from(store)(chunk, signal);
    });
    asked.length = 0;
    const range = { start: chunkMax - 5, end: chunkMax + 5 };
    assert.ok((await collect(opened.read(range))).equals(bytes.subarray(range.start, range.end)));
    assert.equal(asked.length, 2);
    assert.throws(() => opened.read({ start: 0, end: bytes.length + 1 }), code("bad-range"));
    assert.throws(() => opened.read({ start: 5, end: 4 }), code("bad-range"));
  });
});

describe("addresses, keys and secrets", () => {
  test("public objects are read by 64 digits, private ones need their key", async () => {
    for (const size of [100, 5000, 200_000]) {
      const open = await put(content(size), { public: true });
      assert.equal(open.address.length, 64);
      assert.ok((await get(open.address, open.store)).equals(content(size)));
      const closed = await put(content(size));
      const { root, key = assert.fail() } = objectAddressParts(closed.address);
      await assert.rejects(get(objectAddress(root), closed.store), code("key-needed"));
      const wrong = key.slice();
      wrong[0] = (wrong[0] ?? 0) ^ 1;
      await assert.rejects(get(objectAddress(root, wrong), closed.store), code("wrong-key"));
    }
  });

  test("a secret changes every chunk, and a reader needs no secret", async () => {
    for (const size of [100, 5000, 200_000]) {
      const bytes = content(size);
      const plain = await put(bytes);
      const salted = await put(bytes, { secret: new Uint8Array(32).fill(7) });
      const again = await put(bytes, { secret: new Uint8Array(32).fill(7) });
      assert.equal(salted.address, again.address);
      assert.equal([...salted.store.keys()].filter((address) => plain.store.has(address)).length, 0);
      assert.ok((await get(salted.address, salted.store)).equals(bytes));
    }
  });
});

describe("tampering", () => {
  test("any byte of any chunk changed, or a chunk cut, is refused", async () => {
    const bytes = content(9000);
    const { address, store } = await put(bytes);
    const names = [...store.keys()];
    await fc.assert(
      fc.asyncProperty(fc.nat(names.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (which, at, flip, cut) => {
        const name = names[which] ?? assert.fail();
        const good = store.get(name) ?? assert.fail();
        const bad = cut ? good.slice(0, at % good.length) : good.slice();
        if (!cut) bad[at % bad.length] = (bad[at % bad.length] ?? 0) ^ flip;
        await assert.rejects(get(address, new Map([...store, [name, bad]])), code("damaged"));
      }),
      { numRuns: 200 },
    );
  });

  test("a public root that is not a sound map is refused", async () => {
    const good = await put(content(17_000), { public: true });
    const map = good.store.get(objectAddressParts(good.address).root) ?? assert.fail();
    const changed = (change: (bytes: Buffer) => Uint8Array): Uint8Array => change(Buffer.from(map));
    const roots: Uint8Array[] = [
      map.slice(0, -1),
      map.slice(0, 100),
      changed((bytes) => bytes.fill(0, 1, 2)),
      changed((bytes) => bytes.fill(9, 9, 10)),
      changed((bytes) => bytes.fill(0xff, 81, 89)),
      changed((bytes) => bytes.fill(0, 81, 89)),
      changed((bytes) => bytes.fill(2, bytes.length - 1)),
    ];
    for (const root of roots) {
      const address = addressFromBytes(hash(root));
      await assert.rejects(get(objectAddress(address), new Map([...good.store, [address, root]])), code("damaged"));
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 600 }), async (root) => {
        const address = addressFromBytes(hash(root));
        await assert.rejects(get(objectAddress(address), new Map([[address, root]])), code("damaged", "key-needed"));
      }),
    );
  });
});

describe("sources that are not as declared", () => {
  for (const size of [100, 5000, 200_000, 10 * mib]) {
    test(`${size} bytes declared, one fewer and one more sent`, async () => {
      await assert.rejects(put(content(size - 1), { size }), code("wrong-size"));
      await assert.rejects(put(content(size + 1), { size }), code("wrong-size"));
    });
  }
  test("nothing at all", async () => assert.rejects(put(new Uint8Array(0)), code("empty")));
  test("a source that fails passes its error on", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield content(6 * mib);
      throw new Error("the cable was cut");
    }
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => chunk.release();
    await assert.rejects(encryptor.encrypt(failing(), { size: 30 * mib, onChunk }), /the cable was cut/);
  });
  test("a chunk that cannot be stored ends the encryption with its error", async () => {
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
      chunk.release();
      throw new Error("no room");
    };
    await assert.rejects(put(content(30 * mib), { onChunk }), /no room/);
  });
  test("after a failure no other object is written into chunks that are still being sent", async () => {
    const sending: { readonly chunk: SealedChunk; readonly was: Buffer }[] = [];
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
      sending.push({ chunk, was: Buffer.from(chunk.bytes) });
      throw new Error("given up");
    };
    await assert.rejects(put(content(30 * mib), { onChunk }), /given up/);
    assert.ok(sending.length > 0);
    for (let n = 1; n <= 3; n += 1) await put(content(30 * mib + n));
    for (const { chunk, was } of sending) assert.ok(was.equals(chunk.bytes), "another object's bytes lie there");
    for (const { chunk } of sending) chunk.release();
  });
});

describe("memory, giving up, stopping", () => {
  const size = 60 * mib;

  test("unreleased chunks hold the writer back at the limit, and everything is given back", async () => {
    const memoryMax = 20 * mib;
    const limited = createSelfEncryptor({ memoryMax, workers: 1 });
    let held = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const full = Promise.withResolvers<void>();
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
      if (chunk.bytes.length < mib) return chunk.release();
      held += chunk.bytes.length;
      most = Math.max(most, held);
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(() => {
        held -= chunk.bytes.length;
        chunk.release();
        resolve();
      });
      // Two chunks wait for the end, so three buffers are all that can be outstanding here.
      if (waiting.length === 3) full.resolve();
      return promise;
    };
    const done = limited.encrypt(inPieces(content(size)), { size, onChunk });
    await full.promise;
    let running = true;
    const finished = done.finally(() => {
      running = false;
    });
    while (running) {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await finished;
    assert.ok(most <= memoryMax - 2 * chunkMax, `${most} bytes of chunks were outstanding`);
    await limited.stop();
  });

  test("who finds no buffers because others are slow is told so after a while, and has them once these are done", async () => {
    const clock = createVirtualClock();
    const limited = createSelfEncryptor({ memoryMax: 3 * mib, workers: 1, clock });
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: EncryptOptions["onChunk"] = async (chunk) => {
      begun.resolve();
      await goOn.promise;
      chunk.release();
    };
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => chunk.release();
    const first = limited.encrypt(inPieces(content(size)), { size, onChunk: slow });
    await begun.promise;
    const second = limited.encrypt(inPieces(content(size)), { size, onChunk });
    const refused = assert.rejects(second, code("busy"));
    await clock.advance(leasePatienceMs);
    await refused;
    const third = limited.encrypt(inPieces(content(size)), { size, onChunk });
    goOn.resolve();
    await Promise.all([first, third]);
    await limited.stop();
  });

  test("an aborted encryption and read reject with `aborted`, and the next ones work", async () => {
    const controller = new AbortController();
    let chunks = 0;
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
      chunk.release();
      if (++chunks === 3) controller.abort();
    };
    await assert.rejects(encryptor.encrypt(inPieces(content(size)), { size, onChunk, signal: controller.signal }), code("aborted"));
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield content(5);
      await new Promise(() => undefined);
    }
    const waiting = new AbortController();
    const stuck = encryptor.encrypt(silent(), { size, onChunk, signal: waiting.signal });
    waiting.abort();
    await assert.rejects(stuck, code("aborted"));

    const { address, store } = await put(content(size));
    const reading = new AbortController();
    const opened = await encryptor.open(address, from(store));
    const read = async (): Promise<void> => {
      for await (const piece of opened.read(undefined, reading.signal)) if (piece.length > 0) reading.abort();
    };
    await assert.rejects(read(), code("aborted"));
    for await (const piece of opened.read()) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.ok((await collect(opened.read())).equals(content(size)));
  });

  test("many at once finish, though their shares together pass the limit", async () => {
    const small = createSelfEncryptor({ memoryMax: 8 * mib });
    const all = Array.from({ length: 6 }, async (_, seed) => {
      const bytes = content(13 * mib, seed);
      const store: Store = new Map();
      const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
        store.set(chunk.address, chunk.bytes.slice());
        chunk.release();
      };
      const { address } = await small.encrypt(inPieces(bytes), { size: bytes.length, onChunk });
      const opened = await small.open(address, from(store));
      assert.ok((await collect(opened.read())).equals(bytes));
    });
    await Promise.all(all);
    await small.stop();
  });

  test("stop ends what is under way with `stopped`", async () => {
    const stopping = createSelfEncryptor();
    const begun = Promise.withResolvers<void>();
    const onChunk: EncryptOptions["onChunk"] = async (chunk) => {
      chunk.release();
      begun.resolve();
    };
    const under = stopping.encrypt(inPieces(content(size)), { size, onChunk });
    const rejected = assert.rejects(under, code("stopped"));
    await begun.promise;
    await stopping.stop();
    await rejected;
    await assert.rejects(stopping.encrypt(inPieces(content(5)), { size: 5, onChunk }), code("stopped"));
  });
});
