// Proves that asking for the size of objects is bounded as reading them is: each may hold a map of tens of MiB meanwhile.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createAppFixture } from "./app-fixture.ts";
import { readsAtOnceMax } from "./limits.ts";
import { createMemoryFarm } from "./memory-farm-client.ts";

test("no more sizes are looked up at once than objects are read", async () => {
  const farm = createMemoryFarm({ nodes: 8, vaultsPerNode: 1, vaultCapacity: 1024 ** 3 });
  const opening = Promise.withResolvers<never>();
  let opened = 0;
  const openObject = async (): Promise<never> => {
    opened += 1;
    return opening.promise;
  };
  const app = await createAppFixture({}, { client: { ...farm, openObject } });
  const url = (index: number): string => `/v1/objects/${index.toString(16).padStart(64, "0")}`;
  const asked = Array.from({ length: readsAtOnceMax + 1 }, (_, index) => app.http.inject({ method: "HEAD", url: url(index) }));
  const refused = await Promise.race([...asked, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 3_000))]);
  assert.equal(opened, readsAtOnceMax);
  assert.equal(refused?.statusCode, 503);
  opening.reject(new Error("over"));
  await Promise.all(asked);
});
