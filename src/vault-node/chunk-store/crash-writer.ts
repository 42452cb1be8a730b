// A process that writes chunks into a store until it is killed, saying which ones were acknowledged, and as a negative number
// which ones it was told are removed: for crash.test.ts.
import { type Address, chunkAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { createDiskChunkStore } from "./disk.ts";

/** The one vault of these tests. */
export const testVault: VaultName = chunkAddress(Buffer.from("the vault of crash tests")) as unknown as VaultName;

/** Size of chunk `number`, bytes: many small ones and now and then a larger one. */
export function sizeOf(number: number): number {
  return 40 + ((number * 131) % 400) + (number % 50 === 49 ? 20_000 : 0);
}

/** Chunk `number`: made from the number alone, so that another process knows its bytes too. */
export function chunkOf(number: number): { readonly address: Address; readonly bytes: Uint8Array } {
  const size = sizeOf(number);
  const seed = Buffer.from(chunkAddress(Buffer.from(`chunk ${number}`)), "hex");
  const bytes = Buffer.alloc(size, seed);
  return { address: chunkAddress(bytes), bytes };
}

const chunksPerRun = 100_000;

async function write(directory: string, run: number): Promise<void> {
  const limits = { segmentBytes: 6000, checkpointEntries: 10, compactionBytesPerSecond: 1e12 };
  const store = await createDiskChunkStore({
    directory,
    vaults: [{ vault: testVault, capacity: 64 * 1024 * 1024 }],
    clock: systemClock,
    log: silentLog,
    limits,
  });
  // Chunks that go again keep compaction busy under those that stay: the even ones.
  for (let number = run * chunksPerRun; ; number += 4) {
    const numbers = [number, number + 1, number + 2, number + 3];
    await Promise.all(
      numbers.map(async (one) => {
        const [outcome] = await store.put([{ vault: testVault, ...chunkOf(one) }]);
        if (one % 2 === 0 && outcome === "stored") process.send?.(one);
        else if (await store.remove(chunkOf(one).address)) process.send?.(-one);
      }),
    );
  }
}

const [directory, run] = process.argv.slice(2);
if (process.send !== undefined && directory !== undefined && run !== undefined) await write(directory, Number(run));
