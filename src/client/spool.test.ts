// Proves that a source of unknown size is kept whole, in memory or in a file nobody can find, and within its limit.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { ClientError } from "./errors.ts";
import { createSpoolRoom, type Spooled, spool } from "./spool.ts";

async function* parts(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

async function inFolder(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "vaultfarm-spool-test-"));
  try {
    await run(join(directory, "made when needed"));
  } finally {
    await rm(directory, { recursive: true });
  }
}
const { signal } = new AbortController();

it("gives back what it was given, short or long, and leaves nothing behind", () =>
  inFolder(async (directory) => {
    for (const size of [0, 10, 1_000, 1_000_000]) {
      const bytes = randomBytes(size);
      const spooled = await spool(parts(bytes, 777), { directory, memoryMax: 5_000, sizeMax: 1_000_000, signal });
      assert.equal(spooled.size, size);
      const read: Uint8Array[] = [];
      for await (const part of spooled.source) read.push(part);
      assert.equal(Buffer.compare(Buffer.concat(read), bytes), 0);
      await spooled.close();
    }
    assert.deepEqual(await readdir(directory), []);
  }));

it("refuses what is too large while it arrives, and passes on why a source failed", () =>
  inFolder(async (directory) => {
    const limits = { directory, memoryMax: 100, sizeMax: 999, signal };
    await assert.rejects(
      spool(parts(randomBytes(1_000), 10), limits),
      (error) => error instanceof ClientError && error.code === "too-large",
    );
    const cut = new Error("cut");
    await assert.rejects(
      spool(
        (async function* () {
          yield* parts(randomBytes(500), 10);
          throw cut;
        })(),
        limits,
      ),
      cut,
    );
    assert.deepEqual(await readdir(directory), []);
  }));

const options = process.platform === "linux" ? {} : { skip: "only Linux has /dev/full" };
it("says in words that its disk is full, and what to do", options, async () => {
  const limits = { directory: "/nowhere", memoryMax: 100, sizeMax: 999, signal, openFile: () => open("/dev/full", "r+") };
  await assert.rejects(
    spool(parts(randomBytes(500), 10), limits),
    (error) => error instanceof ClientError && error.code === "spool-full" && /is full; send the length/.test(error.message),
  );
});

it("takes no more of a room that several share than there is, and gives it back", () =>
  inFolder(async (directory) => {
    const room = createSpoolRoom(1_000);
    const spoolOf = (size: number): Promise<Spooled> =>
      spool(parts(randomBytes(size), 10), { directory, memoryMax: 100, sizeMax: 10_000, signal, room });
    const first = await spoolOf(600);
    const isFull = (error: unknown): boolean => error instanceof ClientError && error.code === "spool-full";
    await assert.rejects(spoolOf(500), isFull);
    const inMemory = await spoolOf(100);
    assert.equal(inMemory.size, 100, "what is short takes no file");
    await first.close();
    await first.close();
    await (await spoolOf(1_000)).close();
    await assert.rejects(spoolOf(1_001), isFull);
  }));
