// Proves that a node looks at a leaver for whoever asks, in pieces, once a statement and one at a time for each asker; that it sends away
// strangers, statements that nobody would believe, and askers beyond a few; and that who asks slowly keeps nobody else away for good.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { z } from "zod";
import { createMemoryNetwork } from "../../network/in-memory/memory-network.ts";
import type { Peers } from "../../network/peers.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type StopWitnessReply, stopWitnessReply, stopWitnessRequest, type WitnessRefusal } from "../../protocol/messages/stop-witness.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { wireBytes } from "../../protocol/wire-types.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createWitnessDesk, createWitnessHandler, witnessAskersMax } from "./witness-desk.ts";

const lookMs = 5_000;
const peer = (n: number): PeerId => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(n)).publicKey);

type Bench = {
  readonly clock: VirtualClock;
  readonly looks: Uint8Array[];
  refusal: WitnessRefusal | undefined;
  ask(asker: number, ...statement: readonly number[]): Promise<StopWitnessReply>;
  stop(): void;
};

function bench(look?: (signal: AbortSignal) => Promise<void>): Bench {
  const clock = createVirtualClock();
  const looks: Uint8Array[] = [];
  const desk = createWitnessDesk({
    clock,
    refusal: () => made.refusal,
    look: async (statement, signal) => {
      looks.push(statement);
      await (look?.(signal) ?? clock.sleep(lookMs, signal));
      return statement;
    },
  });
  const ask = (asker: number, ...statement: readonly number[]): Promise<StopWitnessReply> =>
    clock.runUntil(desk.ask(peer(asker), Uint8Array.from(statement)));
  const made: Bench = { clock, looks, refusal: undefined, ask, stop: desk.stop };
  return made;
}

test("a look is begun once, is working, and its word is handed out", async () => {
  const { ask, looks } = bench();
  assert.deepEqual([await ask(1, 7), await ask(1, 7)], [{ kind: "working" }, { kind: "working" }]);
  assert.deepEqual(await ask(1, 7), { kind: "signed", word: Uint8Array.of(7) });
  assert.equal(looks.length, 1);
});

test("one asker has one look at a time; another one has his own", async () => {
  const { ask, looks } = bench();
  await ask(1, 7);
  assert.deepEqual(await ask(1, 8), { kind: "working" });
  assert.equal(looks.length, 1, "the second statement waits for its turn");
  await ask(2, 8);
  assert.equal(looks.length, 2);
});

test("what is refused is not looked at; what is under way is not judged anew", async () => {
  const desk = bench();
  desk.refusal = "other-turn";
  assert.deepEqual(await desk.ask(1, 7), { kind: "declined", why: "other-turn" });
  assert.equal(desk.looks.length, 0);
  desk.refusal = undefined;
  await desk.ask(1, 7);
  desk.refusal = "too-old";
  assert.deepEqual(await desk.ask(1, 7), { kind: "working" });
  assert.deepEqual(await desk.ask(1, 7), { kind: "signed", word: Uint8Array.of(7) });
  assert.deepEqual(await desk.ask(1, 7), { kind: "declined", why: "too-old" });
});

test("askers beyond a few find it busy, until a look of the others is done with", async () => {
  const { ask, clock, looks } = bench();
  const askers = Array.from({ length: witnessAskersMax }, (_, n) => n + 1);
  for (const asker of askers) assert.deepEqual(await ask(asker, 7), { kind: "working" });
  assert.deepEqual(await ask(99, 7), { kind: "declined", why: "busy" });
  assert.equal(looks.length, witnessAskersMax);
  // Nobody fetches the outcomes.
  await clock.advance(lookMs + 61_000);
  assert.deepEqual(await ask(99, 7), { kind: "working" });
});

test("a look that fails is said without its reason, and a stop ends what is under way", async () => {
  const failing = bench(async () => Promise.reject(new Error("the leaver is silent")));
  assert.deepEqual(await failing.ask(1, 7), { kind: "declined", why: "not-made" });
  const endless = bench((signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
  assert.deepEqual(await endless.ask(1, 7), { kind: "working" });
  endless.stop();
  assert.deepEqual(await endless.ask(1, 7), { kind: "declined", why: "not-made" });
});

type Pair = { readonly clock: VirtualClock; readonly ask: (body: Uint8Array) => Promise<StopWitnessReply>; readonly asked: Uint8Array[] };

async function pair(isMember: boolean): Promise<Pair> {
  const clock = createVirtualClock();
  const network = createMemoryNetwork({ clock, random: seededRandom(1) });
  const [node, asker] = [1, 2].map((byte) => network.createPeers(new Uint8Array(32).fill(byte))) as [Peers, Peers];
  const asked: Uint8Array[] = [];
  const desk = {
    ask: async (from: PeerId, statement: Uint8Array): Promise<StopWitnessReply> => {
      assert.equal(from, asker.self);
      asked.push(new Uint8Array(statement));
      await clock.sleep(1_000);
      return { kind: "working" };
    },
  };
  node.handle("stop-witness", createWitnessHandler({ clock, desk, isMember: () => isMember }));
  await Promise.all([node.start(), asker.start()]);
  asker.learn(node.self, node.addresses());
  const ask = async (body: Uint8Array): Promise<StopWitnessReply> => {
    const answer = await asker.request(node.self, "stop-witness", { body, chunks: [] }, { timeoutMs: 5_000 });
    const reply = decodeMessage(stopWitnessReply, answer.body);
    return reply.ok ? reply.value : assert.fail(reply.why);
  };
  return { clock, ask, asked };
}

const question = (): Uint8Array => encodeMessage(stopWitnessRequest, { statement: new Uint8Array(300) });
const tooLarge = encodeMessage(z.object({ statement: wireBytes(2_000) }), { statement: new Uint8Array(1_025) });

test("a member is answered; strangers, statements that are too large and garbage never come to the desk", async () => {
  const member = await pair(true);
  assert.deepEqual(await member.clock.runUntil(member.ask(question())), { kind: "working" });
  assert.deepEqual(member.asked, [new Uint8Array(300)]);
  for (const body of [tooLarge, Uint8Array.of(1, 2, 3)])
    await member.clock.runUntil(assert.rejects(member.ask(body), { name: "NetworkError", code: "refused" }));
  assert.equal(member.asked.length, 1);
  const stranger = await pair(false);
  await stranger.clock.runUntil(assert.rejects(stranger.ask(question()), { name: "NetworkError", code: "refused" }));
  assert.equal(stranger.asked.length, 0);
});

test("one question at a time for each, and not too many a second", async () => {
  const { clock, ask, asked } = await pair(true);
  const both = Promise.allSettled([ask(question()), ask(question())]);
  const [first, second] = await clock.runUntil(both);
  assert.ok(first?.status === "fulfilled" && second?.status === "rejected" && (second.reason as { code?: string }).code === "busy");
  assert.equal(asked.length, 1);
});
