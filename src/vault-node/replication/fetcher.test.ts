// Proves that a lost chunk is asked for at one holder after another until one has it, also at those that these point to, but not for ever; at no
// other where the own store has no room for what came; and that nothing is kept but bytes of its address. Peers and store by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Delivery, Peers } from "../../network/peers.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { type GetChunksReply, getChunksReply } from "../../protocol/messages/get-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { PutOutcome } from "../chunk-store/chunk-store.ts";
import { recordIn } from "./chunk-fixture.ts";
import { type FetcherParts, fetchBack } from "./fetcher.ts";

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

type Scene = { readonly asked: PeerId[]; readonly kept: Address[]; readonly liars: PeerId[]; released: number };

/** Fetches where each node answers so, and notes what becomes of it. */
async function scene(
  answer: (peer: PeerId) => Omit<Delivery, "release"> | undefined,
  change: Partial<FetcherParts> = {},
  signal = AbortSignal.any([]),
): Promise<Scene & { readonly isBack: boolean }> {
  const seen: Scene = { asked: [], kept: [], liars: [], released: 0 };
  const request: Peers["request"] = async (peer) => {
    seen.asked.push(peer);
    const given = answer(peer);
    if (given === undefined) throw new Error("no answer");
    const release = (): void => {
      seen.released += 1;
    };
    return { ...given, release };
  };
  const put = async (entries: readonly { readonly address: Address; readonly bytes: Uint8Array }[]): Promise<readonly PutOutcome[]> => {
    for (const entry of entries) seen.kept.push(chunkAddress(entry.bytes));
    return entries.map(() => "stored");
  };
  const onWrongBytes = (peer: PeerId): void => void seen.liars.push(peer);
  const own = { peers: { request }, store: { info: () => undefined, put }, onWrongBytes, vaultFor: () => vault, whom: () => peers };
  const isBack = await fetchBack({ timeoutMs: 1, ...own, ...change }, address, signal);
  return Object.assign(seen, { isBack });
}

const said = (reply: Partial<GetChunksReply>, chunks: readonly Uint8Array[] = []): Omit<Delivery, "release"> => ({
  body: encodeMessage(getChunksReply, { found: [], missing: [], ...reply }),
  ...{ chunks, hashes: chunks.map((one) => chunkAddress(one)) },
});

test("other bytes than the address says are not kept, who sent them is told of, and the next one is asked", async () => {
  const wrong = Uint8Array.of(9);
  const { isBack, asked, kept, liars, released } = await scene((peer) => said({ found: [address] }, [peer === peers[2] ? bytes : wrong]));
  assert.deepEqual(
    { isBack, asked, kept, liars, released },
    { isBack: true, asked: peers, kept: [address], liars: peers.slice(0, 2), released: 3 },
  );
});

test("who gives no answer, or one that cannot be read, is passed over; where all do, it is not back", async () => {
  const unreadable = { body: Uint8Array.of(0xff), chunks: [bytes], hashes: [address] };
  const { isBack, asked, kept, released } = await scene((peer) => (peer === peers[0] ? undefined : unreadable));
  assert.deepEqual({ isBack, asked, kept, released }, { isBack: false, asked: peers, kept: [], released: 2 });
});

test("who is pointed to is asked too, each once, and of those that point on and on a bounded number", async () => {
  const pointed = (peer: PeerId): Partial<GetChunksReply> => ({ elsewhere: [{ chunk: address, peer }] });
  const [taker = assert.fail()] = [recordIn(9, "active").peerId];
  const found = await scene((peer) => (peer === taker ? said({ found: [address] }, [bytes]) : said(pointed(taker))));
  assert.deepEqual([found.isBack, found.asked], [true, [...peers, taker]]);
  const many = Array.from({ length: 100 }, (_, n) => recordIn(n + 1, "active").peerId);
  const chain = await scene((peer) => said(pointed(many[many.indexOf(peer) + 1] ?? assert.fail())));
  assert.deepEqual([chain.isBack, chain.asked.length, new Set(chain.asked).size], [false, 32, 32]);
  const other = chunkAddress(Uint8Array.of(7));
  const { asked } = await scene(() => said({ elsewhere: [{ chunk: other, peer: taker }] }));
  assert.deepEqual(asked, peers, "what is said of another chunk points nowhere");
});

test("nobody is asked for what is here, or what no vault of this node should keep; and nobody once it is to end", async () => {
  const here = { info: () => ({ vault, size: 3, storedAtMs: 0 }), put: async () => assert.fail() };
  for (const change of [{ store: here }, { vaultFor: () => undefined }]) {
    const { isBack, asked } = await scene(() => assert.fail(), change);
    assert.deepEqual([isBack, asked], [true, []]);
  }
  await assert.rejects(
    scene(() => assert.fail(), {}, AbortSignal.abort(new Error("over"))),
    /over/,
  );
});
