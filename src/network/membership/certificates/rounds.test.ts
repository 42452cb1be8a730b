// Proves that rounds of proposing keep to one statement: many proposers that each want another one, among voters who agree
// with everything, over a network that loses and delays and disks that a crash cuts off, finish at most one; alone, one
// finishes. And that voters refuse what would break this: rounds of others, second signatures, lost files, strangers.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "../../../protocol/address.ts";
import { emptyChain, headAfter, type MembershipStatement, signAsOwner, signVote, statementId } from "../../../protocol/certificate.ts";
import type { VoteReply, VoteRequest } from "../../../protocol/messages/membership-votes.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import { silentLog } from "../../../runtime/log.ts";
import { type Random, seededRandom } from "../../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../../runtime/virtual-clock.ts";
import { genesis, nodeKey, ownerKey } from "../membership-fixture.ts";
import { type CertificateStore, createMemoryCertificateStore } from "./certificate-store.ts";
import { peerOf, peersOf } from "./certificates-fixture.ts";
import { propose } from "./proposer.ts";
import { encodeVotes, nextRound } from "./vote-state.ts";
import { createVoter, type Voter } from "./voter.ts";

const numbers = [1, 2, 3, 4, 5];
const founding = signAsOwner(genesis, ownerKey, { sequence: 1, previous: genesis.networkId, joining: peersOf(numbers), leaving: [] });
const head = headAfter(emptyChain(genesis.networkId), founding.id, founding.statement);
const leaving = (number: number): MembershipStatement => ({ sequence: 2, previous: head.id, joining: [], leaving: [peerOf(number)] });

type Seat = { readonly store: CertificateStore; voter: Voter; life: number };

async function sit(number: number, store: CertificateStore, agrees = true): Promise<Voter> {
  const book = { head: () => head, has: (id: Address) => id === head.id };
  const parts = { self: peerOf(number), genesis, nodeKey: nodeKey(number), book, store, log: silentLog };
  const voter = createVoter({ ...parts, agrees: () => agrees }, 64);
  await voter.load();
  return voter;
}

/** A disk that keeps what was written to it before the crash, and answers nobody after it. */
function mortal(store: CertificateStore, isAlive: () => boolean, pause: () => Promise<void>): CertificateStore {
  const saveVotes = async (bytes: Uint8Array): Promise<void> => {
    await pause();
    if (!isAlive()) return new Promise(() => {});
    await store.saveVotes(bytes);
    await pause();
    if (!isAlive()) return new Promise(() => {});
  };
  return { ...store, saveVotes };
}

type Table = { readonly clock: VirtualClock; readonly random: Random; readonly seats: Map<PeerId, Seat>; lossRate: number };

async function seatAll(seed: number): Promise<Table> {
  const table: Table = { clock: createVirtualClock(), random: seededRandom(seed), seats: new Map(), lossRate: 0.25 };
  for (const number of numbers) table.seats.set(peerOf(number), await seatOne(table, number));
  return table;
}

async function seatOne({ clock, random }: Table, number: number, before?: Seat): Promise<Seat> {
  const store = before?.store ?? createMemoryCertificateStore();
  const life = (before?.life ?? 0) + 1;
  const seat: Seat = { store, life, voter: await sit(number, store) };
  const pause = (): Promise<void> => clock.sleep(10 * random.fraction());
  seat.voter = await sit(
    number,
    mortal(store, () => seat.life === life, pause),
  );
  return seat;
}

async function crash(table: Table, number: number): Promise<void> {
  const seat = table.seats.get(peerOf(number));
  assert.ok(seat !== undefined);
  const again = await seatOne(table, number, seat);
  seat.life = Number.POSITIVE_INFINITY;
  table.seats.set(peerOf(number), again);
}

async function ask(table: Table, from: PeerId, to: PeerId, request: VoteRequest): Promise<VoteReply | undefined> {
  const { clock, random, lossRate } = table;
  const travel = async (): Promise<boolean> => {
    if (from === to) return true;
    await clock.sleep(50 * random.fraction());
    return random.fraction() >= lossRate;
  };
  if (!(await travel())) return undefined;
  const answer = table.seats.get(to)?.voter.answer(from, request);
  const reply = await Promise.race([answer, clock.sleep(200).then(() => undefined)]);
  return (await travel()) ? reply : undefined;
}

/** One proposal; the id of what became final by it. */
async function tryOne(table: Table, number: number, statement: MembershipStatement): Promise<Address | undefined> {
  const self = peerOf(number);
  const above = table.seats.get(self)?.voter.state()?.promised ?? 0;
  const asking = { self, genesis, ask: (to: PeerId, request: VoteRequest) => ask(table, self, to, request) };
  const outcome = await propose(asking, { head, statement, grants: [], voters: [...head.confirmed], above });
  return outcome.kind === "final" ? outcome.certificate.id : undefined;
}

const attempt = fc.record({ by: fc.constantFrom(...numbers), wants: fc.constantFrom(...numbers), afterMs: fc.nat(120) });
const fall = fc.record({ falls: fc.constantFrom(...numbers), afterMs: fc.nat(60) });

test("whatever is proposed by whom and when, and whoever crashes, at most one statement becomes final, and then one does", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(fc.oneof(attempt, fall), { minLength: 5, maxLength: 30 }),
      async (seed, steps) => {
        const table = await seatAll(seed);
        const running: Promise<Address | undefined>[] = [];
        for (const one of steps) {
          await table.clock.advance(one.afterMs);
          if ("falls" in one) await crash(table, one.falls);
          else running.push(tryOne(table, one.by, leaving(one.wants)));
        }
        await table.clock.advance(5_000);
        table.lossRate = 0;
        const last: (Address | undefined)[] = [];
        for (const number of numbers.slice(0, 3))
          for (let i = 0; i < 6; i += 1) last.push(await table.clock.runUntil(tryOne(table, number, leaving(5))));
        // Those whose proposer crashed on the way never end.
        const ended = await Promise.all(
          running.map((one) => Promise.race([one, Promise.resolve().then(() => Promise.resolve(undefined))])),
        );
        const finals = new Set([...ended, ...last].filter((id) => id !== undefined));
        assert.equal(finals.size, 1, [...finals].join());
      },
    ),
    { numRuns: 30 },
  );
});

const request = (round: number, wants: number, changes: Partial<VoteRequest> = {}): VoteRequest => ({
  ...{ step: "accept", previous: head.id, round, statement: leaving(wants), grants: [], earlier: null },
  ...changes,
});
const roundOf = (number: number, above = 0): number => nextRound(head, peerOf(number), above);

test("a voter signs one statement a round, no lower round, and nobody else's round", async () => {
  const voter = await sit(1, createMemoryCertificateStore());
  const high = roundOf(2, 100);
  assert.equal((await voter.answer(peerOf(2), request(high, 5))).kind, "signed");
  assert.equal((await voter.answer(peerOf(2), request(high, 5))).kind, "signed", "asked again");
  assert.equal((await voter.answer(peerOf(2), request(high, 4))).kind, "outbid", "another statement in the same round");
  assert.deepEqual(await voter.answer(peerOf(3), request(roundOf(3), 4)), { kind: "outbid", round: high });
  assert.equal((await voter.answer(peerOf(3), request(high + 5, 4))).kind, "declined", "a round of node 2");
  assert.equal((await voter.answer(peerOf(3), request(roundOf(3, 1e9), 4))).kind, "declined", "a round far ahead");
});

test("strangers, other places of the chain and wrong names get no promise", async () => {
  const voter = await sit(1, createMemoryCertificateStore());
  assert.deepEqual(await voter.answer(peerOf(9), request(7, 5)), { kind: "declined", why: "stranger" });
  const elsewhere = await voter.answer(peerOf(2), request(roundOf(2), 5, { previous: genesis.networkId }));
  assert.deepEqual(elsewhere, { kind: "elsewhere", head: head.id, sequence: 1 });
  assert.equal((await voter.answer(peerOf(2), request(roundOf(2), 9))).kind, "declined");
  assert.equal(voter.state()?.promised, 0);
});

test("what a voter does not see so it signs only with the proof of an earlier signature", async () => {
  const voter = await sit(1, createMemoryCertificateStore(), false);
  assert.deepEqual(await voter.answer(peerOf(2), request(roundOf(2), 5)), { kind: "declined", why: "unconvinced" });
  const id = statementId(genesis.networkId, leaving(5));
  const proof = (round: number, by = 3): VoteRequest["earlier"] => ({
    ...{ node: peerOf(by), round },
    signature: signVote(genesis.networkId, nodeKey(by), { statement: id, round }),
  });
  const round = roundOf(2, 50);
  const kindWith = async (earlier: VoteRequest["earlier"]): Promise<string> =>
    (await voter.answer(peerOf(2), request(round, 5, { earlier }))).kind;
  assert.equal(await kindWith(proof(round)), "declined", "not earlier");
  assert.equal(await kindWith(proof(3, 9)), "declined", "a stranger's word");
  assert.equal(await kindWith({ node: peerOf(4), round: 3, signature: proof(3)?.signature ?? new Uint8Array() }), "declined", "forged");
  assert.equal(await kindWith(proof(3)), "signed");
});

test("a voter whose votes are for a later place than its chain, or cannot be read, stays silent", async () => {
  const store = createMemoryCertificateStore();
  await store.saveVotes(encodeVotes({ sequence: 3, previous: founding.id.replace(/^./, "0") as Address, promised: 4, signed: null }));
  assert.deepEqual(await (await sit(1, store)).answer(peerOf(2), request(roundOf(2), 5)), { kind: "declined", why: "busy" });
  await store.saveVotes(Uint8Array.of(1, 2, 3));
  assert.deepEqual(await (await sit(1, store)).answer(peerOf(2), request(roundOf(2), 5)), { kind: "declined", why: "busy" });
});

test("more questions than may wait are turned away", async () => {
  const voter = await sit(1, createMemoryCertificateStore());
  const replies = await Promise.all(Array.from({ length: 70 }, () => voter.answer(peerOf(2), request(roundOf(2), 5))));
  assert.equal(replies.filter(({ kind }) => kind === "signed").length, 64);
  assert.equal(replies.filter(({ kind }) => kind === "declined").length, 6);
});
