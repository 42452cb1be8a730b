// Proves over real connections what the simulated tests prove of membership: a peer with the network key that sends false
// records and false goodbyes changes nothing, is counted and then cut off, and the nodes go on. Method: two members and a
// stranger on loopback, real transport, records signed or forged by hand.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { z } from "zod";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { exchangeRecordsReply, exchangeRecordsRequest } from "../../protocol/messages/exchange-records.ts";
import { signGoodbye } from "../../protocol/messages/goodbye.ts";
import { createNodeRecord, type NodeRecord } from "../../protocol/node-record.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { signFields } from "../../protocol/signed.ts";
import { wireCount, wirePeerId } from "../../protocol/wire-types.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom, systemRandom } from "../../runtime/random.ts";
import { createLibp2pPeers } from "../libp2p/libp2p-peers.ts";
import type { Peers } from "../peers.ts";
import { createMembership, type Membership } from "./membership.ts";
import type { OwnRecordDraft } from "./own-node.ts";

const copies = { min: 4, target: 5, max: 8 };
const networkKey = systemRandom.bytes(32);
const genesis = createGenesis({ name: "test", copies, placeUnit: 1, createdAt: 0 }, signingKeyFromSeed(systemRandom.bytes(32)));
const options = { timeoutMs: 10_000 };

type Member = { readonly seed: Uint8Array; readonly key: SigningKey; readonly peers: Peers; readonly membership: Membership };
const started: { stop(): Promise<void> }[] = [];
let first: Member;
let second: Member;
let stranger: Peers;

const transport = (seed: Uint8Array): Peers =>
  createLibp2pPeers({
    ...{ seed, networkKey, networkId: genesis.networkId, clock: systemClock, log: silentLog },
    listen: { ip: "127.0.0.1", libp2p: 0, lane: 0 },
  });

const draft = (peers: Peers): OwnRecordDraft => ({
  addresses: peers.addresses(),
  domain: { region: "", zone: "", host: "" },
  software: "test",
  vaults: [],
});

async function startMember(founder: boolean): Promise<Member> {
  const seed = systemRandom.bytes(32);
  const [key, peers] = [signingKeyFromSeed(seed), transport(seed)];
  const own = { key, startCounter: 5, founder };
  const membership = createMembership({ peers, genesis, clock: systemClock, random: seededRandom(1), log: silentLog, own });
  await peers.start();
  membership.announce(draft(peers));
  membership.announce(draft(peers));
  await membership.start();
  started.push(peers, membership);
  return { seed, key, peers, membership };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!holds()) {
    assert.ok(performance.now() < deadlineMs, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const seen = (at: Member, of: Member): string | undefined => at.membership.directory.node(of.peers.self)?.state;

before(async () => {
  [first, second] = [await startMember(true), await startMember(false)];
  second.membership.bootstrap(first.peers.addresses());
  await until("both are live", () => seen(first, second) === "live" && seen(second, first) === "live");
  stranger = transport(systemRandom.bytes(32));
  await stranger.start();
  started.push(stranger);
  stranger.learn(first.peers.self, first.peers.addresses());
});
after(async () => {
  for (const part of started.toReversed()) await part.stop();
});

async function push(record: Uint8Array): Promise<readonly Uint8Array[]> {
  const body = encodeMessage(exchangeRecordsRequest, { kind: "push", records: [record] });
  const reply = decodeMessage(
    exchangeRecordsReply,
    (await stranger.request(first.peers.self, "exchange-records", { body, chunks: [] }, options)).body,
  );
  assert.ok(reply.ok);
  return reply.value.records;
}

const sayGoodbye = async (goodbye: Uint8Array): Promise<void> =>
  (await stranger.request(first.peers.self, "goodbye", { body: goodbye, chunks: [] }, options)).release();

type Change = { readonly startCounter?: number; readonly sequence?: number; readonly signedAtMs?: number };
const signed = (key: SigningKey, change: Change = {}, networkId: Address = genesis.networkId): NodeRecord =>
  createNodeRecord(networkId, key, { ...draft(stranger), startCounter: 5, sequence: 9, signedAtMs: Date.now(), ...change });

test("an old record is answered with the newest; bad signatures, other networks and the future are refused and counted", async () => {
  const newcomer = signingKeyFromSeed(systemRandom.bytes(32));
  const newest = first.membership.directory.node(second.peers.self)?.record.bytes;
  assert.ok(newest);
  for (const old of [signed(second.key, { startCounter: 4 }), signed(second.key, { sequence: 1 })])
    assert.deepEqual(
      (await push(old.bytes)).map((bytes) => Buffer.from(bytes).toString("hex")),
      [Buffer.from(newest).toString("hex")],
    );
  const forged = new Uint8Array(signed(newcomer).bytes);
  forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
  const other = createGenesis({ name: "other", copies, placeUnit: 1, createdAt: 0 }, newcomer);
  await push(forged);
  await push(signed(newcomer, {}, other.networkId).bytes);
  await push(signed(newcomer, { signedAtMs: Date.now() + 300_000 }).bytes);
  const { refused, stale, offences } = first.membership.counts();
  assert.deepEqual([refused["bad-signature"], refused["other-network"], refused.future, offences], [1, 1, 1, 2]);
  assert.ok(stale >= 2);
  assert.deepEqual([first.membership.directory.nodes().length, seen(first, second)], [2, "live"]);
});

// A goodbye as the protocol has it, but naming somebody else than its signer.
const goodbyeKind = {
  tag: "goodbye",
  fields: z.object({
    peerId: wirePeerId,
    startCounter: wireCount,
    sequence: wireCount,
    departure: z.object({ kind: z.literal("leaving") }),
  }),
} as const;

test("a goodbye for somebody else, an old one and one of a node never heard of change nothing", async () => {
  const liar = signingKeyFromSeed(systemRandom.bytes(32));
  const { peerId, startCounter } = first.membership.directory.node(second.peers.self)?.record ?? assert.fail();
  const words = { peerId, startCounter: startCounter + 1, sequence: 99, departure: { kind: "leaving" as const } };
  const before = first.membership.counts();
  await sayGoodbye(signFields(goodbyeKind, genesis.networkId, liar, words));
  await sayGoodbye(signGoodbye(genesis.networkId, second.key, { startCounter: 4, sequence: 1, departure: { kind: "leaving" } }));
  await sayGoodbye(signGoodbye(genesis.networkId, liar, { startCounter: 1, sequence: 1, departure: { kind: "leaving" } }));
  const counts = first.membership.counts();
  assert.deepEqual([counts.goodbyes - before.goodbyes, counts.offences - before.offences], [0, 1]);
  assert.equal(seen(first, second), "live");
  assert.equal(first.membership.directory.node(peerIdFromPublicKey(liar.publicKey)), undefined);
});

test("who goes on is cut off, and the members still talk", async () => {
  const isCut = async (): Promise<boolean> => {
    await push(systemRandom.bytes(100)).catch(() => []);
    return !first.peers.connected().includes(stranger.self);
  };
  for (let i = 0; !(await isCut()); i += 1) assert.ok(i < 20, "cut off at last");
  second.membership.announce({ ...draft(second.peers), software: "newer" });
  await until("news arrive", () => first.membership.directory.node(second.peers.self)?.record.software === "newer");
});
