// Proves that what is written comes back, wherever in the file and however long: small, large past the page cache, in many
// parts, over blocks shared with what stands before and behind, and read across the end of the file. On the machine's disk.
import { strict as assert } from "node:assert";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../runtime/random.ts";
import { partsBetween, partsLength } from "./byte-parts.ts";
import { directMin, openDirect } from "./direct-file.ts";
import { systemDisk } from "./system-disk.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vaultfarm-disk-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const content = seededRandom(5).bytes(3 * 1024 * 1024);
const lengths = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.integer({ min: 1, max: 9000 }),
  fc.integer({ min: directMin - 9, max: 1_500_000 }),
);

describe("a file of the machine", () => {
  test("has what was appended to it, group after group", async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(lengths, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (groups) => {
        const path = join(folder, String(number++));
        const file = await systemDisk.open(path, "create");
        const expected: Uint8Array[] = [];
        let position = 0;
        for (const group of groups) {
          const parts = group.map((length, index) => content.subarray(index * 7, index * 7 + length));
          await file.pwritev(parts, position);
          await file.fdatasync();
          position += partsLength(parts);
          expected.push(...parts);
        }
        const whole = Buffer.concat(expected);
        assert.equal(await file.size(), whole.length);
        for (const [at, length] of [
          [0, whole.length + 100],
          [Math.floor(whole.length / 3), Math.ceil(whole.length / 2)],
          [Math.max(0, whole.length - 5000), 4999],
        ] as const) {
          const target = new Uint8Array(new SharedArrayBuffer(length));
          const read = await file.pread(target, at);
          assert.equal(read, Math.min(length, whole.length - at));
          assert.ok(whole.subarray(at, at + read).equals(target.subarray(0, read)), `${length} bytes at ${at}`);
        }
        await file.close();
        assert.ok((await readFile(path)).equals(whole), "the page cache says the same");
        await rm(path);
      }),
      { numRuns: 30 },
    );
  });

  test("large reads at once are all right, more than there is aligned memory for", async () => {
    const path = join(folder, "many");
    const file = await systemDisk.open(path, "create");
    await file.pwritev([content], 0);
    const reads = Array.from({ length: 12 }, async (_, index) => {
      const target = new Uint8Array(1_000_000);
      assert.equal(await file.pread(target, index * 1001), target.length);
      assert.ok(Buffer.from(target).equals(content.subarray(index * 1001, index * 1001 + target.length)));
    });
    await Promise.all(reads);
    await file.close();
  });

  test("without direct access is none for it", async () => {
    assert.equal(await openDirect(join(folder, "not there"), 0), undefined);
  });
});

test("a range of parts is the range of their bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.nat(120), fc.nat(120), (parts, from, to) => {
      assert.deepEqual(Buffer.concat(partsBetween(parts, from, to)), Buffer.concat(parts).subarray(from, Math.max(from, to)));
    }),
  );
});
