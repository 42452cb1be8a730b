// Proves that a digest of what somebody knows of the nodes which is cut anywhere, or stretched, is an offence of its sender alone: it is
// refused without an answer, after some of them nobody listens to the sender for a while, and nodes and records stay as they are. Method:
// a farm on virtual time, and a stranger that sends a proper summary and proper heads with a piece missing.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { z } from "zod";
import { encodeMessage } from "../../protocol/encoding.ts";
import { exchangeRecordsRequest, fingerprintLength } from "../../protocol/messages/exchange-records.ts";
import { seededRandom } from "../../runtime/random.ts";
import { allLive, createWorld, type Member, startFarm, stopAll, until, type World } from "./membership-fixture.ts";
import { membershipLimits } from "./membership-limits.ts";

const buckets = 16;
const summary = encodeMessage(exchangeRecordsRequest, { kind: "summary", fingerprints: new Uint8Array(buckets * fingerprintLength) });

const unchecked = z.object({ kind: z.literal("summary"), fingerprints: z.instanceof(Uint8Array) });

/** Each answer to a message of a newcomer: whether it came. */
async function sendAll(world: World, { peers, address }: Member, bodies: readonly Uint8Array[]): Promise<readonly boolean[]> {
  const stranger = world.network.createPeers(new Uint8Array(32).fill(99));
  await stranger.start();
  stranger.learn(peers.self, [address]);
  const answered: boolean[] = [];
  for (const body of bodies) {
    const asked = stranger.request(peers.self, "exchange-records", { body, chunks: [] }, { timeoutMs: 1_000 });
    const came = asked.then(
      () => true,
      () => false,
    );
    answered.push(await world.clock.runUntil(came));
  }
  const isCutOff = bodies.length > membershipLimits.offencesMax;
  await until(world, 1_000, "the connection is as it should be", () => peers.connected().includes(stranger.self) === !isCutOff);
  await stranger.stop();
  return answered;
}

async function farmOf(world: World): Promise<readonly [Member, readonly Member[]]> {
  const members = await startFarm(world, 3);
  await until(world, 10_000, "all live", () => allLive(members));
  return [members[0] ?? assert.fail(), members];
}

test("a summary cut at any byte is refused; its sender is not listened to after a few, and nothing else changes", async () => {
  const random = seededRandom(5);
  for (let round = 0; round < 10; round += 1) {
    const world = createWorld(round);
    const [first, members] = await farmOf(world);
    const cuts = Array.from({ length: membershipLimits.offencesMax }, () =>
      summary.slice(0, Math.floor(random.fraction() * summary.length)),
    );
    const answered = await sendAll(world, first, [summary, ...cuts]);
    assert.deepEqual(answered, [true, ...cuts.map(() => false)]);
    assert.equal(first.membership.counts().offences, cuts.length);
    assert.ok(allLive(members));
    await stopAll(members);
  }
});

test("a summary whose fingerprints are no power of two, or end within one, is refused", async () => {
  const world = createWorld();
  const [first, members] = await farmOf(world);
  const odd = [0, 1, fingerprintLength - 1, 3 * fingerprintLength, 2 * buckets * fingerprintLength + 1].map((length) =>
    encodeMessage(unchecked, { kind: "summary", fingerprints: new Uint8Array(length) }),
  );
  assert.deepEqual(
    await sendAll(world, first, odd),
    odd.map(() => false),
  );
  assert.equal(first.membership.counts().offences, odd.length);
  assert.ok(allLive(members));
  await stopAll(members);
});
