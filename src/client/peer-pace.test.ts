// Proves that a node which sent wrong bytes is asked last, however fast it is, and forgiven after a while. Method: paces on
// a virtual clock.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createPeerPaces } from "./peer-pace.ts";

const peer = (byte: number): PeerId => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(byte)).publicKey);

test("a fast liar costs more than a slow honest node, for five minutes", async () => {
  const clock = createVirtualClock();
  const paces = createPeerPaces(clock);
  const [liar, honest] = [peer(1), peer(2)];
  for (const [node, tookMs] of [
    [liar, 1],
    [honest, 300],
  ] as const) {
    const done = paces.begin(node, "bulk");
    await clock.advance(tookMs);
    done(true);
  }
  const liarFirst = (): boolean => paces.cost(liar, "bulk") < paces.cost(honest, "bulk");
  assert.equal(liarFirst(), true);
  paces.mistrust(liar);
  assert.equal(liarFirst(), false);
  await clock.advance(299_000);
  assert.equal(liarFirst(), false);
  await clock.advance(2_000);
  assert.equal(liarFirst(), true);
});
