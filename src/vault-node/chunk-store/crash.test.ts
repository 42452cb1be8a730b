// Proves that a crash at any point loses nothing acknowledged and leaves nothing torn to be served: the log cut at every
// byte of its last entries, bytes flipped in it, a power cut at every operation of a workload with compaction and merges of
// the index, and real processes killed while they write. What becomes of a harmed index: lost-index.test.ts.
import { strict as assert } from "node:assert";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { seededRandom } from "../../runtime/random.ts";
import type { PutEntry } from "./chunk-store.ts";
import { assertBooks, heldOf, isHeld, openTestStore, testEntry } from "./crash-fixture.ts";
import { testVault } from "./crash-writer.ts";
import type { DiskChunkStore } from "./disk.ts";
import { entryHeaderBytes } from "./log-entry.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "store-crash-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const newDirectory = (): Promise<string> => mkdtemp(join(folder, "store-"));

/** Where entries of these sizes begin, and the end of the last. */
function bordersOf(entries: readonly PutEntry[]): readonly number[] {
  const borders = [0];
  for (const { bytes } of entries) borders.push((borders.at(-1) ?? 0) + entryHeaderBytes + bytes.length);
  return borders;
}

test("the log cut at every byte of its last entries: all before the cut is there, nothing torn is, and writing goes on", async () => {
  const entries = [0, 1, 2, 3, 4, 5].map((number): PutEntry => {
    const bytes = Buffer.alloc(20, number + 1);
    return { vault: testVault, address: chunkAddress(bytes), bytes };
  });
  const disk = createMemoryDisk();
  const store = await openTestStore(await newDirectory(), { disk });
  for (const one of entries.slice(0, 4)) await store.put([one]);
  await store.put(entries.slice(4));
  await store.remove(entries[3]?.address ?? assert.fail());
  const [name] = disk.segments();
  const log = Buffer.from(disk.content(name ?? assert.fail()));
  await store.close();
  const ends = bordersOf(entries).slice(1);
  // Cut anywhere in the last four entries: a single group, one of two, a removal.
  for (let cut = ends[2] ?? assert.fail(); cut <= log.length; cut += 1) {
    const directory = await newDirectory();
    const left = createMemoryDisk();
    left.replace(name ?? "", log.subarray(0, cut));
    const again = await openTestStore(directory, { disk: left });
    const whole = ends.map((end) => end <= cut);
    if (cut === log.length) whole[3] = false;
    assert.deepEqual(await heldOf(again, entries), whole, `cut at ${cut} of ${log.length}`);
    assertBooks(again);
    assert.deepEqual(await again.put([testEntry(6)]), ["stored"]);
    await again.close();
    if (cut % 50 === 0) {
      const third = await openTestStore(directory, { disk: left });
      assert.deepEqual(await heldOf(third, [...entries, testEntry(6)]), [...whole, true], "and after one more start");
      await third.close();
    }
    await rm(directory, { recursive: true });
  }
});

test("one byte flipped anywhere in a log that is read again: every other chunk is there, the index lost or not", async () => {
  const entries = Array.from({ length: 6 }, (_, number) => testEntry(number));
  const disk = createMemoryDisk();
  const store = await openTestStore(await newDirectory(), { disk });
  await store.put(entries);
  const [name] = disk.segments();
  const log = Buffer.from(disk.content(name ?? assert.fail()));
  await store.close();
  const starts = bordersOf(entries);
  for (let at = 0; at < log.length; at += at % 7 === 0 ? 1 : 13) {
    const left = createMemoryDisk();
    const bytes = Buffer.from(log);
    bytes[at] = (bytes[at] ?? 0) ^ 0x20;
    left.replace(name ?? "", bytes);
    const again = await openTestStore(await newDirectory(), { disk: left });
    const expected = entries.map((_, i) => !(at >= (starts[i] ?? 0) && at < (starts[i + 1] ?? 0)));
    assert.deepEqual(await heldOf(again, entries), expected, `flipped at ${at}`);
    assert.deepEqual(
      (await again.put(entries)).map((outcome) => outcome === "held"),
      expected,
      "only the damaged one is written anew",
    );
    assert.deepEqual(await heldOf(again, entries), Array(6).fill(true));
    await again.close();
  }
});

test("bytes in a chunk that look like entries are not believed, even where the chunk's own header rotted", async () => {
  const disk = createMemoryDisk();
  const store = await openTestStore(await newDirectory(), { disk });
  const victim = testEntry(0);
  await store.put([victim]);
  await store.put([testEntry(1)]);
  await store.remove(testEntry(1).address);
  const [name] = disk.segments();
  const log = disk.content(name ?? assert.fail());
  // The note of the removal, made to be about the victim by somebody who knows the form, inside a chunk.
  const forged = Buffer.from(log.subarray(log.length - entryHeaderBytes));
  forged.write(victim.address, 24, 32, "hex");
  const { crc32 } = await import("node:zlib");
  forged.writeUInt32LE(crc32(forged.subarray(0, 92)), 92);
  const bytes = Buffer.concat([Buffer.alloc(50), forged, Buffer.alloc(50)]);
  const start = log.length;
  await store.put([{ vault: testVault, address: chunkAddress(bytes), bytes }]);
  await store.put([testEntry(2)]);
  const rotten = Buffer.from(disk.content(name ?? ""));
  rotten[start + 10] = 1;
  await store.close();
  const left = createMemoryDisk();
  left.replace(name ?? "", rotten);
  const again = await openTestStore(await newDirectory(), { disk: left });
  assert.deepEqual(await heldOf(again, [victim, testEntry(2)]), [true, true]);
  await again.close();
});

type Told = { readonly stored: Set<Address>; readonly removed: Set<Address> };

/** Puts and removes so that segments come, die and are compacted; what was acknowledged is told at once. */
async function workload(store: DiskChunkStore, told: Told): Promise<void> {
  for (let number = 0; number < 36; number += 1) {
    const { address } = testEntry(number);
    const [outcome] = await store.put([testEntry(number)]);
    if (outcome !== "stored") return;
    told.stored.add(address);
    if (number < 8 || number % 4 === 0) continue;
    const victim = testEntry(number - 8).address;
    // From the call on nobody knows, until it is answered.
    told.stored.delete(victim);
    if (!(await store.remove(victim).catch(() => false))) return;
    told.removed.add(victim);
  }
  await store.compacted();
}

const small = { segmentBytes: 6000, checkpointEntries: 10, compactionBytesPerSecond: 1e12 };

/** A run on a disk that stops at the operation `stopAt`; what the next start finds after a power cut then. */
async function runUntil(stopAt: number): Promise<{ told: Told; disk: MemoryDisk; directory: string; ended: boolean }> {
  const directory = await newDirectory();
  const disk = createMemoryDisk();
  const told: Told = { stored: new Set(), removed: new Set() };
  const random = seededRandom(stopAt + 1);
  let operations = 0;
  let image: MemoryDisk | undefined;
  disk.watch(({ kind }) => {
    if (kind === "read") return;
    operations += 1;
    if (operations < stopAt) return;
    image ??= disk.afterPowerCut(() => random.fraction() < 0.5);
    throw Object.assign(new Error("the power is off"), { code: "EIO" });
  });
  const store = await openTestStore(directory, { disk, limits: small });
  await workload(store, told);
  await store.close();
  return { told, disk: image ?? disk.afterPowerCut(() => false), directory, ended: image === undefined };
}

test("the power cut before every single operation of the disk, compaction among them: what was told is true", async () => {
  const all = Array.from({ length: 36 }, (_, number) => testEntry(number));
  let cuts = 0;
  for (let stopAt = 2; ; stopAt += 1) {
    const { told, disk, directory, ended } = await runUntil(stopAt);
    for (const lostIndex of [false, true]) {
      if (lostIndex) disk.loseIndex();
      const store = await openTestStore(directory, { disk, limits: small });
      const held = await heldOf(store, all);
      all.forEach(({ address }, number) => {
        if (told.stored.has(address)) assert.ok(held[number], `cut ${stopAt}: chunk ${number} was acknowledged and is lost`);
        if (told.removed.has(address)) assert.ok(!held[number], `cut ${stopAt}: chunk ${number} was removed and is back`);
      });
      assertBooks(store);
      assert.deepEqual(await store.put([testEntry(99)]), [lostIndex ? "held" : "stored"]);
      await store.compacted();
      await store.close();
    }
    await rm(directory, { recursive: true });
    if (ended) break;
    cuts += 1;
  }
  assert.ok(cuts > 100, `${cuts} cuts`);
});

test("real processes killed with SIGKILL while they write, 50 times: every address they acknowledged reads back, what they removed is gone", {
  timeout: 300_000,
}, async () => {
  const directory = await newDirectory();
  const random = seededRandom(8);
  const [acknowledged, removed] = [new Set<number>(), new Set<number>()];
  for (let kill = 0; kill < 50; kill += 1) {
    const child = fork(fileURLToPath(new URL("./crash-writer.ts", import.meta.url)), [directory, String(kill)], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    const until = 1 + Math.floor(random.fraction() * 60);
    let said = 0;
    child.on("message", (number) => {
      if (Number(number) < 0) return void removed.add(-Number(number));
      acknowledged.add(Number(number));
      said += 1;
      if (said === until) child.kill("SIGKILL");
    });
    const [, signal] = await once(child, "exit");
    assert.equal(signal, "SIGKILL", "it wrote until it was killed");
    const store = await openTestStore(directory, { limits: small });
    for (const number of acknowledged)
      assert.ok(await isHeld(store, testEntry(number)), `kill ${kill}: chunk ${number} was acknowledged and is lost`);
    for (const number of removed)
      assert.equal(store.info(testEntry(number).address), undefined, `kill ${kill}: chunk ${number} was removed and is back`);
    assertBooks(store);
    await store.close();
    // What the next process finds, every other time: no index.
    if (kill % 2 === 1) await rm(join(directory, "index"), { recursive: true });
  }
  assert.ok(acknowledged.size > 500 && removed.size > 300, `${acknowledged.size} chunks, ${removed.size} removals`);
});
