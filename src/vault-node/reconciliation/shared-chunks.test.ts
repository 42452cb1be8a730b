// Proves that what is held is read in the end, also where the store could not be read for a moment, and nothing that went meanwhile.
// Store and clock in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews } from "../../network/membership/node-views.ts";
import { chunkAddress } from "../../protocol/address.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { ChunkStoreError } from "../chunk-store/chunk-store-error.ts";
import { policy, recordIn } from "../replication/chunk-fixture.ts";
import { reconciliationLimits } from "./reconciliation-limits.ts";
import { createSharedChunks } from "./shared-chunks.ts";

test("a store that cannot be read for a moment is read again, and comparisons wait no longer than that", async () => {
  const clock = createVirtualClock();
  const { directory } = createNodeViews({ placeUnit: 20 }, clock.wallMs);
  const chunks = Array.from({ length: 300 }, (_, n) => chunkAddress(Uint8Array.of(n, n >> 8)));
  let failures = 2;
  const store = {
    info: () => undefined,
    addresses: function* () {
      yield* chunks.slice(0, 100);
      if (failures-- > 0) throw new ChunkStoreError("io", "the index of the chunk store cannot be read");
      yield* chunks.slice(100);
    },
  };
  const shared = createSharedChunks({ self: recordIn(0, "active").peerId, store, directory, copies: policy, clock }, reconciliationLimits);
  shared.start();
  await clock.advance(500);
  assert.equal(shared.ready(), false);
  await clock.advance(5000);
  assert.equal(shared.ready(), true);
  assert.equal(shared.size(), 300);
  shared.stop();
  await clock.advance(5000);
});

test("a chunk that was removed while the store is read at the start is not believed to be here", async () => {
  const clock = createVirtualClock();
  const { directory } = createNodeViews({ placeUnit: 20 }, clock.wallMs);
  const chunks = Array.from({ length: 1500 }, (_, n) => chunkAddress(Uint8Array.of(n, n >> 8)));
  // What was held at the call: the store promises no more.
  const store = { info: () => undefined, addresses: () => chunks };
  const shared = createSharedChunks({ self: recordIn(0, "active").peerId, store, directory, copies: policy, clock }, reconciliationLimits);
  shared.start();
  await clock.advance(3 * reconciliationLimits.pageRestMs);
  const [back, last] = [chunks.at(-2) ?? assert.fail(), chunks.at(-1) ?? assert.fail()];
  for (const address of [back, last]) shared.remove(address);
  shared.add(back);
  await clock.advance(5000);
  assert.deepEqual([shared.ready(), shared.size()], [true, 1499]);
  shared.stop();
});
