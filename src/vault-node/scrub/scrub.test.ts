// Proves that the scrub reads every chunk within seven days, each once, goes on after a restart without a note on disk,
// drops what is rotten and says so, and does nothing where there is nothing to read. Method: stores and clock in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, addressBytes, addressFromBytes, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import type { MemoryChunkStore } from "../chunk-store/memory.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { createAddressPages } from "../reconciliation/address-pages.ts";
import { boundAt, createScrub, roundShare, type Scrub, scrubLimits } from "./scrub.ts";

const hour = 3_600_000;
const self = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(1)).publicKey);
// Ticks of an hour: the same code with fewer steps.
const limits = { ...scrubLimits, tickMs: hour, bytesPerSecond: 1e9 };

type Disk = {
  readonly clock: VirtualClock;
  readonly store: MemoryChunkStore;
  readonly chunks: readonly Address[];
  readonly reads: Map<Address, number>;
};

async function diskWith(count: number): Promise<Disk> {
  const clock = createVirtualClock();
  const vault = chunkAddress(Uint8Array.of(1));
  const store = createMemoryChunkStore({ vaults: [{ vault, capacity: 2 ** 26 }], clock });
  const entries = Array.from({ length: count }, (_, number) => {
    const bytes = Uint8Array.of(number & 0xff, number >> 8, 7);
    return { vault, address: chunkAddress(bytes), bytes };
  });
  if (count > 0) await store.put(entries);
  const reads = new Map<Address, number>();
  const { get } = store;
  store.get = (address) => {
    reads.set(address, (reads.get(address) ?? 0) + 1);
    return get(address);
  };
  return { clock, store, chunks: entries.map(({ address }) => address), reads };
}

function scrubOf({ clock, store, chunks }: Disk, read: (number | undefined)[] = []): Scrub {
  const pages = createAddressPages(1);
  for (const address of chunks) pages.insert(addressBytes(address), []);
  const addresses: Parameters<typeof createScrub>[0]["addresses"] = (range, max) => pages.addresses(range, max).map(addressFromBytes);
  return createScrub({ self, store, addresses, clock, log: silentLog, onRead: (bytes) => void read.push(bytes) }, limits);
}

test("every chunk is read once in seven days", async () => {
  const disk = await diskWith(1500);
  const scrub = scrubOf(disk);
  scrub.start();
  await disk.clock.advance(limits.roundMs / 2);
  assert.ok(disk.reads.size > 600 && disk.reads.size < 900, `${disk.reads.size} of 1,500 after half of the time`);
  await disk.clock.advance(limits.roundMs / 2 + hour);
  assert.equal(disk.reads.size, 1500);
  assert.ok([...disk.reads.values()].filter((times) => times > 1).length < 60, "only what lies over a round is read twice");
  assert.ok(scrub.lagMs() <= 2 * hour);
  scrub.stop();
});

test("a restart every day goes on where the clock stands: nothing is read for ever again, nothing is left out", async () => {
  const disk = await diskWith(1000);
  for (let day = 0; day < 8; day += 1) {
    const scrub = scrubOf(disk);
    scrub.start();
    await disk.clock.advance(24 * hour);
    scrub.stop();
  }
  assert.equal(disk.reads.size, 1000);
  assert.ok(Math.max(...disk.reads.values()) <= 4);
});

test("what is rotten is dropped and reported, the rest stays", async () => {
  const disk = await diskWith(50);
  const rotten = disk.chunks.slice(10, 13);
  for (const address of rotten) disk.store.damage(address);
  const read: (number | undefined)[] = [];
  const scrub = scrubOf(disk, read);
  scrub.start();
  await disk.clock.advance(7 * 24 * hour + hour);
  scrub.stop();
  assert.ok(read.filter((bytes) => bytes === undefined).length >= 3);
  assert.deepEqual([...disk.store.addresses()].sort(), disk.chunks.filter((address) => !rotten.includes(address)).sort());
});

test("a rotten chunk that is brought back while it is read stays", async () => {
  const disk = await diskWith(1);
  const [address = assert.fail()] = disk.chunks;
  const { get } = disk.store;
  disk.store.damage(address);
  let back: Promise<unknown> | undefined;
  disk.store.get = async (asked) => {
    const read = await get(asked);
    back ??= disk.store.put([{ vault: chunkAddress(Uint8Array.of(1)), address, bytes: Uint8Array.of(0, 0, 7) }]);
    return read;
  };
  const scrub = scrubOf(disk);
  scrub.start();
  await disk.clock.advance(limits.roundMs);
  scrub.stop();
  assert.deepEqual([await back, [...disk.store.addresses()]], [["stored"], [address]]);
});

test("an empty node reads nothing, and its clock holds one timer a tick", async () => {
  const disk = await diskWith(0);
  const scrub = scrubOf(disk);
  scrub.start();
  await disk.clock.advance(24 * hour);
  scrub.stop();
  assert.equal(disk.reads.size, 0);
});

test("the share of the round follows the time, begins elsewhere for each node, and covers all addresses", () => {
  const other = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(2)).publicKey);
  const round = scrubLimits.roundMs;
  assert.notEqual(roundShare(self, 0, round), roundShare(other, 0, round));
  const half = (roundShare(self, round / 2, round) - roundShare(self, 0, round) + 1) % 1;
  assert.ok(Math.abs(half - 0.5) < 1e-9);
  assert.deepEqual(boundAt(0), new Uint8Array(6));
  assert.deepEqual(boundAt(1), new Uint8Array(6).fill(255));
});

test("on a disk that takes no writes, what is rotten keeps nothing behind it from being read", async () => {
  const disk = await diskWith(300);
  const [rotten = assert.fail()] = disk.chunks;
  disk.store.damage(rotten);
  disk.store.setHealth({ mode: "read-only", why: "the disk fails (EIO)" });
  const scrub = scrubOf(disk);
  scrub.start();
  await disk.clock.advance(limits.roundMs + 2 * hour);
  scrub.stop();
  assert.equal(disk.reads.size, 300);
  assert.ok(scrub.lagMs() <= 2 * hour, `${scrub.lagMs()} ms behind`);
  assert.ok(Math.max(...disk.reads.values()) <= 4, "nothing is read over and over");
});
