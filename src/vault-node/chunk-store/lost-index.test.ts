// Proves that the index may be lost, torn, rotten, older or newer than the log, in any of its files and at any of their bytes:
// everything is found again, nothing is taken for held that is not, and a store that finds out while it runs says so.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { seededRandom } from "../../runtime/random.ts";
import type { PutEntry, VaultUsage } from "./chunk-store.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import { assertBooks, heldOf, openTestStore, testEntry } from "./crash-fixture.ts";
import { entryHeaderBytes } from "./log-entry.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
import { chunkCost } from "./vault-accounts.ts";

const folder = mkdtempSync(join(tmpdir(), "lost-index-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const newDirectory = (): Promise<string> => mkdtemp(join(folder, "store-"));

type Harm = { readonly name: string; readonly harm: (index: string, older: string) => Promise<void> };

async function newestOf(index: string, kind: "run" | "books"): Promise<string> {
  const names = (await readdir(index)).filter((name) => name.startsWith(kind));
  return join(index, names.sort().at(-1) ?? assert.fail());
}

/** Changes the newest file of the index of this kind. */
const toNewest =
  (kind: "run" | "books", change: (content: Buffer) => Buffer) =>
  async (index: string): Promise<void> => {
    const path = await newestOf(index, kind);
    await writeFile(path, change(await readFile(path)));
  };
const harms: readonly Harm[] = [
  { name: "missing", harm: (index) => rm(index, { recursive: true }) },
  ...(["run", "books"] as const).flatMap((kind) => [
    { name: `whose newest ${kind} is empty`, harm: toNewest(kind, () => Buffer.alloc(0)) },
    { name: `whose newest ${kind} lacks its last byte`, harm: toNewest(kind, (content) => content.subarray(0, -1)) },
    { name: `whose newest ${kind} is cut in the middle`, harm: toNewest(kind, (content) => content.subarray(0, content.length / 2)) },
    { name: `whose newest ${kind} is full of noise`, harm: toNewest(kind, ({ length }) => Buffer.from(seededRandom(3).bytes(length))) },
    { name: `whose newest ${kind} is missing`, harm: async (index: string) => unlink(await newestOf(index, kind)) },
  ]),
  {
    name: "older than the log",
    harm: async (index, older) => {
      await rm(index, { recursive: true });
      await cp(older, index, { recursive: true });
    },
  },
  {
    name: "with an index of format 1 beside it, written by an older program since",
    harm: (index) => writeFile(join(index, "data.mdb"), ""),
  },
];
for (const { name, harm } of harms)
  test(`an index ${name}: everything is found again`, async () => {
    const directory = await newDirectory();
    const [index, older] = [join(directory, "index"), join(directory, "older")];
    const entries = Array.from({ length: 300 }, (_, number) => testEntry(number));
    const limits = { segmentBytes: 100_000, checkpointEntries: 20 };
    let store = await openTestStore(directory, { limits });
    await store.put(entries.slice(0, 150));
    await store.remove(entries[3]?.address ?? assert.fail());
    await store.close();
    await cp(index, older, { recursive: true });
    store = await openTestStore(directory, { limits });
    for (const one of entries.slice(150)) await store.put([one]);
    await store.remove(entries[4]?.address ?? assert.fail());
    await store.close();
    await harm(index, older);
    const again = await openTestStore(directory, { limits });
    assert.deepEqual(
      await heldOf(again, entries),
      entries.map((_, i) => i !== 3 && i !== 4),
    );
    assertBooks(again);
    await again.close();
  });

test("an index that knows more than the log has: what the log has is served, the rest is gone and can be put again", async () => {
  const directory = await newDirectory();
  const store = await openTestStore(directory);
  const [a, b] = [testEntry(1), testEntry(2)];
  await store.put([a]);
  await store.put([b]);
  await store.close();
  const [segment] = await readdir(join(directory, "segments"));
  const path = join(directory, "segments", segment ?? assert.fail());
  await truncate(path, (await stat(path)).size - 10);
  const again = await openTestStore(directory);
  assert.deepEqual(await heldOf(again, [a, b]), [true, false]);
  assertBooks(again);
  assert.deepEqual(await again.put([a, b]), ["held", "stored"]);
  await again.close();
});

/** A disk with a store of 60 chunks, one of which is removed, whose index is of several runs. */
async function storeWithRuns(): Promise<{ disk: MemoryDisk; held: readonly boolean[]; index: readonly string[] }> {
  const disk = createMemoryDisk();
  const store = await openTestStore(await newDirectory(), { disk, limits: { checkpointEntries: 25 } });
  for (let number = 0; number < 60; number += 5) await store.put(numbered.slice(number, number + 5));
  await store.remove(numbered[7]?.address ?? assert.fail());
  await store.close();
  const index = disk.names().filter((name) => !disk.segments().includes(name));
  assert.ok(index.length >= 3, `runs and books: ${index.join(", ")}`);
  return { disk, held: numbered.map((_, number) => number !== 7), index };
}
const numbered = Array.from({ length: 60 }, (_, number) => testEntry(number));

test("the index cut or flipped anywhere: the same chunks are held, or it is seen and nothing is held that is not", async () => {
  const { disk, held, index } = await storeWithRuns();
  let seenLater = 0;
  // At every byte, of the index alone: index-file.test.ts.
  for (const name of index)
    for (let at = 0; at < disk.content(name).length; at += 41) {
      const left = copyOf(disk);
      const content = Buffer.from(disk.content(name));
      content[at] = (content[at] ?? 0) ^ (1 << (at % 8));
      left.replace(name, at % 2 === 0 ? content : content.subarray(0, at));
      const directory = await newDirectory();
      const store = await openTestStore(directory, { disk: left });
      const known = numbered.map(({ address }) => store.info(address) !== undefined);
      const isSeen = store.health().mode === "read-only";
      if (isSeen) seenLater += 1;
      assert.ok(
        known.every((one, number) => (isSeen ? !one || held[number] : one === held[number])),
        `${name} at ${at}`,
      );
      if (!isSeen) assertBooks(store);
      await store.close();
      const again = await openTestStore(directory, { disk: left });
      assert.deepEqual(await heldOf(again, numbered), held, `${name} at ${at}: made again`);
      assert.equal(again.health().mode, "writable");
      await again.close();
      await rm(directory, { recursive: true });
    }
  assert.ok(seenLater > 20, `${seenLater} flips were seen by reading a page`);
});

test("a page that rots while the store runs: read-only and said, errors and no false answers, and whole after the next start", async () => {
  const { disk, held, index } = await storeWithRuns();
  const directory = await newDirectory();
  const store = await openTestStore(directory, { disk });
  for (const name of index) if (name.startsWith("run-")) disk.content(name).fill(0x55, 0, 2000);
  const [first, second] = [numbered[0] ?? assert.fail(), numbered[1] ?? assert.fail()];
  const isIo = (error: unknown): boolean => error instanceof ChunkStoreError && error.code === "io";
  await assert.rejects(store.get(first.address), isIo);
  assert.deepEqual(store.health().mode, "read-only");
  assert.equal(store.info(first.address), undefined);
  await assert.rejects(store.put([first]), isIo);
  await assert.rejects(store.remove(second.address), isIo);
  assert.throws(() => [...store.addresses()], isIo);
  await store.close();
  const again = await openTestStore(directory, { disk });
  assert.deepEqual(await heldOf(again, numbered), held);
  assert.equal(again.health().mode, "writable");
  await again.close();
});

for (const [name, tornHeader] of [
  ["before a whole entry", undefined],
  ["before one whose header is torn too", 1],
] as const)
  test(`a chunk torn ${name}, in a group that got no answer, is held by no later index: it shows as damaged until it is put`, async () => {
    const disk = createMemoryDisk();
    const directory = await newDirectory();
    const group = [testEntry(1), testEntry(2), testEntry(3)];
    const [torn, , whole] = group;
    let store = await openTestStore(directory, { disk });
    await store.put(group);
    const log = Buffer.from(disk.content(disk.segments()[0] ?? assert.fail()));
    await store.close();
    // What a power cut leaves of the group: its first chunk's header without the bytes, and perhaps no header of the second.
    log.fill(0, entryHeaderBytes, entryHeaderBytes + (torn?.bytes.length ?? 0));
    if (tornHeader !== undefined)
      log.fill(0, entryHeaderBytes + (torn?.bytes.length ?? 0), 2 * entryHeaderBytes + (torn?.bytes.length ?? 0));
    disk.loseIndex();
    disk.replace(disk.segments()[0] ?? "", log);
    const limits = { segmentBytes: 300 };
    const restart = async (): Promise<void> => {
      await store.close();
      disk.loseIndex();
      store = await openTestStore(directory, { disk, limits });
    };
    store = await openTestStore(directory, { disk, limits });
    await store.put([testEntry(4)]);
    for (let round = 0; round < 3; round += 1) {
      await restart();
      assert.deepEqual(
        [torn, whole, testEntry(4)].map((one) => one !== undefined && store.info(one.address) !== undefined),
        [false, true, true],
        "before anybody reads it",
      );
      assertBooks({ ...store, vaults: () => store.vaults().map((usage) => ({ ...usage, ...withoutDamaged(usage, torn) })) });
    }
    assert.equal((await store.get(torn?.address ?? assert.fail())).kind, "damaged");
    assert.deepEqual(await store.put(group.slice(0, 1)), ["stored"]);
    await restart();
    assert.deepEqual(await heldOf(store, [torn ?? assert.fail(), testEntry(4)]), [true, true]);
    assertBooks(store);
    await store.close();
  });

/** A vault's figures without the room that a damaged chunk takes until it is replaced. */
function withoutDamaged({ used, chunks }: VaultUsage, damaged: PutEntry | undefined): Pick<VaultUsage, "used" | "chunks"> {
  return { used: used - chunkCost(damaged?.bytes.length ?? 0), chunks: chunks - 1 };
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = createMemoryDisk();
  for (const name of disk.names()) copy.replace(name, disk.content(name));
  return copy;
}
