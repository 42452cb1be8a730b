// Proves what a log line holds: sentence, fields and the chain of causes, at the wanted level and above; and that a log which
// finds no room ends nothing. Method: a log into a file, its lines parsed; the device that is always full.
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLog } from "./log.ts";

test("a line is JSON with program, sentence, fields and causes; lower levels are left out", async () => {
  const directory = await mkdtemp(join(tmpdir(), "log-"));
  const path = join(directory, "lines");
  const log = createLog("test", "info", path).with({ part: "a" });
  log.debug("not shown");
  log.warn("shown", { bytes: 3, cause: new Error("outer", { cause: new Error("inner") }) });
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  assert.equal(lines.length, 1);
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.deepEqual([line["program"], line["msg"], line["part"], line["bytes"]], ["test", "shown", "a", 3]);
  assert.match(JSON.stringify(line["cause"]), /outer.*inner/);
  await rm(directory, { recursive: true });
});

const noDevice = existsSync("/dev/full") ? false : "this system has no device that is always full";
test("lines that find no room on the disk end nothing, however many they are", { skip: noDevice }, async () => {
  const log = createLog("test", "info", "/dev/full");
  for (let n = 0; n < 1_000; n += 1) log.info("a line for which there is no room", { text: "x".repeat(1_000) });
  // What is told as an event comes a turn later.
  await setImmediate();
});
