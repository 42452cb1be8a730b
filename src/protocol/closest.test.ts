// Proves `closest` against its definition: random small farms are built in random order, changed, and asked; a slow model
// that sorts every place by full XOR distance and applies the spreading rule word by word must give the same answer.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, addressBytes, addressFromBytes } from "./address.ts";
import { textBytes } from "./bytes.ts";
import { type ClosestVaults, createPlaceIndex, type PlacedVault, type PlaceIndex, type Purpose, purposeBits } from "./closest.ts";
import { hash } from "./hash.ts";
import { placeCount, places } from "./places.ts";

const placeUnit = 1;
const named = (text: string): Address => addressFromBytes(hash(textBytes(text)));
const purposes = Object.keys(purposeBits) as readonly Purpose[];

/** XOR distance as hexadecimal text, which sorts like the number. */
function distance(place: Uint8Array, address: Uint8Array): string {
  return Buffer.from(place.map((byte, i) => byte ^ (address[i] ?? 0))).toString("hex");
}

/** The definition, slowly. */
function model(vaults: readonly PlacedVault[], address: Address, k: number, purpose: Purpose): ClosestVaults {
  const able = vaults.filter(({ purposes: set }) => (set & purposeBits[purpose]) !== 0);
  const to = addressBytes(address);
  const order = able
    .map((vault) => ({
      vault,
      at:
        places(vault.vault, placeCount(vault.capacity, placeUnit))
          .map((place) => distance(place, to))
          .sort()[0] ?? "",
    }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ vault }) => vault);
  const nodesIn = (of: (vault: PlacedVault) => boolean): number => new Set(able.filter(of).map(({ node }) => node)).size;
  const zones = [...new Set(able.map(({ zone }) => zone))];
  const count = Math.min(
    k,
    nodesIn(() => true),
  );
  const fair = Math.ceil(k / Math.max(1, zones.length));
  const holds = (level: number): number =>
    zones.reduce(
      (sum, zone) =>
        sum +
        Math.min(
          level,
          nodesIn((v) => v.zone === zone),
        ),
      0,
    );
  let level = fair;
  while (holds(level) < count) level += 1;
  const hostLevel = (zone: string): number => {
    const hosts = [...new Set(able.filter((v) => v.zone === zone).map(({ host }) => host))];
    const wanted = Math.min(
      level,
      nodesIn((v) => v.zone === zone),
    );
    let most = Math.ceil(wanted / hosts.length);
    while (
      hosts.reduce(
        (sum, host) =>
          sum +
          Math.min(
            most,
            nodesIn((v) => v.zone === zone && v.host === host),
          ),
        0,
      ) < wanted
    )
      most += 1;
    return most;
  };
  const chosen: PlacedVault[] = [];
  for (const vault of order) {
    if (chosen.length === count) break;
    if (chosen.some(({ node }) => node === vault.node)) continue;
    if (chosen.filter(({ zone }) => zone === vault.zone).length >= level) continue;
    if (chosen.filter(({ zone, host }) => zone === vault.zone && host === vault.host).length >= hostLevel(vault.zone)) continue;
    chosen.push(vault);
  }
  return {
    vaults: chosen.map(({ vault, node }) => ({ vault, node })),
    short: count < k ? "nodes" : level > fair ? "zones" : "none",
  };
}

type NodeShape = {
  readonly zone: number;
  readonly host: number;
  readonly vaults: readonly { readonly capacity: number; readonly purposes: number }[];
};
const nodeShape: fc.Arbitrary<NodeShape> = fc.record({
  zone: fc.integer({ min: 0, max: 3 }),
  host: fc.integer({ min: 0, max: 4 }),
  vaults: fc.array(fc.record({ capacity: fc.integer({ min: 1, max: 40 }), purposes: fc.integer({ min: 0, max: 127 }) }), { maxLength: 3 }),
});
const farm: fc.Arbitrary<readonly PlacedVault[]> = fc.array(nodeShape, { maxLength: 12 }).map((nodes) =>
  nodes.flatMap(({ zone, host, vaults }, n) =>
    vaults.map((vault, v) => ({
      ...vault,
      vault: named(`vault ${n} ${v}`),
      node: `node ${n}`,
      zone: `zone ${zone}`,
      host: `host ${host}`,
    })),
  ),
);

const build = (vaults: readonly PlacedVault[]): PlaceIndex => {
  const index = createPlaceIndex({ placeUnit });
  for (const vault of vaults) index.add(vault);
  return index;
};

test("the index answers as the definition does, for every purpose and number", () => {
  fc.assert(
    fc.property(farm, fc.string(), fc.integer({ min: 1, max: 16 }), (vaults, text, k) => {
      const index = build(vaults);
      for (const purpose of purposes) assert.deepEqual(index.closest(named(text), k, purpose), model(vaults, named(text), k, purpose));
    }),
    { numRuns: 150 },
  );
});

test("neither the order of learning nor what came and went in between matters", () => {
  fc.assert(
    fc.property(farm, farm, fc.string(), fc.infiniteStream(fc.nat()), (vaults, passing, text, mix) => {
      const shuffled = vaults.map((vault) => ({ vault, at: mix.next().value ?? 0 })).sort((a, b) => a.at - b.at);
      const index = createPlaceIndex({ placeUnit });
      // Others under names of their own come first and go last, purposes are set late.
      const guests = passing.map((vault) => index.add({ ...vault, vault: named(`guest ${vault.vault}`), node: `guest ${vault.node}` }));
      const slots = shuffled.map(({ vault }) => ({ slot: index.add({ ...vault, purposes: 0 }), purposes: vault.purposes }));
      for (const guest of guests) index.remove(guest);
      for (const { slot, purposes: set } of slots) index.setPurposes(slot, set);
      for (const purpose of purposes)
        assert.deepEqual(index.closest(named(text), 5, purpose), build(vaults).closest(named(text), 5, purpose));
      for (const { slot } of slots) index.remove(slot);
      assert.deepEqual(index.size(), { vaults: 0, placeBytes: 0 });
    }),
    { numRuns: 100 },
  );
});

const simple = (node: number, zone: number): PlacedVault => ({
  vault: named(`v${node}`),
  node: `n${node}`,
  zone: `z${zone}`,
  host: `h${node}`,
  capacity: 32,
  purposes: 7,
});

test("no zone holds more than its part while others could; where they cannot, it says so", () => {
  const even = build(Array.from({ length: 30 }, (_, n) => simple(n, n % 3)));
  const lopsided = build(Array.from({ length: 30 }, (_, n) => simple(n, n === 0 ? 1 : 0)));
  for (let i = 0; i < 200; i++) {
    const { vaults, short } = even.closest(named(`a${i}`), 5, "read");
    const inZones = [0, 1, 2].map((zone) => vaults.filter(({ node }) => Number(node.slice(1)) % 3 === zone).length);
    assert.ok(Math.max(...inZones) <= 2 && short === "none");
    const uneven = lopsided.closest(named(`a${i}`), 5, "read");
    assert.ok(uneven.vaults.some(({ node }) => node === "n0") && uneven.vaults.length === 5);
    assert.equal(uneven.short, "zones");
  }
});

test("two nodes that show the same vault are two candidates, in the same order for everybody", () => {
  const double = ["a", "b"].map((node) => ({ ...simple(1, 0), node }));
  const forwards = build(double).closest(named("x"), 5, "all");
  assert.deepEqual(forwards, build([...double].reverse()).closest(named("x"), 5, "all"));
  assert.equal(forwards.vaults.length, 2);
  assert.equal(forwards.short, "nodes");
});

test("an empty index answers with nothing", () => {
  assert.deepEqual(build([]).closest(named("x"), 5, "all"), { vaults: [], short: "nodes" });
});
