// Proves to whom places go where certificates name the nodes: to whom one names, and to who shows the owner's grant, before any
// certificate does; never to who has the network key and nothing else, whoever met it. Nodes and one that only listens, in memory
// on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { addressFromBytes } from "../../../protocol/address.ts";
import { textBytes } from "../../../protocol/bytes.ts";
import { hash } from "../../../protocol/hash.ts";
import { isStranger } from "../../directory.ts";
import { type Member, stateAt, stopAll, until } from "../membership-fixture.ts";
import { createMemoryCertificateStore } from "./certificate-store.ts";
import { type CertifiedFarm, createCertifiedFarm, peerOf } from "./certificates-fixture.ts";

const founders = [1, 2, 3, 4, 5];
const addresses = Array.from({ length: 200 }, (_, index) => addressFromBytes(hash(textBytes(`chunk ${index}`))));

/** How many of 200 chunks `at` would put on a node. */
function placed({ membership: { directory } }: Member, number: number): number {
  const isThere = (address: (typeof addresses)[number]): boolean =>
    directory.closest(address, 5, "write").holders.some(({ peer }) => peer === peerOf(number));
  return addresses.filter(isThere).length;
}

async function founded(): Promise<{ readonly farm: CertifiedFarm; readonly follower: Member }> {
  const farm = createCertifiedFarm();
  await farm.start(...founders);
  const follower = await farm.follow(100, createMemoryCertificateStore());
  await farm.found(...founders);
  await farm.agreed(20_000, ...founders);
  await until(farm.world, 5_000, "the follower follows", () => follower.membership.certificates?.head().sequence === 1);
  return { farm, follower };
}

async function stop(farm: CertifiedFarm, follower: Member): Promise<void> {
  await farm.world.clock.runUntil(stopAll([follower]));
  await farm.stop();
}

test("a node with the network key and no grant is met by all, and nobody places anything with it, however long it stays", async () => {
  const { farm, follower } = await founded();
  await farm.startStranger(20);
  const others = [...founders.map((number) => farm.running.get(number) ?? assert.fail()), follower];
  await until(farm.world, 10_000, "all meet it", () => others.every((member) => stateAt(member, peerOf(20)) === "live"));
  await farm.world.clock.advance(30_000);
  for (const member of others) {
    assert.equal(placed(member, 20), 0);
    assert.ok(isStranger(member.membership.directory.node(peerOf(20))));
    assert.ok(placed(member, 3) > 100);
  }
  await stop(farm, follower);
});

test("who shows the owner's grant has places at once everywhere, while no certificate can be made", async () => {
  const { farm, follower } = await founded();
  // Three of five are gone: nobody is let in any more.
  await farm.kill(3, 4, 5);
  await farm.start(6);
  const others = [1, 2].map((number) => farm.running.get(number) ?? assert.fail());
  await until(farm.world, 3_000, "it has places", () => [...others, follower].every((member) => placed(member, 6) > 100));
  await farm.world.clock.advance(30_000);
  assert.ok(!farm.head(1).confirmed.has(peerOf(6)));
  await stop(farm, follower);
});

test("before the first certificate a meeting is enough; with it, those whom nothing speaks for lose their places", async () => {
  const farm = createCertifiedFarm();
  await farm.start(...founders);
  await farm.startStranger(20);
  const first = farm.running.get(1) ?? assert.fail();
  await until(farm.world, 10_000, "all are placed", () => [...founders, 20].every((number) => placed(first, number) > 50));
  // The fifth has a grant and is not named.
  await farm.found(1, 2, 3, 4);
  await until(farm.world, 1_000, "the stranger has none", () => placed(first, 20) === 0);
  await until(farm.world, 1_000, "all others have theirs", () => founders.every((number) => placed(first, number) > 100));
  await farm.stop();
});

test("a node that starts anew and knows the chain places nothing with a stranger that it meets first", async () => {
  const { farm, follower } = await founded();
  await farm.startStranger(20);
  await farm.world.clock.advance(100);
  await farm.kill(1);
  await farm.start(1);
  const again = farm.running.get(1) ?? assert.fail();
  await until(farm.world, 10_000, "it has met all", () =>
    [...founders.slice(1), 20].every((number) => stateAt(again, peerOf(number)) === "live"),
  );
  assert.deepEqual([placed(again, 20), placed(again, 2) > 100], [0, true]);
  await stop(farm, follower);
});
