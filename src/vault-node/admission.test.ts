// Proves who may put: only a peer whose own grant, signed by the owner and not expired, it is, within its share.
// Method: the pure decision over all cases; the cache with real grants on a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createGenesis } from "../protocol/genesis.ts";
import { createGrant } from "../protocol/grant.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { admitPut, createGrantCache, type GrantStanding } from "./admission.ts";

const key = (byte: number) => signingKeyFromSeed(new Uint8Array(32).fill(byte));
const owner = key(1);
const peer = peerIdFromPublicKey(key(2).publicKey);
const stranger = peerIdFromPublicKey(key(3).publicKey);
const genesis = createGenesis({ name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, owner);
const policy = { kind: "owner" } as const;

test("a valid grant within the share is admitted, everything else refused with its reason", () => {
  const valid: GrantStanding = { kind: "valid", grant: { peerId: peer, notAfterMs: 0 } };
  const decide = (grant: GrantStanding, quotas: "within" | "exceeded", asker = peer) =>
    admitPut({ policy, peer: asker, grant, payment: null, quotas });
  assert.deepEqual(decide(valid, "within"), { kind: "admitted" });
  assert.deepEqual(decide(valid, "exceeded"), { kind: "refused", reason: "busy" });
  assert.deepEqual(decide(valid, "within", stranger), { kind: "refused", reason: "not-admitted" });
  for (const kind of ["none", "invalid"] as const)
    assert.deepEqual(decide({ kind }, "within"), { kind: "refused", reason: "not-admitted" });
});

test("grants are verified, bound to their peer, and expire while remembered", () => {
  const clock = createVirtualClock();
  const cache = createGrantCache(genesis, clock);
  const endless = createGrant(genesis, owner, { peerId: peer, notAfterMs: 0 });
  assert.equal(cache.standing(peer, null).kind, "none");
  assert.equal(cache.standing(peer, endless).kind, "valid");
  assert.equal(cache.standing(peer, endless.slice()).kind, "valid");
  assert.equal(cache.standing(stranger, endless).kind, "invalid");
  assert.equal(cache.standing(peer, createGrant(genesis, key(9), { peerId: peer, notAfterMs: 0 })).kind, "invalid");
  assert.equal(cache.standing(peer, Uint8Array.of(1, 2, 3)).kind, "invalid");
  const short = createGrant(genesis, owner, { peerId: peer, notAfterMs: clock.wallMs() + 1000 });
  assert.equal(cache.standing(peer, short).kind, "valid");
  return clock.advance(1001).then(() => assert.equal(cache.standing(peer, short).kind, "invalid"));
});

test("what is remembered is a copy: a reused message buffer cannot change it", () => {
  const cache = createGrantCache(genesis, createVirtualClock());
  const bytes = createGrant(genesis, owner, { peerId: peer, notAfterMs: 0 });
  assert.equal(cache.standing(peer, bytes).kind, "valid");
  bytes.fill(0);
  assert.equal(cache.standing(peer, bytes).kind, "invalid");
});
