// Proves who may push which chunks here: nodes only what lies near, as everybody who knows the same nodes sees it; others
// anything; and nobody is refused where there are no more nodes than may be near.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Directory, Holder } from "../network/directory.ts";
import { type Address, addressFromBytes } from "../protocol/address.ts";
import { createPlaceIndex, purposeBits } from "../protocol/closest.ts";
import { signingKeyFromSeed, vaultName } from "../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { seededRandom } from "../runtime/random.ts";
import { createNearness } from "./nearness.ts";

const random = seededRandom(5);
const address = (): Address => addressFromBytes(random.bytes(32));
const gateway = peerIdFromPublicKey(signingKeyFromSeed(random.bytes(32)).publicKey);

function farm(count: number): { readonly peers: readonly PeerId[]; readonly directory: Pick<Directory, "closest" | "node"> } {
  const index = createPlaceIndex({ placeUnit: 1 });
  const peers = Array.from({ length: count }, () => {
    const key = signingKeyFromSeed(random.bytes(32)).publicKey;
    const peer = peerIdFromPublicKey(key);
    index.add({ vault: vaultName(key), node: peer, zone: "", host: peer, capacity: 32, purposes: purposeBits.all });
    return peer;
  });
  const node = (peer: PeerId): ReturnType<Directory["node"]> =>
    (peers.includes(peer) ? { record: { vaults: [{}] } } : undefined) as ReturnType<Directory["node"]>;
  const closest: Directory["closest"] = (goal, k) => {
    const { vaults, short } = index.closest(goal, k, "all");
    return { holders: vaults.map((one) => ({ peer: one.node }) as unknown as Holder), short };
  };
  return { peers, directory: { closest, node } };
}

test("of 200 nodes 32 take a chunk that a node pushes, and all take a gateway's", () => {
  const { peers, directory } = farm(200);
  const [pusher] = peers;
  assert.ok(pusher);
  for (let i = 0; i < 20; i += 1) {
    const goal = address();
    const taking: readonly PeerId[] = peers.filter((self) => !createNearness(directory, self)(pusher, goal));
    assert.equal(taking.length, 32);
    const five = directory.closest(goal, 5, "all").holders.map(({ peer }) => peer);
    assert.ok(
      five.every((peer) => taking.includes(peer)),
      "whoever should keep it takes it",
    );
    assert.ok(peers.every((self) => !createNearness(directory, self)(gateway, goal)));
  }
});

test("of 31 nodes every one takes everything", () => {
  const { peers, directory } = farm(31);
  for (let i = 0; i < 20; i += 1) {
    const goal = address();
    assert.ok(peers.every((self, n) => !createNearness(directory, self)(peers[(n + 1) % peers.length] ?? gateway, goal)));
  }
});
