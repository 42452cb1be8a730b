// Proves that a long chain costs what it is long, and no more: it is read at a start without counting who is confirmed anew for each
// certificate, and a newcomer writes it once for each answer, not once for each certificate in it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type ReadCertificate, signAsOwner } from "../../../protocol/certificate.ts";
import { encodeMessage } from "../../../protocol/encoding.ts";
import { certificatesReply } from "../../../protocol/messages/certificates.ts";
import { silentLog } from "../../../runtime/log.ts";
import { genesis, ownerKey } from "../membership-fixture.ts";
import { certificateLimits } from "./certificate-limits.ts";
import { createMemoryCertificateStore } from "./certificate-store.ts";
import { peerOf, peersOf } from "./certificates-fixture.ts";
import { createChainExchange } from "./chain-exchange.ts";
import { createChainKeeper } from "./chain-keeper.ts";
import { createConfirmedBook } from "./confirmed-book.ts";

/** A first certificate of so many nodes, and one after another that leaves. */
function chainOf(length: number): readonly ReadCertificate[] {
  const numbers = Array.from({ length: length + 1 }, (_, i) => i + 1);
  const chain = [signAsOwner(genesis, ownerKey, { sequence: 1, previous: genesis.networkId, joining: peersOf(numbers), leaving: [] })];
  for (const number of numbers.slice(0, length - 1)) {
    const previous = chain.at(-1)?.id ?? genesis.networkId;
    chain.push(signAsOwner(genesis, ownerKey, { sequence: chain.length + 1, previous, joining: [], leaving: peersOf([number]) }));
  }
  return chain;
}

test("a long chain is read in about the time that its signatures take", () => {
  const [chain, before] = [chainOf(600), process.cpuUsage().user];
  const book = createConfirmedBook(genesis);
  for (const { bytes } of chain) assert.equal(book.offer(bytes).kind, "fresh");
  // About half a second; twenty where each certificate has all before it counted again.
  const tookMs = (process.cpuUsage().user - before) / 1000;
  assert.ok(tookMs < 6_000, `${tookMs} ms`);
});

test("a newcomer writes the certificates of one answer together, in their order", async () => {
  const chain = chainOf(40);
  const last = chain.at(-1) ?? assert.fail();
  const saved: number[] = [];
  const saveChain = async (certificates: readonly Uint8Array[]): Promise<void> => void saved.push(certificates.length);
  const store = { ...createMemoryCertificateStore(), saveChain };
  const keeper = createChainKeeper({ genesis, store, log: silentLog, onReplaced: async () => {} });
  const told: string[] = [];
  keeper.onChange((_, { id }) => void told.push(id));
  const reply = { certificates: chain.map(({ bytes }) => bytes), head: last.id, sequence: chain.length };
  const answer = { body: encodeMessage(certificatesReply, reply), chunks: [], hashes: [], release: () => {} };
  const take = async (bytes: Uint8Array): Promise<boolean> => (await keeper.take(bytes)).kind === "fresh";
  const nothing = { grant: () => null, onGrant: () => {}, onShown: () => {}, offend: () => {}, admits: () => true };
  const exchange = createChainExchange({ ...nothing, peers: { request: async () => answer }, book: keeper.book, take }, certificateLimits);
  await exchange.meet(peerOf(1));
  assert.equal(keeper.book.head().id, last.id);
  assert.deepEqual(
    told,
    chain.map(({ id }) => id),
  );
  assert.deepEqual(saved, [chain.length]);
});
