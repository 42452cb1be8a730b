// Proves that the owner's word, which takes votes for vanished places back, takes none back that are still owed: not for the place
// that it opens itself, not where the disk fails in between, not where a crash undoes it.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { emptyChain, headAfter, type MembershipStatement, signAsOwner } from "../../../protocol/certificate.ts";
import type { VoteReply, VoteRequest } from "../../../protocol/messages/membership-votes.ts";
import { silentLog } from "../../../runtime/log.ts";
import { genesis, nodeKey, ownerKey } from "../membership-fixture.ts";
import { type CertificateStore, createMemoryCertificateStore } from "./certificate-store.ts";
import { peerOf, peersOf } from "./certificates-fixture.ts";
import { type ChainKeeper, createChainKeeper } from "./chain-keeper.ts";
import { nextRound } from "./vote-state.ts";
import { createVoter, type Voter } from "./voter.ts";

const word = (statement: MembershipStatement) => signAsOwner(genesis, ownerKey, statement);
const first = word({ sequence: 1, previous: genesis.networkId, joining: peersOf([1, 2, 3, 4, 5, 6]), leaving: [] });
const [worse, better] = [5, 6]
  .map((number) => word({ sequence: 2, previous: first.id, joining: [], leaving: peersOf([number]) }))
  .sort((a, b) => (a.id < b.id ? 1 : -1));
assert.ok(worse !== undefined && better !== undefined);
const heads = [worse, better].map(({ id, statement }) =>
  headAfter(headAfter(emptyChain(genesis.networkId), first.id, first.statement), id, statement),
);
const [oldHead, newHead] = heads;
assert.ok(oldHead !== undefined && newHead !== undefined);

const accept = (head: typeof oldHead, wants: number, above = 0): VoteRequest => ({
  ...{ step: "accept", previous: head.id, round: nextRound(head, peerOf(2), above), grants: [], earlier: null },
  statement: { sequence: 3, previous: head.id, joining: [], leaving: peersOf([wants]) },
});

type Seat = { readonly keeper: ChainKeeper; readonly voter: Voter; ask(request: VoteRequest): Promise<VoteReply["kind"]> };

/** Node 1 with what a disk has; its chain and its votes hang together as those of a node. */
async function sit(store: CertificateStore): Promise<Seat> {
  const keeper: ChainKeeper = createChainKeeper({ genesis, store, log: silentLog, onReplaced: () => voter.reset() });
  const parts = { self: peerOf(1), genesis, nodeKey: nodeKey(1), book: keeper.book, store, log: silentLog };
  const voter = createVoter({ ...parts, agrees: () => true }, 64);
  await keeper.load();
  await voter.load();
  return { keeper, voter, ask: async (request) => (await voter.answer(peerOf(2), request)).kind };
}

async function sitAtOldHead(store: CertificateStore): Promise<Seat> {
  const seat = await sit(store);
  for (const { bytes } of [first, worse ?? first]) await seat.keeper.take(bytes);
  return seat;
}

describe("the owner's word replaces a certificate", () => {
  it("while a question about the place that it opens waits: the answer is not forgotten", async () => {
    const { keeper, ask } = await sitAtOldHead(createMemoryCertificateStore());
    const waiting = ask(accept(newHead, 4, 50));
    await keeper.take(better.bytes);
    assert.equal(await waiting, "signed");
    assert.equal(await ask(accept(newHead, 3)), "outbid", "it signed in a later round");
  });

  it("and the disk refuses to forget the votes: they are forgotten when it takes writes again", async () => {
    const memory = createMemoryCertificateStore();
    let refuses = false;
    const saveVotes = async (bytes: Uint8Array): Promise<void> => {
      if (refuses) throw new Error("the disk is full");
      await memory.saveVotes(bytes);
    };
    const store = { ...memory, saveVotes };
    const { keeper } = await sitAtOldHead(store);
    const third = word({ sequence: 3, previous: worse.id, joining: [], leaving: peersOf([4]) });
    await keeper.take(third.bytes);
    const head = keeper.book.head();
    const voted = await sit(store);
    assert.equal(
      await voted.ask({ ...accept(head, 3), statement: { sequence: 4, previous: head.id, joining: [], leaving: peersOf([3]) } }),
      "signed",
    );
    refuses = true;
    await assert.rejects(voted.keeper.take(better.bytes), /full/);
    refuses = false;
    await voted.keeper.retry();
    assert.equal(await voted.ask(accept(newHead, 4)), "signed");
    assert.equal(await (await sit(store)).ask(accept(newHead, 3, 50)), "signed");
  });

  it("and a crash undoes it: what was signed before is not signed otherwise", async () => {
    const memory = createMemoryCertificateStore();
    const before = await sitAtOldHead(memory);
    assert.equal(await before.ask(accept(oldHead, 4, 50)), "signed");
    const dying = await sit({ ...memory, saveChain: () => Promise.reject(new Error("the disk is full")) });
    await assert.rejects(dying.keeper.take(better.bytes), /full/);
    const after = await sit(memory);
    assert.equal(after.keeper.book.head().id, oldHead.id);
    assert.notEqual(await after.ask(accept(oldHead, 3, 20)), "signed");
    await after.keeper.take(better.bytes);
    assert.equal(await after.ask(accept(newHead, 3)), "signed", "it votes again where the word comes again");
  });
});
