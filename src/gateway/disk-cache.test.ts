// Proves that the cache on disk gives back what it was given, also after a restart, never more than it may hold, and never
// a byte that is not the chunk's: whatever was cut, changed, added or removed beneath it. Real files.
import { strict as assert } from "node:assert";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import fc from "fast-check";
import { startScriptedFarm } from "../client/scripted-farm.ts";
import { type Address, chunkAddress } from "../protocol/address.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLog } from "../runtime/log.ts";
import { seededRandom } from "../runtime/random.ts";
import { createByteCache } from "./chunk-cache.ts";
import { createDiskCache, type DiskCache, removeDiskCache } from "./disk-cache.ts";
import { createChunkCaches, type SecondCache } from "./second-cache.ts";

const kib = 1024;
const mib = 1024 * kib;
const work = mkdtempSync(join(tmpdir(), "disk-cache-"));
after(() => rmSync(work, { recursive: true, force: true }));
const random = seededRandom(11);
let folders = 0;
const newFolder = (): string => join(work, String(folders++), "chunks");

type Chunk = { readonly address: Address; readonly bytes: Uint8Array };
function chunk(length: number): Chunk {
  const bytes = random.bytes(length);
  return { bytes, address: chunkAddress(bytes) };
}

async function open(folder: string, bytesMax = 4 * mib): Promise<DiskCache> {
  const cache = createDiskCache({ folder, bytesMax, log: silentLog });
  await cache.idle();
  return cache;
}

async function filled(folder: string, ...chunks: readonly Chunk[]): Promise<DiskCache> {
  const cache = await open(folder);
  for (const { address, bytes } of chunks) cache.put(address, bytes);
  await cache.idle();
  return cache;
}

const fileOf = (folder: string, { address }: Chunk): string => join(folder, address.slice(0, 2), address);
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));

test("what was kept comes back, also after a restart, and is private", async () => {
  const folder = newFolder();
  const [one, two] = [chunk(70_000), chunk(1)];
  const cache = await filled(folder, one, two);
  assert.deepEqual(await cache.get(one.address), one.bytes);
  const again = await open(folder);
  for (const { address, bytes } of [one, two]) assert.deepEqual(await again.get(address), bytes);
  assert.equal(again.bytes(), cache.bytes());
  assert.deepEqual(again.counts(), { hit: 2, miss: 0, damaged: 0, failed: 0 });
  assert.equal(await again.get(chunk(5).address), undefined);
  assert.equal(statSync(folder).mode & 0o077, 0);
  assert.equal(statSync(fileOf(folder, one)).mode & 0o077, 0);
});

test("a rotten, cut, grown, emptied or replaced file is never served, and is removed", async () => {
  const spoil: readonly ((path: string, before: Buffer) => void)[] = [
    (path, before) =>
      writeFileSync(
        path,
        before.map((byte, index) => (index === 40_000 ? byte ^ 1 : byte)),
      ),
    (path) => truncateSync(path, 69_999),
    (path, before) => writeFileSync(path, Buffer.concat([before, Buffer.of(0)])),
    (path) => truncateSync(path, 0),
    (path, before) => writeFileSync(path, Buffer.alloc(before.length)),
    (path) => truncateSync(path, 5 * mib),
  ];
  for (const restarts of [false, true])
    for (const change of spoil) {
      const folder = newFolder();
      const kept = chunk(70_000);
      const first = await filled(folder, kept);
      change(fileOf(folder, kept), readFileSync(fileOf(folder, kept)));
      const cache = restarts ? await open(folder, 64 * mib) : first;
      assert.equal(await cache.get(kept.address), undefined);
      await cache.idle();
      assert.deepEqual([cache.counts().damaged, filesIn(folder), cache.bytes()], [1, [], 0]);
      cache.put(kept.address, kept.bytes);
      await cache.idle();
      assert.deepEqual(await cache.get(kept.address), kept.bytes);
    }
});

test("a file cut at any length is never served", async () => {
  const folder = newFolder();
  const kept = chunk(300);
  for (let length = 0; length < 300; length += 7) {
    const cache = await filled(folder, kept);
    truncateSync(fileOf(folder, kept), length);
    assert.equal(await (await open(folder)).get(kept.address), undefined);
    assert.equal(await cache.get(kept.address), undefined);
    await cache.idle();
  }
});

test("what a crash left half written goes at the next start; what is not the cache's is left alone", async () => {
  const folder = newFolder();
  const kept = chunk(1000);
  await filled(folder, kept);
  writeFileSync(join(folder, `${chunk(9).address}.part`), "half");
  writeFileSync(join(folder, "a note of somebody"), "");
  const misplaced = chunk(20);
  mkdirSync(join(folder, "zz"));
  writeFileSync(join(folder, "zz", misplaced.address), misplaced.bytes);
  const linked = chunk(30);
  mkdirSync(join(folder, linked.address.slice(0, 2)), { recursive: true });
  symlinkSync("/etc/hostname", fileOf(folder, linked));
  const cache = await open(folder);
  await cache.idle();
  assert.deepEqual(filesIn(folder).toSorted(), [kept.address, misplaced.address, "a note of somebody"].toSorted());
  for (const { address } of [misplaced, linked]) assert.equal(await cache.get(address), undefined);
  assert.deepEqual(await cache.get(kept.address), kept.bytes);
});

test("files that vanish, and a folder that vanishes, are misses; then it keeps chunks again", async () => {
  const folder = newFolder();
  const [one, two] = [chunk(1000), chunk(2000)];
  const cache = await filled(folder, one, two);
  rmSync(folder, { recursive: true });
  assert.equal(await cache.get(one.address), undefined);
  assert.equal(await cache.get(two.address), undefined);
  assert.deepEqual([cache.counts().miss, cache.bytes()], [2, 0]);
  cache.put(one.address, one.bytes);
  await cache.idle();
  assert.deepEqual(await cache.get(one.address), one.bytes);
});

test("a folder that cannot be made or written costs nothing but the cache", async (context: TestContext) => {
  const blocked = join(work, "a file");
  writeFileSync(blocked, "");
  const cache = await open(join(blocked, "chunks"));
  const kept = chunk(1000);
  cache.put(kept.address, kept.bytes);
  await cache.idle();
  assert.equal(await cache.get(kept.address), undefined);
  if (process.getuid?.() === 0) return context.diagnostic("root may write everywhere: the rest is for others");
  const folder = newFolder();
  await filled(folder, chunk(10));
  chmodSync(folder, 0o500);
  const readOnly = await open(folder);
  readOnly.put(kept.address, kept.bytes);
  await readOnly.idle();
  assert.equal(await readOnly.get(kept.address), undefined);
  chmodSync(folder, 0o700);
});

test("whatever is kept and read, it holds no more than it may, and what is there is what was given", async () => {
  const chunks = Array.from({ length: 12 }, (_, index) => chunk(500 + index * 1700));
  const step = fc.record({ index: fc.nat(11), reads: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const folder = newFolder();
      const cache = await open(folder, 100 * kib);
      for (const { index, reads } of steps) {
        const { address, bytes } = chunks[index] ?? assert.fail();
        if (reads) {
          const found = await cache.get(address);
          assert.ok(found === undefined || Buffer.from(found).equals(bytes));
        } else {
          cache.put(address, bytes);
          await cache.idle();
        }
        assert.ok((cache.bytes() ?? 0) <= 100 * kib);
      }
      const onDisk = filesIn(folder).map((name) => statSync(join(folder, name.slice(0, 2), name)).size);
      assert.ok(onDisk.reduce((sum, size) => sum + size, 0) <= 100 * kib);
      rmSync(folder, { recursive: true, force: true });
    }),
    { numRuns: 25, seed: 5 },
  );
});

test("what is read stays and what is not read goes first, in the order of the files after a restart; a smaller cache drops the rest", async () => {
  const folder = newFolder();
  const chunks = Array.from({ length: 8 }, () => chunk(8 * kib));
  await filled(folder, ...chunks);
  for (const [index, one] of chunks.entries()) utimesSync(fileOf(folder, one), 1000 + index, 1000 + index);
  // A file of 8 KiB counts as 12: five of them fit.
  const cache = await open(folder, 64 * kib);
  await cache.idle();
  assert.deepEqual(
    filesIn(folder).toSorted(),
    chunks
      .slice(3)
      .map(({ address }) => address)
      .toSorted(),
  );
  const [, , , spared, dropped] = chunks;
  assert.ok(spared !== undefined && dropped !== undefined);
  assert.ok((await cache.get(spared.address)) !== undefined);
  const next = chunk(8 * kib);
  cache.put(next.address, next.bytes);
  await cache.idle();
  assert.ok((await cache.get(spared.address)) !== undefined);
  assert.equal(await cache.get(dropped.address), undefined);
});

test("an entry takes at most a quarter; too much at once is not all kept; what is off is removed", async () => {
  const folder = newFolder();
  const cache = await open(folder, 80 * mib);
  const large = Array.from({ length: 6 }, () => chunk(4 * mib));
  for (const { address, bytes } of large) cache.put(address, bytes);
  await cache.idle();
  assert.equal(filesIn(folder).length, 4, "16 MiB may wait");
  const small = await open(newFolder(), 40 * kib);
  const over = chunk(11 * kib);
  small.put(over.address, over.bytes);
  await small.idle();
  assert.equal(small.bytes(), 0);
  await removeDiskCache(folder);
  assert.throws(() => readdirSync(folder), { code: "ENOENT" });
});

test("a chunk read once from a node comes from the disk after a restart, without asking any node", async (context) => {
  const folder = newFolder();
  const kept = chunk(5000);
  for (const expected of [1, undefined]) {
    const disk = await open(folder);
    const farm = await startScriptedFarm({ nodes: 8, clock: systemClock, chunkCache: createChunkCaches(createByteCache(mib), [disk]) });
    context.after(() => farm.stop());
    for (const { chunks } of farm.closest(kept.address, 5)) chunks.set(kept.address, kept.bytes);
    const read = await Promise.all(Array.from({ length: 5 }, () => farm.client.getChunk(kept.address)));
    for (const bytes of read) assert.deepEqual(bytes, kept.bytes);
    assert.equal(farm.requests.get("get-chunks"), expected);
    await disk.idle();
  }
});

test("readers of one chunk who come together cost one look in each further cache; then it is in memory and nearer", async () => {
  const kept = chunk(1000);
  const asked: string[] = [];
  const put: string[] = [];
  const answer = Promise.withResolvers<Uint8Array | undefined>();
  const second = (kind: SecondCache["kind"], get: SecondCache["get"]): SecondCache => ({
    kind,
    get: (address) => {
      asked.push(kind);
      return get(address);
    },
    put: () => void put.push(kind),
    bytes: () => 0,
    counts: () => ({ hit: 0, miss: 0, damaged: 0, failed: 0 }),
  });
  const caches = createChunkCaches(createByteCache(mib), [second("disk", async () => undefined), second("redis", () => answer.promise)]);
  const readers = Array.from({ length: 100 }, () => caches.find(kept.address));
  answer.resolve(kept.bytes);
  for (const found of await Promise.all(readers)) assert.equal(found, kept.bytes);
  assert.deepEqual([asked, put], [["disk", "redis"], ["disk"]]);
  assert.equal(caches.get(kept.address), kept.bytes);
  caches.put(kept.address, kept.bytes);
  assert.deepEqual(put, ["disk", "disk", "redis"]);
});
