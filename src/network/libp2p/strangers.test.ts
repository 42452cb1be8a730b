// Proves that strangers, floods, another network and a peer that breaks the protocol get nothing and harm nobody: real
// sockets on loopback against a real transport, which must go on answering its own peers.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { NetworkError } from "../errors.ts";
import type { Delivery, Peers } from "../peers.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";
import type { TransportLimits } from "./transport-limits.ts";

const ourNetwork = chunkAddress(textBytes("ours"));
const ourKey = new Uint8Array(32).fill(1);
const options = { timeoutMs: 10_000 };
const made: Peers[] = [];

type Choice = {
  networkKey?: Uint8Array;
  networkId?: Address;
  limits?: Partial<TransportLimits>;
  handler?: (delivery: Delivery) => Promise<void>;
};

async function peer({ networkKey = ourKey, networkId = ourNetwork, limits = {}, handler }: Choice = {}): Promise<Peers> {
  const seed = new Uint8Array(randomBytes(32));
  const listen = { ip: "127.0.0.1", libp2p: 0, lane: 0 };
  const peers = createLibp2pPeers({ seed, networkKey, networkId, listen, limits, clock: systemClock, log: silentLog });
  peers.handle("put-chunks", async (_from, delivery) => {
    await handler?.(delivery);
    delivery.release();
    return { body: delivery.body, chunks: [] };
  });
  await peers.start();
  made.push(peers);
  return peers;
}

const addressOf = (peers: Peers): NodeAddress => {
  const [address] = peers.addresses();
  assert.ok(address);
  return address;
};

const put = async (from: Peers, to: Peers, size: number): Promise<void> => {
  from.learn(to.self, to.addresses());
  const message = { body: textBytes("x"), chunks: [new Uint8Array(randomBytes(size))] };
  (await from.request(to.self, "put-chunks", message, options)).release();
};

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) assert.fail(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function sockets(count: number, port: number): { readonly all: Socket[]; closed(): number; end(): void } {
  let closed = 0;
  const all = Array.from({ length: count }, () =>
    connect({ host: "127.0.0.1", port })
      .on("error", () => {})
      .on("close", () => {
        closed += 1;
      }),
  );
  return { all, closed: () => closed, end: () => all.forEach((socket) => void socket.destroy()) };
}

const failure = async (promise: Promise<unknown>): Promise<NetworkError> => {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof NetworkError, "a NetworkError");
  return error;
};

describe("strangers at the transport", () => {
  after(async () => {
    for (const peers of made) await peers.stop();
  });

  it("garbage on the libp2p port and on the lane port closes that socket and nothing else", async () => {
    const [a, b] = [await peer(), await peer()];
    await put(a, b, 300_000);
    for (const port of [addressOf(b).libp2p, addressOf(b).lane]) {
      const strangers = sockets(3, port);
      for (const socket of strangers.all) socket.write(randomBytes(70_000));
      await until(() => strangers.closed() === 3, "the strangers are thrown out");
    }
    await put(a, b, 300_000);
  });

  it("another network key fails in the handshake and says so", async () => {
    const [a, b] = [await peer({ networkKey: new Uint8Array(32).fill(2) }), await peer()];
    const error = await failure(a.dial(addressOf(b), options));
    assert.equal(error.code, "protocol");
    assert.match(error.message, /network key/);
    assert.deepEqual(b.connected(), []);
  });

  it("another network is refused by name, and is connected at neither side", async () => {
    const other = chunkAddress(textBytes("theirs"));
    const [a, b] = [await peer({ networkId: other }), await peer()];
    const error = await failure(a.dial(addressOf(b), options));
    assert.equal(error.code, "protocol");
    assert.ok(error.message.includes(other) && error.message.includes(ourNetwork), "the reason names both networks");
    a.learn(b.self, b.addresses());
    assert.equal((await failure(a.request(b.self, "put-chunks", { body: new Uint8Array(1), chunks: [] }, options))).code, "protocol");
    assert.deepEqual([a.connected(), b.connected()], [[], []]);
  });

  it("who offends again and again is blocked", async () => {
    const b = await peer({ limits: { offencesMax: 2, blockMs: 60_000 } });
    const a = await peer({ networkId: chunkAddress(textBytes("theirs")) });
    const codes: string[] = [];
    for (let i = 0; i < 4; i += 1) codes.push((await failure(a.dial(addressOf(b), options))).code);
    assert.equal(codes[0], "protocol");
    assert.notEqual(codes[3], "none");
    await until(() => a.remoteIp(b.self) === undefined, "the connection is gone");
  });

  it("a flood of half-open connections is bounded, and chunks still arrive", async () => {
    const [a, b] = [await peer(), await peer()];
    await put(a, b, 1_000);
    const lane = sockets(200, addressOf(a).lane);
    const control = sockets(200, addressOf(b).libp2p);
    await put(a, b, 300_000);
    await until(() => lane.closed() >= 100 && control.closed() >= 90, "most of the flood is turned away");
    lane.end();
    control.end();
    await put(a, b, 300_000);
  });

  it("a reader that stops holds the sender, with memory bounded, and nothing is reset", async () => {
    let inWork = 0;
    let most = 0;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const handler = async (): Promise<void> => {
      inWork += 1;
      most = Math.max(most, inWork);
      await gate;
      inWork -= 1;
    };
    const mib = 1 << 20;
    const [a, b] = [await peer(), await peer({ handler, limits: { bytesInWorkMax: 8 * mib + 300_000 } })];
    const all = Promise.all(Array.from({ length: 40 }, () => put(a, b, mib)));
    await until(() => inWork >= 8, "as much in work as may be");
    // Everything else that was asked at the same moment has arrived by the time a small request has been answered.
    await put(b, a, 1_000);
    assert.ok(most <= 9, `${most} MiB in work`);
    open();
    await all;
  });

  it("two who dial at once end with one connection, without losing a request", async () => {
    const limits = { pruneMs: 30 };
    const [a, b] = [await peer({ limits }), await peer({ limits })];
    a.learn(b.self, b.addresses());
    b.learn(a.self, a.addresses());
    const endMs = performance.now() + 400;
    const talk = async (from: Peers, to: Peers): Promise<void> => {
      while (performance.now() < endMs) await put(from, to, 2_000);
    };
    await Promise.all([talk(a, b), talk(b, a), talk(a, b), talk(b, a)]);
    assert.deepEqual([a.connected(), b.connected()], [[b.self], [a.self]]);
  });
});
