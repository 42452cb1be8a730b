// Proves that an inventory comes over whole and in order, page by page; that strangers and who asks too much get nothing; and
// that a peer which repeats addresses, or lists without an end, is given up.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryNetwork } from "../../network/in-memory/memory-network.ts";
import type { Handler, Peers } from "../../network/peers.ts";
import { type Address, addressBytes, addressFromBytes } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { inventoryPageItems } from "../../protocol/limits.ts";
import { listChunksReply, listChunksRequest } from "../../protocol/messages/list-chunks.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createListChunks, listedChunks } from "./list-chunks.ts";

const random = seededRandom(3);
const addresses = Array.from({ length: 2 * inventoryPageItems + 7 }, () => addressFromBytes(random.bytes(32))).sort();
const inventory = {
  ready: () => true,
  addresses: ({ from }: { readonly from: Uint8Array }, max: number): readonly Address[] =>
    addresses.filter((address) => Buffer.compare(addressBytes(address), from) >= 0).slice(0, max),
};

type Pair = { readonly clock: VirtualClock; readonly asker: Peers; readonly node: Peers };

async function pair(handlerOf: (clock: VirtualClock) => Handler): Promise<Pair> {
  const clock = createVirtualClock();
  const network = createMemoryNetwork({ clock, random: seededRandom(1) });
  const [node, asker] = [1, 2].map((byte) => network.createPeers(new Uint8Array(32).fill(byte))) as [Peers, Peers];
  node.handle("list-chunks", handlerOf(clock));
  await Promise.all([node.start(), asker.start()]);
  asker.learn(node.self, node.addresses());
  return { clock, asker, node };
}

async function listed({ clock, asker, node }: Pair, itemsMax = 1_000_000): Promise<readonly Address[]> {
  const all: Address[] = [];
  const read = async (): Promise<void> => {
    const parts = { peers: asker, timeoutMs: 5_000 };
    for await (const page of listedChunks(parts, node.self, itemsMax, new AbortController().signal)) all.push(...page);
  };
  await clock.runUntil(read());
  return all;
}

test("all of it comes, in order", async () => {
  assert.deepEqual(await listed(await pair((clock) => createListChunks({ inventory, clock, isNode: () => true }))), addresses);
});

test("strangers get nothing, nor does anybody while it is read from disk", async () => {
  await assert.rejects(listed(await pair((clock) => createListChunks({ inventory, clock, isNode: () => false }))));
  const reading = { ...inventory, ready: () => false };
  await assert.rejects(listed(await pair((clock) => createListChunks({ inventory: reading, clock, isNode: () => true }))));
});

test("who asks page after page is refused in time", async () => {
  const { clock, asker, node } = await pair((clock) => createListChunks({ inventory, clock, isNode: () => true }));
  const body = encodeMessage(listChunksRequest, { after: new Uint8Array(0) });
  const spam = async (): Promise<void> => {
    for (let i = 0; i < 500; i += 1) (await asker.request(node.self, "list-chunks", { body, chunks: [] }, { timeoutMs: 5_000 })).release();
  };
  await assert.rejects(clock.runUntil(spam()));
});

test("a peer that repeats itself, or goes on without an end, is given up", async () => {
  const chunks = addressBytes(addresses[0] ?? assert.fail());
  const again = encodeMessage(listChunksReply, { chunks, more: true });
  await assert.rejects(listed(await pair(() => async () => ({ body: again, chunks: [] }))), /ascend/);
  let next = 0;
  const endless: Handler = async () => {
    next += 1;
    const counted = new Uint8Array(32);
    new DataView(counted.buffer).setUint32(0, next);
    return { body: encodeMessage(listChunksReply, { chunks: counted, more: true }), chunks: [] };
  };
  assert.equal((await listed(await pair(() => endless), 50)).length, 50);
});
