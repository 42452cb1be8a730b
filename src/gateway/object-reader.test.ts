// Proves that no short or long body ever looks complete: of an object whose bytes are not as many as its map says, no byte beyond them is given, and the
// end is an error; and that such an object is neither served small nor kept in the cache. Method: any pieces; then the HTTP face over such objects.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { OpenObject } from "../client/farm-client.ts";
import { createAppFixture } from "./app-fixture.ts";
import { GatewayError } from "./errors.ts";
import { wholeObjectMax } from "./limits.ts";
import { createMemoryFarm } from "./memory-farm-client.ts";
import { exactly } from "./object-reader.ts";

/** An object that says it has so many bytes and gives these pieces. */
function objectOf(bytes: number, pieces: readonly number[]): OpenObject {
  async function* give(): AsyncGenerator<Uint8Array> {
    for (const length of pieces) yield new Uint8Array(length).fill(7);
  }
  return { bytes, chunks: 1, read: give, lend: give };
}

test("whatever pieces come, never more than the range is given, and only all of it ends well", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.array(fc.nat(12), { maxLength: 8 }), async (length, pieces) => {
      let given = 0;
      const read = async (): Promise<void> => {
        for await (const piece of exactly(objectOf(length, pieces), { start: 100, end: 100 + length }, AbortSignal.any([])))
          given += piece.length;
      };
      const error = await read().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      const there = pieces.reduce((sum, one) => sum + one, 0);
      assert.ok(given <= length);
      // Where nothing is asked for, nothing is read.
      if (there === length || length === 0) assert.deepEqual([given, error], [length, undefined]);
      else assert.equal(error instanceof GatewayError && error.code, "damaged");
    }),
  );
});

for (const [name, pieces] of [
  ["fewer", [1000, 500]],
  ["more", [1000, 1000, 1]],
  ["no", []],
] as const)
  test(`a small object that gives ${name} bytes is damaged at each reading: nothing of it is kept`, async () => {
    let opened = 0;
    const client = {
      ...createMemoryFarm({ nodes: 8, vaultsPerNode: 1, vaultCapacity: 2 ** 20 }),
      openObject: async () => {
        opened += 1;
        return objectOf(2000, pieces);
      },
    };
    const app = await createAppFixture({}, { client });
    for (const reading of [1, 2]) {
      const answer = await app.http.inject({ url: `/v1/objects/${"a".repeat(64)}` });
      assert.deepEqual([answer.statusCode, (answer.json() as { code: string }).code, opened], [502, "damaged", reading]);
    }
  });

test("a large object that ends early, or with a piece too long, ends its connection: no body looks whole", async () => {
  const bytes = wholeObjectMax + 1000;
  for (const pieces of [[1000], [bytes - 1], [bytes - 1, 2]]) {
    const client = {
      ...createMemoryFarm({ nodes: 8, vaultsPerNode: 1, vaultCapacity: 2 ** 20 }),
      openObject: async () => objectOf(bytes, pieces),
    };
    const app = await createAppFixture({}, { client });
    const url = await app.http.listen({ host: "127.0.0.1", port: 0 });
    try {
      await assert.rejects(
        fetch(`${url}/v1/objects/${"a".repeat(64)}`).then((answer) => answer.arrayBuffer()),
        `${pieces}`,
      );
    } finally {
      await app.http.close();
    }
  }
});
