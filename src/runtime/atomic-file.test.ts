// Proves that a file is replaced whole, with its mode, and that a failed write leaves the old one and no draft.
// Method: a real directory.
import { strict as assert } from "node:assert";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readFileIfThere, writeFileAtomic } from "./atomic-file.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "atomic-file-"));
});
after(() => rm(directory, { recursive: true }));

const textOf = async (path: string): Promise<string | undefined> => {
  const bytes = await readFileIfThere(path);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
};

test("writes, replaces, and keeps to its owner by default", async () => {
  const path = join(directory, "state");
  assert.equal(await textOf(path), undefined);
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, new TextEncoder().encode("two"));
  assert.equal(await textOf(path), "two");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("a write that fails leaves no draft behind", async () => {
  const occupied = join(directory, "occupied");
  await mkdir(join(occupied, "inside"), { recursive: true });
  await assert.rejects(writeFileAtomic(occupied, "text"));
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith(".")),
    [],
  );
});

test("what cannot be read is an error, not an absence", async () => {
  await assert.rejects(readFileIfThere(directory), { code: "EISDIR" });
});
