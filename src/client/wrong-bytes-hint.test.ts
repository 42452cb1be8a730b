// Proves that of wrong bytes a few other holders hear, never the node that sent them, not too often, and nobody from who has no grant; and that
// nothing comes of hearers that fail. Method: direct calls on a virtual clock, with a directory and peers by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Holder } from "../network/directory.ts";
import { chunkAddress } from "../protocol/address.ts";
import { decodeMessage } from "../protocol/encoding.ts";
import { createGenesis } from "../protocol/genesis.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { wrongBytesRequest } from "../protocol/messages/wrong-bytes.ts";
import { type PeerId, peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import { clientLimits } from "./client-limits.ts";
import { silentMetrics } from "./client-metrics.ts";
import { createWrongBytesHint } from "./wrong-bytes-hint.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const genesis = createGenesis({ name: "x", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 }, keyOf(1));
const holders = [2, 3, 4, 5, 6].map((n): PeerId => peerIdFromPublicKey(keyOf(n).publicKey));
const chunk = chunkAddress(Uint8Array.of(1));

type Scene = { readonly clock: VirtualClock; readonly heard: PeerId[]; readonly tell: (peer: PeerId) => void };

function scene(grant: Uint8Array | null): Scene {
  const clock = createVirtualClock();
  const heard: PeerId[] = [];
  const tell = createWrongBytesHint({
    ...{ genesis, grant, clock, limits: clientLimits, metrics: silentMetrics },
    membership: {
      reportFailure: () => assert.fail("a hearer that refuses is no failure"),
      directory: {
        closest: () => ({ holders: holders.map((peer) => ({ peer })) as unknown as readonly Holder[], short: "none" }),
        ...{ nodes: () => [], node: () => undefined, onChange: () => () => {} },
      },
    },
    peers: {
      request: async (peer, kind, { body }) => {
        assert.equal(kind, "wrong-bytes");
        const said = decodeMessage(wrongBytesRequest, body);
        assert.deepEqual(said.ok && said.value.chunk, chunk);
        heard.push(peer);
        throw new Error("refused");
      },
    },
  });
  return { clock, heard, tell: (peer) => tell(peer, chunk) };
}

test("three other holders hear of it, whichever of them sent the wrong bytes, or a node that is none", () => {
  for (const liar of [...holders, peerIdFromPublicKey(keyOf(9).publicKey)]) {
    const { heard, tell } = scene(Uint8Array.of(1));
    tell(liar);
    assert.deepEqual(heard, holders.filter((peer) => peer !== liar).slice(0, 3));
  }
});

test("a node that serves rot for every chunk is told of once in ten seconds", async () => {
  const { clock, heard, tell } = scene(Uint8Array.of(1));
  const [liar = assert.fail()] = holders;
  for (let times = 0; times < 10; times += 1) tell(liar);
  await clock.advance(9_999);
  tell(liar);
  assert.equal(heard.length, 3);
  await clock.advance(1);
  tell(liar);
  assert.equal(heard.length, 6);
});

test("who has no grant tells nobody", () => {
  const { heard, tell } = scene(null);
  for (const peer of holders) tell(peer);
  assert.deepEqual(heard, []);
});
