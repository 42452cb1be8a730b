// Proves that a running farm takes more nodes without a stop: `scale` ends once they are ready, what was stored before is
// read back, and a restart with the old manifest keeps them. Method: real processes, one farm.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, store } from "../support/objects.ts";

let farm: Farm;
before(async () => {
  farm = await startFarm({ nodes: 4, gateways: 1 });
});
after(() => farm?.remove());

const readyNames = async (): Promise<readonly string[]> =>
  (await farm.status()).nodes.filter(({ state }) => state === "ready").map(({ name }) => name);

test("a farm grows while it runs, and a restart with the old manifest keeps what it has", async () => {
  const bytes = noise(5 * 2 ** 20, 3);
  const { address } = await store(farm.gateway(0), bytes);
  const scaled = await farm.run("scale", "6", "--json");
  assert.equal(scaled.code, exitCodes.done, scaled.err);
  assert.deepEqual(JSON.parse(scaled.out), { farm: "attic", nodes: 6, before: 4, ready: true });
  const names = await readyNames();
  assert.equal(names.length, 6);
  await assertReads(farm.gateway(0), address, bytes);
  const fewer = await farm.run("scale", "5");
  assert.equal(fewer.code, exitCodes.refused);
  assert.equal(await farm.stop(), exitCodes.done);
  farm = await startFarm({ nodes: 4, gateways: 1, folder: farm.folder });
  assert.deepEqual([...(await readyNames())].sort(), [...names].sort());
  await assertReads(farm.gateway(0), address, bytes);
});
