// Proves that no peer, and not all together, get more than their share, and that shares come back once.
// Method: small limits on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createPeerShares } from "./peer-shares.ts";

const peer = (byte: number) => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(byte)).publicKey);
const limits = { requestsPerPeer: 3, bytesPerPeer: 100, bytesInAll: 150, ratePerPeer: 10, burstPerPeer: 5 };

test("bytes and requests in flight are bounded by peer and in all", () => {
  const shares = createPeerShares(createVirtualClock(), limits);
  const first = shares.take(peer(1), 60);
  assert.ok(first);
  assert.equal(shares.take(peer(1), 60), undefined, "over the peer's bytes");
  assert.ok(shares.take(peer(2), 80));
  assert.equal(shares.take(peer(3), 20), undefined, "over all bytes");
  first.release();
  first.release();
  assert.deepEqual(shares.inUse(), { requests: 1, bytes: 80 });
  assert.ok(shares.take(peer(3), 20));
  for (let i = 0; i < 3; i++) assert.ok(shares.take(peer(4), 0));
  assert.equal(shares.take(peer(4), 0), undefined, "over the peer's requests");
});

test("requests a second are bounded, after a burst", async () => {
  const clock = createVirtualClock();
  const shares = createPeerShares(clock, limits);
  const take = (): boolean => {
    const share = shares.take(peer(1), 0);
    share?.release();
    return share !== undefined;
  };
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(take), [true, true, true, true, true, false]);
  await clock.advance(100);
  assert.deepEqual([take(), take()], [true, false]);
});
