// Proves that the reason a process ended is found in its log, whether it logged it or Node printed it.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lastWords } from "./last-words.ts";

const folder = mkdtempSync(join(tmpdir(), "last-words-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const log = join(folder, "log");
async function wordsOf(...lines: readonly string[]): Promise<string | undefined> {
  writeFileSync(log, lines.join("\n"));
  return lastWords(log);
}

test("the last error counts, not what is said after it", async () => {
  const [error, info] = [JSON.stringify({ level: 50, msg: "the port is in use" }), JSON.stringify({ level: 30, msg: "stopping" })];
  assert.equal(await wordsOf(JSON.stringify({ level: 50, msg: "older" }), error, info, ""), "the port is in use");
});

test("an error that Node prints itself is found", async () => {
  assert.equal(
    await wordsOf("file:///x.ts:1", "Error [ERR_MODULE_NOT_FOUND]: Cannot find x", "    at y", "Node.js v24"),
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find x",
  );
});

test("a log without errors, damaged, or absent has no last words", async () => {
  assert.equal(await wordsOf('{"level":30,"msg":"fine"}', "{broken"), undefined);
  assert.equal(await lastWords(join(folder, "absent")), undefined);
});
