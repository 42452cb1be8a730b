// Proves that files become folders of chunks and come back, that the map beside them is the crate's, and that a missing or
// changed chunk leaves no output file.
import { strict as assert } from "node:assert";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { seededRandom } from "../../runtime/random.ts";
import { ClientError } from "../errors.ts";
import { parseDataMap } from "./data-map.ts";
import { decryptFile, encryptFile } from "./offline.ts";

const folder = await mkdtemp(join(tmpdir(), "offline-"));
after(() => rm(folder, { recursive: true }));

async function encrypted(size: number, secret?: Uint8Array): Promise<{ bytes: Uint8Array; chunks: string; mapPath: string; out: string }> {
  const bytes = seededRandom(size).bytes(size);
  const path = join(folder, `plain-${size}`);
  const chunks = join(folder, `chunks-${size}-${secret === undefined ? "" : "salted"}`);
  await writeFile(path, bytes);
  const { mapPath } = await encryptFile(path, chunks, secret === undefined ? {} : { secret });
  return { bytes, chunks, mapPath, out: join(folder, `out-${size}`) };
}

test("files of all kinds of size come back", async () => {
  for (const size of [1, 2, 3, 1000, 70_000, 13_000_000]) {
    const { bytes, chunks, mapPath, out } = await encrypted(size);
    assert.deepEqual(await decryptFile(mapPath, chunks, out), { bytes: size });
    assert.ok(Buffer.from(bytes).equals(await readFile(out)));
    if (size >= 3) assert.equal(parseDataMap(await readFile(mapPath)).kind, "map", "the map is the crate's own form");
  }
});

test("a salted file comes back by its map alone", async () => {
  const { bytes, chunks, mapPath, out } = await encrypted(5000, new Uint8Array(32).fill(3));
  await decryptFile(mapPath, chunks, out);
  assert.ok(Buffer.from(bytes).equals(await readFile(out)));
});

test("a missing or changed chunk is named, and nothing is left behind", async () => {
  const { chunks, mapPath } = await encrypted(6000);
  const out = join(folder, "never");
  const [name = assert.fail()] = (await readdir(chunks)).filter((entry) => entry.length === 64);
  const good = await readFile(join(chunks, name));
  await writeFile(join(chunks, name), good.subarray(1));
  await assert.rejects(decryptFile(mapPath, chunks, out), (error) => error instanceof ClientError && error.code === "damaged");
  await rm(join(chunks, name));
  await assert.rejects(decryptFile(mapPath, chunks, out), (error) => error instanceof ClientError && error.code === "not-found");
  await assert.rejects(access(out));
  await assert.rejects(access(`${out}.partial`));
});

test("a file of the name that the unfinished one would have is neither written over nor removed", async () => {
  const { chunks, mapPath } = await encrypted(6500);
  const out = join(folder, "taken");
  await writeFile(`${out}.partial`, "of somebody else");
  await assert.rejects(decryptFile(mapPath, chunks, out), /EEXIST/);
  assert.equal(await readFile(`${out}.partial`, "utf8"), "of somebody else");
  await assert.rejects(access(out));
});

test("an empty file and a file that is no map are refused", async () => {
  const empty = join(folder, "empty");
  await writeFile(empty, "");
  await assert.rejects(encryptFile(empty, folder), (error) => error instanceof ClientError && error.code === "empty");
  await writeFile(empty, "hello");
  await assert.rejects(decryptFile(empty, folder, join(folder, "x")), (error) => error instanceof ClientError && error.code === "damaged");
});

test("the map of another file is not written over: without it that file is lost", async () => {
  const first = await encrypted(7000);
  const other = join(folder, "other");
  await writeFile(other, "another file altogether");
  await assert.rejects(encryptFile(other, first.chunks), /data-map/);
  await decryptFile(first.mapPath, first.chunks, first.out);
  assert.ok(Buffer.from(first.bytes).equals(await readFile(first.out)));
});
