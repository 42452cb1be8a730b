// Proves that the removal of a farm takes nothing from an `up` that comes at the same time, and leaves nothing behind.
// Method: the folder of a farm with many files, removed while it is taken again as soon as it can be; no farm is started.
import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { stoppedFarm } from "./farm-fixture.ts";
import { lockHolder } from "./farm-lock.ts";
import { findFarm } from "./find-farm.ts";
import { takeFolder } from "./open-farm.ts";
import { removeFarm } from "./remove-farm.ts";

const work = mkdtempSync(join(tmpdir(), "remove-farm-"));
after(() => rmSync(work, { recursive: true, force: true }));

test("whoever has the folder next keeps it whole, lock and all", async () => {
  const folder = await stoppedFarm(work);
  for (let file = 0; file < 500; file += 1) writeFileSync(join(folder.nodes, `chunks-${file}`), "x");
  const lock = await takeFolder(folder);
  assert.ok(lock.kind === "taken");
  const removed = removeFarm(folder, lock);
  let next = await takeFolder(folder);
  while (next.kind === "held") next = await takeFolder(folder);
  await removed;
  await lock.markStopping();
  assert.equal((await lockHolder(folder.lock))?.pid, process.pid);
  assert.ok(existsSync(folder.nodes) && !existsSync(folder.state) && !existsSync(join(folder.nodes, "chunks-0")));
  assert.deepEqual(readdirSync(join(work, ".vaultfarm")), ["attic"]);
  await next.release();
});

test("what is left of a removal that was cut short is no farm", async () => {
  const folder = await stoppedFarm(work);
  mkdirSync(join(work, ".vaultfarm", ".attic.removed.1"));
  writeFileSync(join(work, ".vaultfarm", ".attic.removed.1", "farm.json"), "{");
  assert.equal((await findFarm(join(work, ".vaultfarm"))).folder.root, folder.root);
});
