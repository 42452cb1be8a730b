// Proves that encrypt and decrypt on the command line are each other's inverse, and refuse damaged, missing and
// empty input with their exit codes: through the real command line in this process.
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { systemRandom } from "../../runtime/random.ts";
import { runInProcess } from "../command-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "offline-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const content = Buffer.concat([systemRandom.bytes(5 * 2 ** 20), Buffer.from("text that repeats ".repeat(50_000))]);
writeFileSync(join(folder, "file"), content);

test("there and back: chunks are named by their address, the map lies beside them", async () => {
  const encrypted = await runInProcess(["encrypt", "file", "--out", "chunks", "--json"], folder);
  assert.equal(encrypted.code, 0, encrypted.err);
  const { map, bytes, chunks } = JSON.parse(encrypted.out.toString()) as { map: string; bytes: number; chunks: number };
  assert.equal(bytes, content.length);
  const names = readdirSync(join(folder, "chunks")).filter((name) => !map.endsWith(name));
  assert.equal(names.length, chunks);
  for (const name of names) assert.equal(chunkAddress(readFileSync(join(folder, "chunks", name))), name);
  const decrypted = await runInProcess(["decrypt", map, "--chunks", "chunks", "--out", "back"], folder);
  assert.equal(decrypted.code, 0, decrypted.err);
  assert.ok(readFileSync(join(folder, "back")).equals(content));
});

test("a folder that has the map of another file is refused, and that map stays", async () => {
  await runInProcess(["encrypt", "file", "--out", "shared"], folder);
  const map = join(folder, "shared", "data-map");
  const before = readFileSync(map);
  writeFileSync(join(folder, "other"), "of another file ".repeat(1000));
  const { code, err } = await runInProcess(["encrypt", "other", "--out", "shared"], folder);
  assert.ok(readFileSync(map).equals(before), "without its map the first file cannot be read any more");
  assert.deepEqual([code, /^vaultfarm: shared\/data-map is there already/.test(err)], [2, true]);
});

test("a damaged or missing chunk, an empty file, a map that is none: refused, nothing left behind", async () => {
  await runInProcess(["encrypt", "file", "--out", "broken"], folder);
  const chunk = readdirSync(join(folder, "broken")).find((name) => /^[0-9a-f]{64}$/.test(name)) ?? assert.fail();
  const path = join(folder, "broken", chunk);
  const bytes = readFileSync(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const decrypt = (map: string): ReturnType<typeof runInProcess> =>
    runInProcess(["decrypt", map, "--chunks", "broken", "--out", "none"], folder);
  assert.equal((await decrypt("broken/data-map")).code, 7);
  rmSync(path);
  assert.equal((await decrypt("broken/data-map")).code, 3);
  assert.equal((await decrypt("file")).code, 7);
  writeFileSync(join(folder, "empty"), "");
  assert.equal((await runInProcess(["encrypt", "empty", "--out", "x"], folder)).code, 2);
  assert.equal((await runInProcess(["encrypt", "absent", "--out", "x"], folder)).code, 3);
  assert.deepEqual([existsSync(join(folder, "none")), readdirSync(folder).some((name) => name.includes("partial"))], [false, false]);
});

test("decrypt puts no file in the place of a folder or a device, nor over an unfinished one of somebody else", async () => {
  const map = join("chunks", "data-map");
  for (const out of [".", "/dev/null"]) {
    const { code, err } = await runInProcess(["decrypt", map, "--chunks", "chunks", "--out", out], folder);
    assert.deepEqual([code, /is no file/.test(err)], [2, true], err);
  }
  assert.ok(statSync("/dev/null").isCharacterDevice());
  writeFileSync(join(folder, "again.partial"), "of somebody else");
  const { code, err } = await runInProcess(["decrypt", map, "--chunks", "chunks", "--out", "again"], folder);
  assert.notEqual(code, 0);
  assert.match(err, /again\.partial.* is there already/);
  assert.equal(readFileSync(join(folder, "again.partial"), "utf8"), "of somebody else");
});
