// Proves that folders are made with those above them, that what is there already is left alone, and that a place where
// nothing can be made is an error at once, also below /proc, where Node's recursive mkdir does not end. Real folders.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeFolder } from "./make-folder.ts";

const work = mkdtempSync(join(tmpdir(), "make-folder-"));
after(() => rmSync(work, { recursive: true, force: true }));

test("what is missing is made, many at once too, with the mode asked for", async () => {
  const path = join(work, "a/b/c");
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(path, 0o700)));
  assert.equal(statSync(path).mode & 0o777, 0o700);
  writeFileSync(join(path, "kept"), "");
  await makeFolder(path, 0o755);
  assert.deepEqual([statSync(path).mode & 0o777, statSync(join(path, "kept")).size], [0o700, 0]);
});

test("a file in its place is an error", async () => {
  writeFileSync(join(work, "file"), "");
  await assert.rejects(makeFolder(join(work, "file")), { code: "ENOTDIR" });
  await assert.rejects(makeFolder(join(work, "file/below")), { code: "ENOTDIR" });
});

const options = process.platform === "linux" ? {} : { skip: "only Linux has /proc" };
test("below /proc it is an error at once, also through a link", options, async () => {
  await assert.rejects(makeFolder("/proc/vaultfarm/attic"), { code: "ENOENT", syscall: "mkdir" });
  symlinkSync("/proc", join(work, "link"));
  await assert.rejects(makeFolder(join(work, "link/vaultfarm/attic")), { code: "ENOENT", syscall: "mkdir" });
});
