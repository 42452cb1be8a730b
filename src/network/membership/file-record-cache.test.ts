// Proves the cache on a real disk: what was saved comes back, a file cut or damaged at any byte gives what can be read and
// never an error, a failed save leaves the last one, and the longest chain of certificates is no larger than what is read.
import { strict as assert } from "node:assert";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { certificateSizeMax } from "../../protocol/limits.ts";
import { type Log, silentLog } from "../../runtime/log.ts";
import { certificateFile, createFileRecordCache } from "./file-record-cache.ts";

const records = [Uint8Array.of(1, 2, 3), new Uint8Array(300).fill(7), Uint8Array.of(9)];

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "vaultfarm-cache-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const warnings = (): { readonly log: Log; readonly sentences: string[] } => {
  const sentences: string[] = [];
  return { sentences, log: { ...silentLog, warn: (sentence) => void sentences.push(sentence) } };
};

test("what was saved last comes back; nothing and no warning where there is no file", () =>
  inFolder(async (folder) => {
    const { log, sentences } = warnings();
    const cache = createFileRecordCache(join(folder, "records"), log);
    assert.deepEqual(await cache.load(), []);
    await cache.save(records);
    assert.deepEqual(await cache.load(), records);
    await cache.save(records.slice(2));
    assert.deepEqual(await cache.load(), records.slice(2));
    await cache.save([]);
    assert.deepEqual(await cache.load(), []);
    assert.deepEqual(sentences, []);
    assert.deepEqual(await readdir(folder), ["records"]);
  }));

test("a file cut anywhere gives the whole records before the cut, with a warning", () =>
  inFolder(async (folder) => {
    const path = join(folder, "records");
    await createFileRecordCache(path, silentLog).save(records);
    const whole = await readFile(path);
    for (let end = 0; end < whole.length; end += 7) {
      await writeFile(path, whole.subarray(0, end));
      const { log, sentences } = warnings();
      const loaded = await createFileRecordCache(path, log).load();
      assert.deepEqual(loaded, records.slice(0, loaded.length));
      assert.ok(sentences.length === 1 || loaded.reduce((sum, { length }) => sum + length + 4, 20) === end, `cut at ${end}`);
    }
  }));

test("garbage is a warning, never an error", () =>
  inFolder(async (folder) => {
    const path = join(folder, "records");
    for (const garbage of [Buffer.from("{}"), Buffer.alloc(100_000, 255), Buffer.from(`vaultfarm records 1\n\xff\xff\xff\xff`, "latin1")]) {
      await writeFile(path, garbage);
      const { log, sentences } = warnings();
      assert.deepEqual(await createFileRecordCache(path, log).load(), []);
      assert.equal(sentences.length, 1);
    }
    const { log, sentences } = warnings();
    assert.deepEqual(await createFileRecordCache(folder, log).load(), []);
    assert.equal(sentences.length, 1);
  }));

test("a save into a folder that is gone rejects and harms nothing", () =>
  inFolder(async (folder) => {
    const cache = createFileRecordCache(join(folder, "none", "records"), silentLog);
    await assert.rejects(cache.save(records));
    assert.deepEqual(await cache.load(), []);
  }));

test("a chain of certificates larger than any file of records comes back whole; a file of records that large does not", () =>
  inFolder(async (folder) => {
    const many = Array.from<Uint8Array>({ length: 1_700 }).fill(new Uint8Array(certificateSizeMax).fill(1));
    const { log, sentences } = warnings();
    const chain = createFileRecordCache(join(folder, "chain"), log, certificateFile);
    await chain.save(many);
    assert.equal((await chain.load()).length, many.length);
    assert.deepEqual(sentences, []);
    const records = createFileRecordCache(join(folder, "chain"), log);
    assert.deepEqual(await records.load(), []);
    assert.equal(sentences.length, 1);
  }));
