// Proves that a peer with an agreed session that floods a node with heartbeats is cut off for a minute and then heard again,
// and that one which sends exactly what it may never offends. Method: the simulated detector thread beside real
// membership on a virtual clock, and two peers that seal their datagrams by hand, so that no stall of a machine blurs the limit.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { createMembership, type Membership } from "../../src/network/membership/membership.ts";
import { createWorld, genesis } from "../../src/network/membership/membership-fixture.ts";
import { membershipLimits } from "../../src/network/membership/membership-limits.ts";
import type { Peers } from "../../src/network/peers.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { sealBeat, sessionKeys, sessionSecretLength } from "../../src/protocol/heartbeat.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import { heartbeatSession } from "../../src/protocol/messages/heartbeat-session.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { seededRandom } from "../../src/runtime/random.ts";
import { createSimLinks } from "./sim-links.ts";
import { createSimWatch } from "./sim-watch.ts";

/** What a peer may send at once and a second, and how many beyond that are one offence: see excess-book.ts. */
const atOnce = 4_000;
const perSecond = 1_000;
const perOffence = 64;

const world = createWorld();
const { clock, network } = world;
const links = createSimLinks(clock, seededRandom(3));
// All take equally long: one that is overtaken would count as seen before.
links.setWeather({ lossRate: 0, delayMs: [0.1, 0.1] });

async function startNode(): Promise<{ readonly peers: Peers; readonly membership: Membership }> {
  const seed = 11;
  const key = signingKeyFromSeed(seedOf(seed));
  const parts = { clock, links, genesis, profile: "lan", seed, lateMs: () => 0, onPulse: () => {} } as const;
  const watch = createSimWatch(parts, network.createPeers(seedOf(seed)));
  const { peers } = watch;
  const own = { key, startCounter: 1, founder: true };
  const shared = { peers, genesis, clock: watch.clock, random: seededRandom(seed), log: silentLog };
  const membership = createMembership({ ...shared, own, ...watch.feed });
  const detector = watch.watch(membership);
  await detector.start();
  await peers.start();
  await membership.start();
  return { peers, membership };
}

function seedOf(n: number): Uint8Array {
  return new Uint8Array(32).fill(n);
}

/** A peer that dials the node and agrees with it on a session; `send`: so many heartbeats at once. */
async function startTalker(node: Peers, n: number): Promise<{ readonly peers: Peers; send(count: number): void }> {
  const peers = network.createPeers(seedOf(n));
  const random = seededRandom(n);
  await peers.start();
  await dial(peers, node);
  const own = { secret: random.bytes(sessionSecretLength), port: 0, session: n };
  const body = encodeMessage(heartbeatSession, own);
  const asked = peers.request(node.self, "heartbeat-session", { body, chunks: [] }, { timeoutMs: 1_000 });
  const reply = decodeMessage(heartbeatSession, (await clock.runUntil(asked)).body);
  assert.ok(reply.ok);
  const { secret, session, port } = reply.value;
  const { send } = sessionKeys({ id: genesis.networkId }, { peer: peers.self, secret: own.secret }, { peer: node.self, secret });
  let sequence = 0;
  return {
    peers,
    send: (count) => {
      for (let i = 0; i < count; i += 1) {
        sequence += 1;
        links.send(peers.self, port, sealBeat({ session, sequence, intervalMs: 20, lateMs: 0 }, send));
      }
    },
  };
}

async function dial(peers: Peers, node: Peers): Promise<void> {
  const [address = assert.fail("a node that listens nowhere")] = node.addresses();
  await clock.runUntil(peers.dial(address, { timeoutMs: 1_000 }));
  await clock.advance(20);
}

it("who floods is cut off for a minute, who sends as much as it may is not", async () => {
  const node = await startNode();
  const [honest, flooder] = [await startTalker(node.peers, 12), await startTalker(node.peers, 13)];
  const connected = (): readonly boolean[] => [honest, flooder].map(({ peers }) => node.peers.connected().includes(peers.self));
  const offences = (): number => node.membership.counts().offences;
  await clock.advance(1_000);

  honest.send(atOnce);
  for (let tenths = 0; tenths < 30; tenths += 1) {
    await clock.advance(100);
    honest.send(perSecond / 10);
  }
  await clock.advance(1);
  assert.deepEqual([connected(), offences()], [[true, true], 0]);

  flooder.send(atOnce + membershipLimits.offencesMax * perOffence - 1);
  await clock.advance(1);
  assert.deepEqual([connected(), offences()], [[true, true], membershipLimits.offencesMax - 1]);
  const cutMs = clock.monotonicMs();
  flooder.send(2);
  await clock.advance(20);
  assert.deepEqual([connected(), offences()], [[true, false], membershipLimits.offencesMax]);

  await clock.advance(membershipLimits.blockMs - 1_000);
  await dial(flooder.peers, node.peers);
  assert.deepEqual(connected(), [true, false], "it comes back within the minute");
  await clock.advance(cutMs + membershipLimits.blockMs + 20 - clock.monotonicMs());
  await dial(flooder.peers, node.peers);
  assert.deepEqual(connected(), [true, true], "it comes back after the minute");
});
