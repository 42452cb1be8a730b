// Proves whose turn a pair says that it was: of whoever gave the word, where that is another than the node that was asked for it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { addressFromBytes } from "../../protocol/address.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { signStopWitness } from "../../protocol/safe-to-stop.ts";
import { stopPairOf } from "./stop-pair.ts";

const digest = new Uint8Array(32);
const networkId = addressFromBytes(digest);
const key = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n));
const [asked, other] = [1, 2].map((n) => peerIdFromPublicKey(key(n).publicKey)) as [ReturnType<typeof peerIdFromPublicKey>, string];
const word = { statement: digest, membership: digest, inventory: digest, count: 1, short: 0, audited: 1, failed: 0, statedAtMs: 1 };

test("a pair says whose turn it was where the node that was asked brought another's word", () => {
  const pairBy = (witness: Uint8Array) => stopPairOf({ statement: digest, witness, takenAtMs: 7, networkId, asked });
  const own = signStopWitness(networkId, key(1), word);
  assert.deepEqual(pairBy(own), { statement: digest, witness: own, takenAtMs: 7 });
  const brought = signStopWitness(networkId, key(2), word);
  assert.deepEqual(pairBy(brought), { statement: digest, witness: brought, takenAtMs: 7, turn: other });
  const foreign = signStopWitness(addressFromBytes(new Uint8Array(32).fill(1)), key(2), word);
  for (const none of [foreign, Uint8Array.of(1, 2)]) assert.equal(pairBy(none).turn, undefined);
});
