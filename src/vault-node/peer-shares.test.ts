// Proves that no peer, and not all together, get more than their share, that few who give nothing back leave room for others,
// that shares come back once, and that no crowd of peers makes a node forget who has work in hand, or remember peers without end.
// Method: small limits, or those of a node, on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createPeerShares, shareLimits } from "./peer-shares.ts";

const peer = (byte: number) => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(byte)).publicKey);
const limits = {
  requestsPerPeer: 3,
  bytesPerPeer: 100,
  bytesInAll: 150,
  bytesForFirst: 0,
  firstBytes: 0,
  ratePerPeer: 10,
  burstPerPeer: 5,
};

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

test("two peers that take all they get, and give nothing back, leave room for what others ask first", () => {
  const shares = createPeerShares(createVirtualClock());
  const largest = shareLimits.firstBytes;
  const taken = (byte: number, bytes: number): number => {
    let count = 0;
    while (count < 100 && shares.take(peer(byte), bytes) !== undefined) count += 1;
    return count * bytes;
  };
  assert.equal(taken(1, largest), shareLimits.bytesPerPeer, "one alone gets all of its share");
  taken(2, largest);
  assert.equal(shares.inUse().bytes, shareLimits.bytesInAll - shareLimits.bytesForFirst);
  for (const other of [3, 4, 5]) assert.equal(taken(other, largest), largest, `peer ${other} gets its first message, and no second`);
  assert.equal(taken(6, largest / 8), largest, "or as much in small ones");
  assert.equal(shares.take(peer(7), 1), undefined, "then all is given");
  assert.ok(shares.take(peer(1), 0), "what brings no bytes is not kept from anybody");
  assert.ok(shares.take(peer(7), 0));
});

test("however many peers come and go, who has work in hand stays counted, and of those at rest a bounded number is remembered", () => {
  const shares = createPeerShares(createVirtualClock(), limits);
  const ask = (name: string): boolean => {
    const share = shares.take(name as PeerId, 0);
    share?.release();
    return share !== undefined;
  };
  const inHand = [1, 2, 3].map(() => shares.take(peer(1), 30));
  for (let times = 0; times < limits.burstPerPeer; times += 1) assert.ok(ask("spent"));
  assert.equal(ask("spent"), false);
  for (let n = 0; n < 10_000; n += 1) assert.ok(ask(`peer ${n}`));
  assert.equal(shares.take(peer(1), 0), undefined, "it has as many requests in hand as a peer may");
  for (const share of inHand) share?.release();
  assert.deepEqual(shares.inUse(), { requests: 0, bytes: 0 });
  assert.ok(ask("spent"), "what it spent is forgotten with it");
});
