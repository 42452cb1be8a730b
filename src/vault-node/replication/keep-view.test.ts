// Proves that the lasting view keeps a silent node for as long as the copies left allow, and not longer; that a suspicion
// nobody confirms never drops anybody; that drains and farewells count at once; and that only what changed is said to.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Directory, NodeView } from "../../network/directory.ts";
import { type Address, addressFromBytes, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, type VaultName } from "../../protocol/keys.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { VaultState } from "../../protocol/states.ts";
import { type CopyTier, copyTiers } from "./copy-tier.ts";
import { createKeepView, type KeepView } from "./keep-view.ts";
import { repairDelays } from "./replication-limits.ts";

const policy = { min: 4, target: 5, max: 8 };
const capacity = 320;
const chunk: Address = chunkAddress(Uint8Array.of(7));
const network = addressFromBytes(new Uint8Array(32));

type Farm = {
  readonly view: KeepView;
  readonly peers: readonly PeerId[];
  readonly vaults: readonly (VaultName | undefined)[];
  set(n: number, change: { state?: NodeView["state"]; confirmed?: boolean; vault?: VaultState; start?: number }): void;
  wait(ms: number): void;
  distrusted: ReadonlySet<PeerId>;
};

function farm(count: number): Farm {
  let now = 0;
  const views = new Map<PeerId, NodeView>();
  const listeners = new Set<(peer: PeerId) => void>();
  const directory: Directory = {
    closest: () => assert.fail("the view asks its own index"),
    nodes: () => [...views.values()],
    node: (peer) => views.get(peer),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const recordOf = (n: number, state: VaultState, startCounter = 1): NodeView["record"] => {
    const key = signingKeyFromSeed(new Uint8Array(32).fill(n + 1));
    return createNodeRecord(network, key, {
      addresses: [],
      domain: { region: "", zone: "", host: `host ${n}` },
      software: "",
      startCounter,
      sequence: 1,
      signedAtMs: 0,
      vaults: [{ key: signingKeyFromSeed(new Uint8Array(32).fill(n + 101)), capacity, used: 0, chunks: 0, state, wallet: null }],
    });
  };
  const peers = Array.from({ length: count }, (_, n) => {
    const record = recordOf(n, "active");
    views.set(record.peerId, { record, state: "live", confirmed: false, since: 0 });
    return record.peerId;
  });
  const terms = { directory, policy, placeUnit: 10, delays: repairDelays(1000), circle: 16, nowMs: () => now };
  const view = createKeepView({ ...terms, distrusted: () => made.distrusted });
  view.takeChanges();
  const made: Farm = {
    distrusted: new Set(),
    view,
    peers,
    vaults: [...views.values()].map(({ record }) => record.vaults[0]?.name),
    set: (n, { state = "live", confirmed = false, vault = "active", start = 1 }) => {
      const record = recordOf(n, vault, start);
      views.set(record.peerId, { record, state, confirmed, since: 0 });
      for (const listener of listeners) listener(record.peerId);
    },
    wait: (ms) => {
      now += ms;
      view.tick();
    },
  };
  return made;
}

const keptAt = ({ view, peers }: Farm, n: number): readonly CopyTier[] =>
  copyTiers.filter((tier) => view.keepers(chunk, tier).some(({ peer }) => peer === peers[n]));

test("a confirmed silence counts tier by tier, and a return brings everything back", () => {
  const one = farm(8);
  one.set(3, { state: "suspected", confirmed: true });
  assert.deepEqual(keptAt(one, 3), ["fewest", "few", "enough"]);
  assert.equal(one.view.takeChanges().size, 0, "a node that has just fallen silent changes nothing");
  assert.equal(one.view.nextLossMs("few"), 100);
  one.wait(10);
  assert.deepEqual(keptAt(one, 3), ["few", "enough"]);
  one.wait(90);
  assert.deepEqual(keptAt(one, 3), ["enough"]);
  assert.deepEqual([...one.view.takeChanges()], [[one.peers[3], new Set(["fewest", "few"])]]);
  one.wait(900);
  assert.deepEqual(keptAt(one, 3), []);
  one.set(3, {});
  assert.deepEqual(keptAt(one, 3), ["fewest", "few", "enough"]);
  assert.deepEqual([...one.view.takeChanges().keys()], [one.peers[3]]);
});

test("an unconfirmed suspicion drops nobody, however long; confirmed late it counts from the first silence", () => {
  const one = farm(8);
  one.set(3, { state: "suspected" });
  one.wait(1_000_000);
  assert.equal(keptAt(one, 3).length, 3);
  assert.equal(one.view.takeChanges().size, 0);
  one.set(3, { state: "suspected", confirmed: true });
  assert.deepEqual(keptAt(one, 3), []);
  one.view.forgive();
  one.view.tick();
  assert.equal(keptAt(one, 3).length, 3, "after a sleep of this machine every silence begins anew");
});

test("draining, fenced and gone nodes keep nothing at once; cordoned ones keep what they have and take nothing", () => {
  const one = farm(8);
  one.set(1, { vault: "draining" });
  one.set(2, { vault: "fenced" });
  one.set(4, { state: "gone" });
  one.set(5, { vault: "cordoned" });
  for (const n of [1, 2, 4]) assert.deepEqual([keptAt(one, n), one.view.keeperAt(one.peers[n] ?? assert.fail())], [[], undefined]);
  assert.equal(one.view.keeperAt(one.peers[5] ?? assert.fail())?.takes, false);
  assert.ok(one.view.answering(chunk).includes(one.peers[1] ?? assert.fail()), "who drains still answers");
  assert.deepEqual(new Set(one.view.takeChanges().keys()), new Set([1, 2, 4].map((n) => one.peers[n])));
});

test("who is distrusted keeps nothing that counts, at once; trusted again it does", () => {
  const one = farm(8);
  const liar = one.peers[3] ?? assert.fail();
  one.distrusted = new Set([liar]);
  one.wait(0);
  assert.deepEqual([keptAt(one, 3), one.view.keeperAt(liar), one.view.isTrusted(liar)], [[], undefined, false]);
  assert.ok(one.view.answering(chunk).includes(liar), "it is asked, and may show that it is honest again");
  assert.deepEqual([...one.view.takeChanges()], [[liar, new Set(copyTiers)]]);
  one.wait(0);
  assert.equal(one.view.takeChanges().size, 0);
  one.distrusted = new Set();
  one.wait(0);
  assert.deepEqual(keptAt(one, 3), ["fewest", "few", "enough"]);
  assert.deepEqual([...one.view.takeChanges().keys()], [liar]);
});

test("vaults take new chunks that say so, on nodes that are there and believed", () => {
  const one = farm(8);
  const all = one.view.taking();
  assert.equal(all.size, 8);
  one.set(1, { vault: "cordoned" });
  one.set(2, { vault: "joining" });
  one.set(3, { state: "suspected" });
  one.distrusted = new Set([one.peers[4] ?? assert.fail()]);
  one.wait(0);
  const gone = [...all].filter((vault) => !one.view.taking().has(vault));
  assert.deepEqual(
    gone,
    [1, 3, 4].map((n) => one.vaults[n]),
  );
});

test("a change concerns the chunks near the node that changed, and no others", () => {
  const one = farm(40);
  one.set(3, { state: "gone" });
  const changes = one.view.takeChanges();
  const addresses = Array.from({ length: 400 }, (_, n) => chunkAddress(Uint8Array.of(n & 255, n >> 8)));
  const concernedOf = (roomless: boolean): number => addresses.filter((address) => one.view.concerns(address, changes, roomless)).length;
  const concerned = concernedOf(false);
  // Five and three of forty nodes: a fifth.
  assert.ok(concerned > 40 && concerned < 140, `${concerned} of ${addresses.length}`);
  assert.ok(concernedOf(true) > 1.5 * concerned, "one that found no room may find it with any of the sixteen closest");
});

test("who starts anew while it joins is a change: it must hear again that nothing is owed to it", () => {
  const one = farm(8);
  one.set(3, { vault: "joining" });
  assert.deepEqual([...one.view.takeChanges().keys()], [one.peers[3]]);
  one.set(3, { vault: "joining" });
  assert.equal(one.view.takeChanges().size, 0);
  one.set(3, { vault: "joining", start: 2 });
  assert.deepEqual([...one.view.takeChanges().keys()], [one.peers[3]]);
});
