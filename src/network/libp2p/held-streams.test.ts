// Proves what becomes of a stream that is not read for a while because its peer asks more than is in work: an honest one is slowed
// down and loses nothing, and one that breaks the protocol behind the pause costs its own connection and nothing else. Real sockets
// on loopback; the peer that breaks the protocol speaks through a bare libp2p host.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { type Peers, requestKinds } from "../peers.ts";
import { controlProtocol } from "./control-protocol.ts";
import { encodeFrame, type FrameDraft } from "./frame.ts";
import { helloBody } from "./hello.ts";
import { createHost, multiaddrText } from "./host.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";
import { type TransportLimits, transportLimits } from "./transport-limits.ts";

const networkId = chunkAddress(textBytes("ours"));
const networkKey = new Uint8Array(32).fill(1);
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
});

async function peer(handle: () => Promise<void>, limits: Partial<TransportLimits> = {}): Promise<Peers> {
  const listen = { ip: "127.0.0.1", libp2p: 0, lane: 0 };
  const seed = new Uint8Array(randomBytes(32));
  const peers = createLibp2pPeers({ seed, networkKey, networkId, listen, limits, clock: systemClock, log: silentLog });
  peers.handle("put-chunks", async (_from, delivery) => {
    await handle();
    delivery.release();
    return { body: delivery.body, chunks: [] };
  });
  await peers.start();
  stops.push(() => peers.stop());
  return peers;
}

async function put(from: Peers, to: Peers, chunk: Uint8Array): Promise<void> {
  from.learn(to.self, to.addresses());
  (await from.request(to.self, "put-chunks", { body: textBytes("x"), chunks: [chunk] }, { timeoutMs: 20_000 })).release();
}

function sendTo(stream: Stream, frames: readonly FrameDraft[]): void {
  for (const part of frames.flatMap(encodeFrame)) stream.send(part);
}

const frame = (id: number, type: FrameDraft["type"], body: Uint8Array): FrameDraft => ({
  id,
  type,
  code: 0,
  transfer: 0,
  body,
  chunks: [],
});

test("more requests at once than are taken into work are all answered", async () => {
  const [a, b] = [await peer(async () => {}), await peer(() => sleep(20))];
  const chunk = new Uint8Array(60_000);
  // In rounds: the window of a stream grows while it is used.
  for (let round = 0; round < 4; round += 1) await Promise.all(Array.from({ length: 400 }, () => put(a, b, chunk)));
});

test("an offence behind a pause that blocks its peer ends that connection, and the process goes on", async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const handle = async (): Promise<void> => {
    asked += 1;
    await gate.promise;
  };
  const b = await peer(handle, { offencesMax: 2, requestsInWorkMax: 4 });
  const [address] = b.addresses();
  assert.ok(address);
  const offender = await createHost({ seed: new Uint8Array(randomBytes(32)), networkKey }, transportLimits, () => false);
  await offender.start();
  stops.push(async () => offender.stop());
  const connection = await offender.dial(multiaddr(`${multiaddrText(address.ip, address.libp2p)}/p2p/${b.self}`));
  const hello = frame(0, "hello", helloBody(networkId));
  const bad = frame(1, "answer", new Uint8Array(1));
  const first = await connection.newStream(controlProtocol);
  sendTo(first, [hello, bad]);
  const second = await connection.newStream(controlProtocol);
  const code = requestKinds.indexOf("put-chunks");
  const request = (id: number, bytes: number): FrameDraft => ({ ...frame(id, "request", new Uint8Array(bytes)), code });
  sendTo(second, [hello, ...[1, 2, 3, 4].map((id) => request(id, 1))]);
  const closed = new Promise((resolve) => connection.addEventListener("close", resolve, { once: true }));
  while (asked < 4) await sleep(10);
  // More than is granted again in small pieces, so that the pause ends with a grant on a connection that is closed by then.
  sendTo(second, [...[5, 6].map((id) => request(id, 60_000)), bad]);
  await sleep(200);
  gate.resolve();
  await closed;
  const other = await peer(async () => {});
  await put(other, b, new Uint8Array(1_000));
});
