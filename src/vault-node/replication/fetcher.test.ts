// Proves that a lost chunk is asked for at one holder after another until one has it, and at no other where the own store has no
// room for what came. Peers and store by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Peers } from "../../network/peers.ts";
import { chunkAddress } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { getChunksReply } from "../../protocol/messages/get-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { PutOutcome } from "../chunk-store/chunk-store.ts";
import { recordIn } from "./chunk-fixture.ts";
import { fetchBack } from "./fetcher.ts";

const bytes = Uint8Array.of(1, 2, 3);
const address = chunkAddress(bytes);
const peers = [1, 2, 3].map((n): PeerId => recordIn(n, "active").peerId);
const vault = recordIn(0, "active").vaults[0]?.name ?? assert.fail();

/** Fetches from three nodes, all of them but the first holders, into a store that answers so. */
async function fetched(outcome: PutOutcome): Promise<{ readonly isBack: boolean; readonly asked: number }> {
  let asked = 0;
  const request: Peers["request"] = async (peer) => {
    asked += 1;
    const has = peer !== peers[0];
    const body = encodeMessage(getChunksReply, {
      found: has ? [address] : [],
      missing: has ? [] : [{ chunk: address, reason: "not-held" as const }],
    });
    return { body, chunks: has ? [bytes] : [], hashes: has ? [address] : [], release: () => {} };
  };
  const store = { info: () => undefined, put: async () => [outcome] };
  const parts = { peers: { request }, store, timeoutMs: 1, whom: () => peers, onWrongBytes: () => assert.fail(), vaultFor: () => vault };
  return { isBack: await fetchBack(parts, address, AbortSignal.any([])), asked };
}

test("it comes from the first that has it", async () => {
  assert.deepEqual(await fetched("stored"), { isBack: true, asked: 2 });
});

test("what finds no room here is not fetched from one holder after another", async () => {
  for (const outcome of ["full", "read-only"] as const) assert.deepEqual(await fetched(outcome), { isBack: false, asked: 2 });
});
