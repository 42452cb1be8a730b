// Proves that one peer that holds all the work which peers may cause here silences nobody else: small requests are answered beside
// it, and one that reads nothing of its answers loses its stream. Real sockets on loopback; who reads nothing is a bare libp2p host.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { multiaddr } from "@multiformats/multiaddr";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { type Handler, type Peers, requestKinds } from "../peers.ts";
import { controlProtocol } from "./control-protocol.ts";
import { encodeFrame, type FrameDraft } from "./frame.ts";
import { helloBody } from "./hello.ts";
import { createHost, multiaddrText } from "./host.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";
import { type TransportLimits, transportLimits } from "./transport-limits.ts";

const mib = 1 << 20;
const networkId = chunkAddress(textBytes("ours"));
const networkKey = new Uint8Array(32).fill(1);
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

async function peer(onGet: Handler, limits: Partial<TransportLimits> = {}): Promise<Peers> {
  const listen = { ip: "127.0.0.1", libp2p: 0, lane: 0 };
  const seed = new Uint8Array(randomBytes(32));
  const peers = createLibp2pPeers({ seed, networkKey, networkId, listen, limits, clock: systemClock, log: silentLog });
  peers.handle("get-chunks", onGet);
  peers.handle("exchange-records", async (_from, { body }) => ({ body, chunks: [] }));
  await peers.start();
  stops.push(() => peers.stop());
  return peers;
}

const frame = (id: number, type: FrameDraft["type"], body: Uint8Array): FrameDraft => ({
  ...{ id, type, body, inline: true },
  ...{ code: requestKinds.indexOf("get-chunks"), transfer: 0, chunks: [] },
});

const nothing: Handler = async (_from, { body }) => ({ body, chunks: [] });

test("who reads nothing of its answers holds them no longer than a lane may stall, and others are answered meanwhile", async () => {
  const released = Promise.withResolvers<void>();
  const given = Promise.withResolvers<void>();
  const onGet: Handler = async (_from, { body }) => {
    given.resolve();
    return { body, chunks: [new Uint8Array(4 * mib), new Uint8Array(4 * mib)], release: released.resolve };
  };
  const b = await peer(onGet, { laneStallMs: 1_500, allBytesInWorkMax: 4 * mib });
  const [address] = b.addresses();
  assert.ok(address);
  const deaf = await createHost({ seed: new Uint8Array(randomBytes(32)), networkKey }, transportLimits, () => false);
  await deaf.start();
  stops.push(async () => deaf.stop());
  const connection = await deaf.dial(multiaddr(`${multiaddrText(address.ip, address.libp2p)}/p2p/${b.self}`));
  const stream = await connection.newStream(controlProtocol);
  stream.pause();
  for (const part of [frame(0, "hello", helloBody(networkId)), frame(1, "request", new Uint8Array(1))].flatMap(encodeFrame))
    stream.send(part);
  await given.promise;
  const other = await peer(nothing);
  other.learn(b.self, b.addresses());
  await other.request(b.self, "exchange-records", { body: new Uint8Array(9), chunks: [] }, { timeoutMs: 1_000 });
  const limit = setTimeout(() => released.reject(new Error("the answer is held on")), 10_000);
  await released.promise;
  clearTimeout(limit);
});
