// Proves that the books on disk say of the log what held at their position, however long they took to write: what is read
// again from there at the next start is counted once.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { chunkOf, testVault } from "./crash-writer.ts";
import { createDiskChunkStore } from "./disk.ts";
import type { DiskFile } from "./disk-port.ts";
import { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "books-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("chunks removed while the index is written are counted as dead once after a power cut", async () => {
  const disk = createMemoryDisk();
  let writesIndex = Promise.resolve();
  const open: MemoryDisk["open"] = async (path, mode) => {
    const file = await disk.open(path, mode);
    const pwritev: DiskFile["pwritev"] = async (parts, position) => {
      if (path.includes("run-")) await writesIndex;
      await file.pwritev(parts, position);
    };
    return { ...file, pwritev };
  };
  const options = {
    ...{ directory: await mkdtemp(join(folder, "store-")), vaults: [{ vault: testVault, capacity: 2 ** 26 }] },
    ...{ clock: createVirtualClock(), log: silentLog, limits: { checkpointEntries: 10 } },
  };
  const store = await createDiskChunkStore({ ...options, disk: { ...disk, open } });
  const chunks = Array.from({ length: 10 }, (_, n) => chunkOf(n));
  const { promise, resolve } = Promise.withResolvers<void>();
  writesIndex = promise;
  await store.put(chunks.map((chunk) => ({ vault: testVault, ...chunk })));
  for (const { address } of chunks.slice(0, 4)) await store.remove(address);
  const { dead } = await store.disk();
  assert.ok(dead > 0);
  resolve();
  await store.compacted();
  const again = await createDiskChunkStore({
    ...options,
    directory: await mkdtemp(join(folder, "store-")),
    disk: disk.afterPowerCut(() => true),
  });
  assert.equal((await again.disk()).dead, dead);
  assert.ok((await again.disk()).overhead > 0);
  await again.close();
  await store.close();
});
