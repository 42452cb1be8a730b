// Proves that nodes taken out on both sides of a cut find each other again: where the owner's word takes those out who took out the
// others before, each side counts the other as gone, and yet somebody tries. Whole memberships in memory on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { stateAt, until } from "../membership-fixture.ts";
import { createCertifiedFarm, peerOf } from "./certificates-fixture.ts";

test("halves that each took the other out, one by the owner's word, meet again once the cut is mended", async () => {
  const [small, large] = [
    [1, 2, 3],
    [4, 5, 6, 7, 8],
  ];
  const farm = createCertifiedFarm();
  await farm.start(...small, ...large);
  await farm.found(...small, ...large);
  await farm.agreed(20_000, ...small, ...large);
  farm.partition(small, large);
  const countOut = (by: readonly number[], others: readonly number[]): Promise<number> =>
    until(farm.world, 30_000, "gone", () =>
      by.every((number) => {
        const member = farm.running.get(number) ?? assert.fail();
        return others.every((other) => stateAt(member, peerOf(other)) === "gone");
      }),
    );
  await countOut(large, small);
  await farm.declareLost(1, ...large);
  await countOut(small, large);
  farm.world.network.heal();
  await farm.agreed(180_000, ...small, ...large);
  await farm.stop();
});
