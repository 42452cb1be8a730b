// Proves that the pointers of a vault outlive it, stay within their room, and that a file torn anywhere is read as pointers or
// none; on a real file, and by random histories against a plain map.
import { strict as assert } from "node:assert";
import { mkdtemp, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { openPointerBook, type PointerBook, pointerBytes, pointerRoom, takerIdOf } from "./pointer-book.ts";
import { createMemoryPointerFile, openPointerFile } from "./pointer-file.ts";
import { chooseTaker } from "./pointer-looks.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointers-"));
});
after(() => rm(folder, { recursive: true }));

const address = (n: number): Address => chunkAddress(Uint8Array.of(n));
const taker = (n: number): ReturnType<typeof takerIdOf> => takerIdOf(chunkAddress(Uint8Array.of(n, 1)));
const unexpected = (cause: unknown): void => assert.fail(String(cause));
const places = 4;
const open = async (path: string): Promise<PointerBook> =>
  openPointerBook(await openPointerFile(path), places * pointerBytes + 7, unexpected);

test("pointers survive a restart, a new one for the same chunk replaces the old, what was removed stays away", async () => {
  const path = join(folder, "deep", "book");
  const book = await open(path);
  for (let n = 0; n < 3; n += 1) book.set(address(n), taker(n));
  book.set(address(1), taker(9));
  book.remove(address(0));
  await book.close();
  const again = await open(path);
  assert.deepEqual(
    [0, 1, 2].map((n) => again.get(address(n))),
    [undefined, taker(9), taker(2)],
  );
  await again.close();
});

test("the file never grows beyond its room: the oldest pointer goes", async () => {
  const path = join(folder, "full");
  const book = await open(path);
  for (let n = 0; n < 10; n += 1) book.set(address(n), taker(n));
  assert.deepEqual([...book.addresses()], [6, 7, 8, 9].map(address));
  await book.close();
  assert.ok((await stat(path)).size <= places * pointerBytes);
  const again = await open(path);
  assert.equal(again.count(), places);
  await again.close();
});

test("a file cut anywhere gives the pointers that are whole", async () => {
  for (let cut = 0; cut <= 3 * pointerBytes; cut += 13) {
    const path = join(folder, `cut-${cut}`);
    const book = await open(path);
    for (let n = 0; n < 3; n += 1) book.set(address(n), taker(n));
    await book.close();
    await truncate(path, cut);
    const again = await open(path);
    assert.equal(again.count(), Math.floor(cut / pointerBytes));
    again.set(address(7), taker(7));
    await again.close();
    const third = await open(path);
    assert.equal(third.get(address(7)), taker(7));
    await third.close();
  }
});

test("any history is read back as it was", async () => {
  const step = fc.record({ n: fc.nat(7), to: fc.option(fc.nat(5), { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const file = createMemoryPointerFile();
      const book = await openPointerBook(file, places * pointerBytes, unexpected);
      for (const { n, to } of steps) {
        if (to === undefined) book.remove(address(n));
        else book.set(address(n), taker(to));
        assert.ok(book.count() <= places);
      }
      const known = new Map([...book.addresses()].map((one) => [one, book.get(one)]));
      await book.close();
      const again = await openPointerBook(file, places * pointerBytes, unexpected);
      assert.deepEqual(new Map([...again.addresses()].sort().map((one) => [one, again.get(one)])), new Map([...known].sort()));
    }),
  );
});

test("the room is a small part of what is declared, in whole pointers; what cannot be written is told and kept in memory", async () => {
  assert.deepEqual([16 * 2 ** 20, 2 ** 40].map(pointerRoom), [32_760, 65_536 * pointerBytes]);
  let told = 0;
  const broken = { ...createMemoryPointerFile(), write: () => Promise.reject(new Error("no space")) };
  const book = await openPointerBook(broken, pointerBytes, () => (told += 1));
  book.set(address(1), taker(1));
  await book.close();
  assert.deepEqual([told, book.get(address(1))], [1, taker(1)]);
});

test("a pointer names the holder that nobody would ask, and where there is none the first one", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"] as unknown as [PeerId, PeerId, PeerId, PeerId];
  assert.equal(chooseTaker([a, b, c, d], new Set([b, d]), [a, b]), d);
  assert.equal(chooseTaker([a, b, c, d], new Set([b]), [a, b]), b);
  assert.equal(chooseTaker([a, b], new Set(), [a, b]), undefined);
});
