// Proves which requests travel on a lane, and that no way of asking loses or floods: real peers on loopback, whose traffic
// is counted.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { after, describe, it } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { NetworkError } from "../errors.ts";
import type { Delivery, Handler, Peers, RequestKind } from "../peers.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";
import type { TransportLimits } from "./transport-limits.ts";

const mib = 1 << 20;
const networkId = chunkAddress(textBytes("lane requests"));
const stored = new Uint8Array(randomBytes(mib));
const made: Peers[] = [];

type Counted = { readonly peers: Peers; readonly bytes: { control: number; lane: number } };
type Choice = { readonly limits?: Partial<TransportLimits>; readonly onPut?: Handler };

/** Answers a get with as many bytes as its first four bytes say, a put with nothing, and an exchange never. */
async function start({ limits = {}, onPut }: Choice = {}): Promise<Counted> {
  const bytes = { control: 0, lane: 0 };
  const peers = createLibp2pPeers({
    ...{ seed: new Uint8Array(randomBytes(32)), networkId, limits, listen: { ip: "127.0.0.1", libp2p: 0, lane: 0 } },
    ...{ clock: systemClock, log: silentLog },
    onTraffic: (event) => {
      if (event.kind === "bytes") bytes[event.path] += event.bytes;
    },
  });
  const take: Handler = async (_from, delivery) => {
    delivery.release();
    return { body: new Uint8Array(1), chunks: [] };
  };
  peers.handle("put-chunks", onPut ?? take);
  peers.handle("get-chunks", async (_from, { body }) => ({
    body,
    chunks: [stored.subarray(0, Buffer.from(body).readUInt32BE(0))],
  }));
  peers.handle("exchange-records", () => new Promise(() => {}));
  await peers.start();
  made.push(peers);
  return { peers, bytes };
}

type Wanted = { readonly kind: RequestKind; readonly size: number; readonly timeoutMs?: number };

async function ask(from: Peers, to: Peers, { kind, size, timeoutMs = 60_000 }: Wanted): Promise<Delivery> {
  from.learn(to.self, to.addresses());
  const body = Buffer.alloc(4);
  body.writeUInt32BE(size, 0);
  return from.request(to.self, kind, { body, chunks: kind === "get-chunks" ? [] : [stored.subarray(0, size)] }, { timeoutMs });
}

async function get(from: Peers, to: Peers, size: number): Promise<void> {
  const answer = await ask(from, to, { kind: "get-chunks", size });
  assert.deepEqual(answer.hashes, [chunkAddress(stored.subarray(0, size))]);
  answer.release();
}

async function put(from: Peers, to: Peers, size: number): Promise<void> {
  (await ask(from, to, { kind: "put-chunks", size })).release();
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) assert.fail(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("requests on a lane", () => {
  after(async () => {
    for (const peers of made) await peers.stop();
  });

  it("once lanes are open, gets and puts of bulk say nothing on the control stream", async () => {
    const [a, b] = [await start(), await start()];
    await get(a.peers, b.peers, mib);
    await put(a.peers, b.peers, mib);
    const before = { ...a.bytes };
    await Promise.all(Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? get : put)(a.peers, b.peers, mib)));
    assert.equal(a.bytes.control, before.control);
    assert.ok(a.bytes.lane - before.lane >= 16 * mib);
  });

  it("small requests keep to the control stream, also after large ones of their kind, and both may be mixed", async () => {
    const [a, b] = [await start(), await start()];
    await get(a.peers, b.peers, mib);
    // The one that cannot know yet goes by the lane and is answered there.
    await get(a.peers, b.peers, 4096);
    const lane = a.bytes.lane;
    for (let i = 0; i < 5; i += 1) await get(a.peers, b.peers, 4096);
    await put(a.peers, b.peers, 4096);
    assert.equal(a.bytes.lane, lane);
    const sizes = Array.from({ length: 60 }, (_, i) => [mib, 4096, 200_000, 1, 65_537][i % 5] ?? 1);
    await Promise.all(sizes.map((size, i) => (i % 2 === 0 ? get : put)(a.peers, b.peers, size)));
  });

  it("puts beyond the window are announced on the stream and wait there, with what is in work bounded", async () => {
    const gate = Promise.withResolvers<void>();
    let [inWork, most] = [0, 0];
    const onPut: Handler = async (_from, delivery) => {
      inWork += 1;
      most = Math.max(most, inWork);
      await gate.promise;
      inWork -= 1;
      delivery.release();
      return { body: new Uint8Array(1), chunks: [] };
    };
    const [a, b] = [await start(), await start({ onPut, limits: { lanePutsMax: 4 * mib + 4096, bytesInWorkMax: 8 * mib + 4096 } })];
    const first = put(a.peers, b.peers, mib);
    await until(() => inWork === 1, "the lane is open");
    const all = Promise.all([first, ...Array.from({ length: 40 }, () => put(a.peers, b.peers, mib))]);
    await until(() => inWork >= 8, "as much in work as may be");
    // Whatever else was asked at the same moment has arrived by the time the other direction has gone to and fro.
    await put(b.peers, a.peers, 1_000);
    assert.ok(most <= 13, `${most} MiB in work`);
    gate.resolve();
    await all;
    assert.equal(inWork, 0);
  });

  it("where nothing may be asked on lanes, everything goes by the stream as before", async () => {
    const limits = { allLaneRequestsMax: 0 };
    const [a, b] = [await start({ limits }), await start({ limits })];
    await get(a.peers, b.peers, mib);
    const control = a.bytes.control;
    for (let i = 0; i < 3; i += 1) await get(a.peers, b.peers, mib);
    for (let i = 0; i < 3; i += 1) await put(a.peers, b.peers, mib);
    assert.ok(a.bytes.control > control);
  });

  it("requests that nobody answers end in their timeouts, and what they held of the lane does not stop the others", async () => {
    const [a, b] = [await start(), await start({ limits: { lanePutsMax: 2 * mib } })];
    await put(a.peers, b.peers, mib);
    const silent = Array.from({ length: 4 }, () => ask(a.peers, b.peers, { kind: "exchange-records", size: mib, timeoutMs: 200 }));
    for (const asked of await Promise.allSettled(silent))
      assert.ok(asked.status === "rejected" && asked.reason instanceof NetworkError && asked.reason.code === "timeout");
    await Promise.all(Array.from({ length: 6 }, () => put(a.peers, b.peers, mib)));
    await get(a.peers, b.peers, mib);
  });

  for (const allLaneRequestsMax of [0, 80 * mib])
    it(`gets that were given up before their answer hold nothing up (${allLaneRequestsMax === 0 ? "announced on the stream" : "on the lane"})`, async () => {
      const gate = Promise.withResolvers<void>();
      let asked = 0;
      const onPut: Handler = async (_from, delivery) => {
        delivery.release();
        asked += 1;
        await gate.promise;
        return { body: new Uint8Array(1), chunks: [stored] };
      };
      const limits = { allLaneRequestsMax };
      const [a, b] = [await start({ limits }), await start({ limits, onPut })];
      await get(a.peers, b.peers, mib);
      const gaveUp = new AbortController();
      const how = { timeoutMs: 60_000, signal: gaveUp.signal };
      const message = { body: new Uint8Array(4), chunks: [] };
      const asking = a.peers.request(b.peers.self, "put-chunks", message, how).catch((error: unknown) => error);
      await until(() => asked === 1, "it is being worked on");
      gaveUp.abort();
      const error = await asking;
      assert.ok(error instanceof NetworkError && error.code === "aborted");
      gate.resolve();
      // Well before a lane that stands still is closed.
      const late = await ask(a.peers, b.peers, { kind: "get-chunks", size: mib, timeoutMs: 20_000 });
      assert.deepEqual(late.hashes, [chunkAddress(stored)]);
      late.release();
    });
});
