// Proves over the real wire that who floods a node with datagrams of an agreed session loses its connection, and again when it
// comes back, while one who sends as much as an honest peer may stays. Method: a node with the real transport, its detector's
// worker thread and membership on loopback; two peers that agree on sessions with it and seal what they send by hand.
import { strict as assert } from "node:assert";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { until } from "../../../test/support/deadline.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { type SessionKeys, sealBeat, sessionKeys, sessionSecretLength, type Word, wordsPerDatagramMax } from "../../protocol/heartbeat.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type HeartbeatSession, heartbeatSession } from "../../protocol/messages/heartbeat-session.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom, systemRandom } from "../../runtime/random.ts";
import { createLibp2pPeers } from "../libp2p/libp2p-peers.ts";
import { createMembership } from "../membership/membership.ts";
import { membershipLimits } from "../membership/membership-limits.ts";
import type { Peers } from "../peers.ts";
import { createDetector } from "./detector.ts";
import { createSuspicionBoard } from "./suspicion-board.ts";

const networkKey = systemRandom.bytes(32);
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "test", copies, placeUnit: 1, createdAt: 0 }, signingKeyFromSeed(systemRandom.bytes(32)));
const options = { timeoutMs: 10_000 };
/** Words that nobody believes, of which an honest peer may say 1,024 at once: this many datagrams are just below. */
const honestDatagrams = 21;

const ends: (() => Promise<unknown>)[] = [];
const offences: { readonly peer: PeerId; readonly why: string }[] = [];
let node: Peers;
let heartbeats: number;

const transport = (seed: Uint8Array): Peers =>
  createLibp2pPeers({
    ...{ seed, networkKey, networkId: genesis.networkId, clock: systemClock, log: silentLog },
    listen: { ip: "127.0.0.1", libp2p: 0, lane: 0 },
  });

before(async () => {
  const seed = systemRandom.bytes(32);
  node = transport(seed);
  const [board, own] = [createSuspicionBoard(), { key: signingKeyFromSeed(seed), startCounter: 1, founder: true }];
  const shared = { peers: node, clock: systemClock, random: seededRandom(1), log: silentLog };
  const membership = createMembership({ ...shared, genesis, own, feed: board });
  const detector = createDetector({
    ...{ ...shared, board, directory: membership.directory, refresh: membership.refresh, profile: "lan" },
    network: { id: genesis.networkId, key: networkKey },
    listen: { ip: "127.0.0.1", port: 0 },
    onEvent: () => {},
    offend: (peer, why) => {
      offences.push({ peer, why });
      membership.offend(peer, why);
    },
  });
  ends.push(
    () => node.stop(),
    () => membership.stop(),
    () => detector.stop(),
  );
  await detector.start();
  await node.start();
  await membership.start();
  heartbeats = detector.port();
});
after(async () => {
  for (const end of ends.toReversed()) await end();
});

type Talker = { readonly peers: Peers; send(words: readonly Word[]): void };

/** Dials the node, and agrees with it on a session, as a gateway does. */
async function talker(): Promise<Talker> {
  const peers = transport(systemRandom.bytes(32));
  const socket = createSocket("udp4");
  ends.push(
    async () => socket.close(),
    () => peers.stop(),
  );
  await peers.start();
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  await dial(peers);
  return { peers, send: await agree(peers, socket) };
}

async function dial(peers: Peers): Promise<void> {
  const [address = assert.fail("a node that listens nowhere")] = node.addresses();
  await peers.dial(address, options);
}

async function agree(peers: Peers, socket: Socket): Promise<Talker["send"]> {
  const own: HeartbeatSession = { secret: systemRandom.bytes(sessionSecretLength), port: socket.address().port, session: 7 };
  const body = encodeMessage(heartbeatSession, own);
  const delivery = await peers.request(node.self, "heartbeat-session", { body, chunks: [] }, options);
  const reply = decodeMessage(heartbeatSession, delivery.body);
  assert.ok(reply.ok);
  const { secret, session, port } = reply.value;
  assert.equal(port, heartbeats);
  const network = { id: genesis.networkId, key: networkKey };
  const keys: SessionKeys = sessionKeys(network, { peer: peers.self, secret: own.secret }, { peer: node.self, secret });
  let sequence = 0;
  return (words) => {
    sequence += 1;
    socket.send(sealBeat({ session, sequence, intervalMs: 20, lateMs: 0, words }, keys.send), port, "127.0.0.1");
  };
}

/** Of nodes that the sender is no watcher of, since there are none of that name. */
const madeUp: readonly Word[] = Array.from({ length: wordsPerDatagramMax }, (_, n) => ({
  subject: String(n).padStart(8, "x"),
  verdict: "silent",
}));

test("who floods is cut off, and again when it dials; who stays below the rate keeps its connection", async () => {
  const [honest, flooder] = [await talker(), await talker()];
  const isConnected = ({ peers }: Talker): boolean => node.connected().includes(peers.self);
  for (let i = 0; i < honestDatagrams; i += 1) honest.send(madeUp);
  await until("the flooder is cut off", () => {
    // A batch that the socket's buffer holds; the next one comes if a machine that stalls lost some.
    if (isConnected(flooder)) for (let i = 0; i < 2 * honestDatagrams; i += 1) flooder.send(madeUp);
    return !isConnected(flooder);
  });
  assert.ok(offences.length >= membershipLimits.offencesMax);
  for (const { peer, why } of offences) {
    assert.equal(peer, flooder.peers.self);
    assert.equal(why, "more words about others than its place in the ring allows");
  }
  assert.ok(isConnected(honest));
  await dial(flooder.peers).catch(() => {});
  await until("it is cut off again", () => !isConnected(flooder) && !flooder.peers.connected().includes(node.self));
  // The honest one is still answered.
  await dial(honest.peers);
  assert.ok(isConnected(honest));
});
