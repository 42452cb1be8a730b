// Proves by counting, with fixed data, that chunks spread evenly, that load follows declared capacity, and that a vault
// that leaves moves its own chunks and hardly any other.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, addressFromBytes } from "./address.ts";
import { textBytes } from "./bytes.ts";
import { createPlaceIndex, type PlacedVault } from "./closest.ts";
import { hash } from "./hash.ts";

const named = (text: string): Address => addressFromBytes(hash(textBytes(text)));
const vaultOf = (number: number, change: Partial<PlacedVault> = {}): PlacedVault => ({
  vault: named(`vault ${number}`),
  node: `node ${number}`,
  zone: "zone",
  host: `host ${number}`,
  capacity: 32,
  purposes: 7,
  ...change,
});

test("1,000 equal vaults, a million addresses, five copies: the fullest holds less than 1.5 times the mean", (context) => {
  const index = createPlaceIndex({ placeUnit: 1 });
  const held = new Map<Address, number>();
  for (let number = 0; number < 1000; number++) {
    index.add(vaultOf(number));
    held.set(named(`vault ${number}`), 0);
  }
  const addresses = 1_000_000;
  for (let i = 0; i < addresses; i++)
    for (const { vault } of index.closest(named(`chunk ${i}`), 5, "write").vaults) held.set(vault, (held.get(vault) ?? 0) + 1);
  const counts = [...held.values()];
  const mean = (5 * addresses) / 1000;
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    5 * addresses,
  );
  const fullest = Math.max(...counts) / mean;
  context.diagnostic(`fullest ${fullest.toFixed(3)}, emptiest ${(Math.min(...counts) / mean).toFixed(3)} times the mean`);
  assert.ok(fullest < 1.5, `the fullest holds ${fullest} times the mean`);
});

test("vaults of four times the capacity hold four times the chunks", (context) => {
  const index = createPlaceIndex({ placeUnit: 1 });
  const isLarge = (number: number): boolean => number % 4 === 0;
  for (let number = 0; number < 400; number++) index.add(vaultOf(number, { capacity: isLarge(number) ? 128 : 32 }));
  const held = { large: 0, small: 0 };
  for (let i = 0; i < 60_000; i++) {
    const [nearest] = index.closest(named(`chunk ${i}`), 1, "write").vaults;
    if (isLarge(Number(nearest?.node.slice(5)))) held.large += 1;
    else held.small += 1;
  }
  const ratio = held.large / 100 / (held.small / 300);
  context.diagnostic(`a large vault holds ${ratio.toFixed(2)} times a small one`);
  assert.ok(ratio > 3.4 && ratio < 4.6, `ratio ${ratio}`);
});

test("a vault that leaves, while its zone keeps nodes, moves its own chunks and at most a tenth more", (context) => {
  const index = createPlaceIndex({ placeUnit: 1 });
  // Two vaults a node, five zones of unequal size, three nodes a host.
  const shape = (number: number): PlacedVault => {
    const node = number >> 1;
    return vaultOf(number, { node: `node ${node}`, zone: `zone ${Math.min(node % 7, 4)}`, host: `host ${Math.floor(node / 21)}` });
  };
  const slots = Array.from({ length: 120 }, (_, number) => index.add(shape(number)));
  const holders = (i: number): readonly Address[] => index.closest(named(`chunk ${i}`), 5, "write").vaults.map(({ vault }) => vault);
  const addresses = Array.from({ length: 10_000 }, (_, i) => i);
  const before = addresses.map(holders);
  for (const leaver of [0, 9, 62, 119]) {
    const slot = slots[leaver];
    assert.ok(slot !== undefined);
    index.remove(slot);
    let own = 0;
    let moved = 0;
    for (const i of addresses) {
      const held = before[i] ?? [];
      const now = holders(i);
      const isOwn = held.includes(shape(leaver).vault);
      own += isOwn ? 1 : 0;
      moved += now.filter((vault) => !held.includes(vault)).length;
    }
    context.diagnostic(`vault ${leaver} held ${own}, ${moved} moved`);
    assert.ok(own > 0 && moved >= own && moved <= own * 1.1, `vault ${leaver} held ${own}, ${moved} moved`);
    slots[leaver] = index.add(shape(leaver));
  }
  assert.deepEqual(addresses.map(holders), before, "and when it returns everything is as before");
});

test("a ninth node is given a ninth of the copies, on average over forty farms, and nothing moves but to it", (context) => {
  const addresses = Array.from({ length: 500 }, (_, i) => named(`chunk ${i}`));
  let given = 0;
  let elsewhere = 0;
  for (let farm = 0; farm < 40; farm++) {
    const index = createPlaceIndex({ placeUnit: 1 });
    const add = (number: number): void => {
      const node = Math.floor(number / 3);
      index.add(vaultOf(number, { vault: named(`farm ${farm} vault ${number}`), node: `node ${node}`, host: `host ${node}` }));
    };
    for (let number = 0; number < 24; number++) add(number);
    const nodesOf = (address: Address): readonly string[] => index.closest(address, 5, "write").vaults.map(({ node }) => node);
    const before = addresses.map(nodesOf);
    for (let number = 24; number < 27; number++) add(number);
    for (const [i, address] of addresses.entries()) {
      const came = nodesOf(address).filter((node) => !before[i]?.includes(node));
      given += came.filter((node) => node === "node 8").length;
      elsewhere += came.filter((node) => node !== "node 8").length;
    }
  }
  const share = given / (40 * addresses.length * 5);
  context.diagnostic(`${share.toFixed(4)} of the copies`);
  assert.ok(share > 0.9 / 9 && share <= 1.1 / 9, `given ${share} of the copies`);
  assert.equal(elsewhere, 0);
});
