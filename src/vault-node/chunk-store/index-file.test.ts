// Proves that the index on disk answers as a map, whatever is written, merged and opened again; that the rule of merging keeps
// both the number of runs and what is written again within their bounds; and that a filter never denies what it holds.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, addressFromBytes, chunkAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createAddressFilter, filterBytes } from "./address-filter.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import type { IndexState } from "./index-books.ts";
import { createIndexFile, type IndexFile } from "./index-file.ts";
import { openIndexFiles } from "./index-files.ts";
import { runsToMerge } from "./index-merge.ts";
import type { Place } from "./index-page.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
import { mergeGrowth } from "./store-limits.ts";

const vaults = [1, 2].map((number) => chunkAddress(Buffer.from([number])) as unknown as VaultName);
const stateAt = (offset: number): IndexState => ({
  position: { segment: 1, offset },
  accounts: new Map(vaults.map((vault) => [vault, { used: offset, chunks: 1 }])),
  segments: new Map([[1, { end: offset, dead: 0, notes: 0, gone: 0 }]]),
});
const open = async (disk: MemoryDisk): Promise<IndexFile> =>
  createIndexFile(await openIndexFiles(disk, "/index"), (error) => assert.fail(String(error)));

// Half of them begin with the same six bytes, by which most comparisons are made.
const addressOf = (number: number): Address => {
  const address = chunkAddress(Buffer.from(`address ${number}`));
  return number % 2 === 0 ? addressFromBytes(Buffer.from(`aaaaaaaaaaaa${address.slice(12)}`, "hex")) : address;
};
const placeOf = (number: number, batch: number): Place => ({
  segment: batch + 1,
  offset: number * 7,
  size: number,
  vault: vaults[number % 2] ?? assert.fail(),
  storedAtMs: batch + 0.5,
  damaged: number % 11 === 0,
});

type Batch = { readonly put: readonly number[]; readonly removed: readonly number[]; readonly restart: boolean };
const numbers = fc.array(fc.nat({ max: 399 }), { maxLength: 300 });
const batches: fc.Arbitrary<readonly Batch[]> = fc.array(fc.record({ put: numbers, removed: numbers, restart: fc.boolean() }), {
  maxLength: 12,
});

function assertSame(file: IndexFile, model: ReadonlyMap<Address, Place>): void {
  for (let number = 0; number < 400; number += 1) {
    const address = addressOf(number);
    assert.deepEqual(file.find(address), model.get(address), `address ${number}`);
  }
  const all = [...file.entries()];
  assert.deepEqual(
    all.map(([address]) => address),
    [...model.keys()].sort(),
  );
  for (const [address, place] of all) assert.deepEqual(place, model.get(address));
}

test("whatever is written, merged and opened again: it answers as a map", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (all) => {
      const disk = createMemoryDisk();
      let file = await open(disk);
      const model = new Map<Address, Place>();
      for (const [batch, { put, removed, restart }] of all.entries()) {
        const changes = new Map<Address, Place | null>();
        for (const number of put) changes.set(addressOf(number), placeOf(number, batch));
        for (const number of removed) changes.set(addressOf(number), null);
        for (const [address, place] of changes) {
          if (place === null) model.delete(address);
          else model.set(address, place);
        }
        await file.write(changes, stateAt(batch));
        if (restart) {
          await file.close();
          file = await open(disk);
          assert.deepEqual(file.state(), stateAt(batch));
        }
        assertSame(file, model);
      }
      await file.merged();
      assertSame(file, model);
      await file.close();
      const sizes = disk.names().map((name) => disk.content(name).length);
      assert.ok(file.bytes() >= sizes.reduce((sum, size) => sum + size, 0), "what it takes is counted");
    }),
    { numRuns: 40 },
  );
});

/** Writes `batches` batches of 60 changes each, with merges; `told` hears the number of each that was written. */
async function writeBatches(disk: MemoryDisk, batches: number, told: (batch: number) => void): Promise<void> {
  const file = createIndexFile(await openIndexFiles(disk, "/index"), () => {});
  for (let batch = 1; batch <= batches; batch += 1) {
    await file.write(changesOf(batch), stateAt(batch));
    told(batch);
    await file.merged();
  }
  await file.close();
}

const changesOf = (batch: number): ReadonlyMap<Address, Place | null> =>
  new Map(
    Array.from({ length: 60 }, (_, index) => {
      const number = (batch * 37 + index * 3) % 400;
      return [addressOf(number), (number + batch) % 4 === 0 ? null : placeOf(number, batch)];
    }),
  );

/** What the index holds after batch `last`. */
function modelAfter(last: number): ReadonlyMap<Address, Place> {
  const model = new Map<Address, Place>();
  for (let batch = 1; batch <= last; batch += 1)
    for (const [address, place] of changesOf(batch)) {
      if (place === null) model.delete(address);
      else model.set(address, place);
    }
  return model;
}

test("the power cut before every single operation: the index is that of a whole batch, none before the last that was written", async () => {
  const batches = 14;
  let cuts = 0;
  for (let isEnded = false; !isEnded; cuts += 1) {
    const disk = createMemoryDisk();
    const random = seededRandom(cuts + 1);
    let image: MemoryDisk | undefined;
    let [left, told] = [cuts, 0];
    disk.watch(({ kind }) => {
      if (kind === "read") return;
      left -= 1;
      if (left >= 0) return;
      image ??= disk.afterPowerCut(() => random.fraction() < 0.5);
      throw Object.assign(new Error("the power is off"), { code: "EIO" });
    });
    await writeBatches(disk, batches, (batch) => {
      if (image === undefined) told = batch;
    }).catch(() => {});
    isEnded = image === undefined;
    disk.watch(() => {});
    const file = await open(image ?? disk);
    const batch = file.state()?.position.offset ?? 0;
    assert.ok(batch >= told, `cut ${cuts}: batch ${told} was written, the index is of ${batch}`);
    assertSame(file, modelAfter(batch));
    await file.write(changesOf(batch + 1), stateAt(batch + 1));
    assertSame(file, modelAfter(batch + 1));
    await file.close();
  }
  assert.ok(cuts > 100, `${cuts} cuts`);
});

test("every file cut at every byte, and a bit of every byte flipped: seen at once, or at the reading of what was hit", async () => {
  const disk = createMemoryDisk();
  await writeBatches(disk, 5, () => {});
  const model = modelAfter(5);
  let seenLater = 0;
  for (const name of disk.names())
    for (let at = 0; at < disk.content(name).length; at += 1)
      for (const isCut of [true, false]) {
        const left = createMemoryDisk();
        for (const other of disk.names()) left.replace(other, disk.content(other));
        if (isCut) left.replace(name, disk.content(name).subarray(0, at));
        else left.content(name)[at] = (left.content(name)[at] ?? 0) ^ (1 << (at % 8));
        const errors: unknown[] = [];
        const file = createIndexFile(await openIndexFiles(left, "/index"), (error) => errors.push(error));
        if (file.state() !== undefined) {
          for (const number of [at % 400, (at * 7) % 400]) {
            const found = answerOf(() => file.find(addressOf(number)));
            assert.ok(found === "unreadable" || sameAnswer(found, model.get(addressOf(number))), `${name} at ${at}, address ${number}`);
          }
          assert.equal(answerOf(() => [...file.entries()].length) === "unreadable", errors.length > 0);
          if (errors.length > 0) seenLater += 1;
        }
        await file.close();
        const again = await openIndexFiles(left, "/index");
        if (errors.length > 0) assert.equal(again.books().state, undefined, "what was seen to be rotten is not used again");
        await again.close();
      }
  assert.ok(seenLater > 1000, `${seenLater} flips were seen by reading a page`);
});

function answerOf<T>(action: () => T): T | "unreadable" {
  try {
    return action();
  } catch (error) {
    assert.ok(error instanceof ChunkStoreError && error.code === "io", String(error));
    return "unreadable";
  }
}

function sameAnswer(a: Place | undefined, b: Place | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Lets runs of these sizes come, of which a share is live for good, merged by the rule: the most runs at a time, and the records written for each that came. */
function playMerges(flushes: Iterable<number>, share = 1): { readonly most: number; readonly rewritten: number; readonly total: number } {
  const runs: number[] = [];
  let [most, written, total, live] = [0, 0, 0, 0];
  for (const size of flushes) {
    runs.push(size);
    written += size;
    total += size;
    live += size * share;
    for (let count = runsToMerge(runs, live); count > 0; count = runsToMerge(runs, live)) {
      const isWhole = count === runs.length;
      const records = runs.splice(-count).reduce((sum, one) => sum + one, 0);
      const merged = isWhole ? Math.ceil(live) : records;
      runs.push(merged);
      written += merged;
    }
    most = Math.max(most, runs.length);
  }
  return { most, rewritten: written / total, total };
}

function* equal(size: number, total: number): Iterable<number> {
  for (let sum = 0; sum < total; sum += size) yield size;
}

test("merging up to a million entries writes each at most five times, up to ten million six, and leaves few runs", () => {
  const million = playMerges(equal(4096, 1e6));
  const tenMillion = playMerges(equal(4096, 1e7));
  assert.ok(million.rewritten <= 5 && million.most <= 13, JSON.stringify(million));
  assert.ok(tenMillion.rewritten <= 6.5 && tenMillion.most <= 19, JSON.stringify(tenMillion));
});

const flushSizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 400 });

test("however runs come, whatever share of them stays live, their number and what is written again grow with the logarithm", () => {
  fc.assert(
    fc.property(flushSizes, fc.double({ min: 0, max: 1, noNaN: true }), (flushes, share) => {
      const { most, rewritten, total } = playMerges(flushes, share);
      assert.ok(most <= 2 + Math.log(total) / Math.log(mergeGrowth / (mergeGrowth - 1)), `${most} runs`);
      assert.ok(rewritten <= 3 + 2 * (Math.log(total) / Math.log(mergeGrowth)), `each written ${rewritten} times`);
    }),
  );
});

test("a filter never denies what it holds, and takes little of the rest for it", () => {
  const random = seededRandom(6);
  const filter = createAddressFilter(new Uint8Array(filterBytes(5000)));
  const [held, others] = [0, 1].map(() => Array.from({ length: 5000 }, () => Buffer.from(random.bytes(32))));
  for (const one of held ?? []) filter.add(one, 0);
  assert.ok((held ?? []).every((one) => filter.mayHold(one, 0)));
  const wrong = (others ?? []).filter((one) => filter.mayHold(one, 0)).length;
  assert.ok(wrong < 150, `${wrong} of 5000`);
});
