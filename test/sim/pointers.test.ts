// Proves in a whole farm on virtual time that a node whose vaults are full knows who took what it refused, over a restart too,
// that copies are at target without it, and that nothing is offered to it again and again.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { chunkAddress } from "../../src/protocol/address.ts";
import { assertAllRead, assertAtRest, type Farm, fewestCopies } from "./filled-farm.ts";
import { keepingTimes, minute } from "./keeping-times.ts";
import { defaultSimOptions } from "./sim-options.ts";
import { startSimWorld } from "./sim-world.ts";

const kib = 1024;
const tinyNumber = 7;

it("a full node points to who took what it refused, and is offered nothing again", async () => {
  const capacityOf = (node: number): number | undefined => (node === tinyNumber ? 512 * kib : undefined);
  const world = await startSimWorld({ ...defaultSimOptions, ...keepingTimes, capacityOf });
  const farm: Farm = { world, chunks: new Map() };
  const tiny = world.nodes[tinyNumber] ?? assert.fail();
  for (let n = 0; n < 60; n += 1) {
    const bytes = world.random.bytes(60 * kib);
    const address = chunkAddress(bytes);
    await world.clock.runUntil(world.client.putChunk(address, bytes));
    farm.chunks.set(address, bytes);
  }
  await world.clock.advance(10 * minute);
  const onTiny = [...tiny.disk().addresses()].length;
  assert.ok(onTiny > 0 && tiny.pointers() > 0, `${onTiny} chunks and ${tiny.pointers()} pointers`);
  assert.equal(fewestCopies(farm), 5);
  assert.ok(
    tiny
      .disk()
      .vaults()
      .every(({ used, capacity }) => used <= capacity),
  );
  await assertAtRest(world);
  await assertAllRead(farm);

  const before = tiny.pointers();
  await tiny.crash();
  await tiny.start(world.nodes.flatMap((other) => other.addresses()));
  assert.equal(tiny.pointers(), before);
  await world.clock.advance(minute);
  await world.stop();
});
