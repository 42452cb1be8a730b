// What every transport must do, run by the real one and by the in-memory twin. Each test makes two or three peers of one
// network through the factory handed in, and waits for conditions with a deadline.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { chunkAddress } from "../protocol/address.ts";
import { textBytes } from "../protocol/bytes.ts";
import { messageBodyMax, messageChunkBytesMax } from "../protocol/limits.ts";
import { NetworkError, type NetworkErrorCode } from "./errors.ts";
import type { Answer, Delivery, Peers } from "./peers.ts";

/** Makes peers of one network, started when returned; `stopAll` ends what is left. `kill` ends one without a goodbye. */
export type ContractNetwork = {
  make(options?: { seed?: Uint8Array; listen?: boolean; before?(peers: Peers): void }): Promise<Peers>;
  stopAll(): Promise<void>;
};

const timeoutMs = 10_000;
const options = { timeoutMs };
const echo = async (_from: unknown, delivery: Delivery): Promise<{ body: Uint8Array; chunks: Uint8Array[] }> => {
  const chunks = delivery.chunks.map((chunk) => new Uint8Array(chunk));
  delivery.release();
  return { body: delivery.body, chunks };
};
const withEcho = (peers: Peers): void => peers.handle("get-chunks", echo);

async function code(promise: Promise<unknown>): Promise<NetworkErrorCode | "none"> {
  try {
    await promise;
    return "none";
  } catch (error) {
    assert.ok(error instanceof NetworkError, `a NetworkError, not ${String(error)}`);
    return error.code;
  }
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Runs the contract over networks made by `create`. */
export function peersContract(name: string, create: () => Promise<ContractNetwork>): void {
  describe(`peers: ${name}`, () => {
    const scene = (title: string, run: (network: ContractNetwork) => Promise<void>): void =>
      void it(title, async () => {
        const network = await create();
        try {
          await run(network);
        } finally {
          await network.stopAll();
        }
      });
    const pair = async (network: ContractNetwork): Promise<[Peers, Peers]> => {
      const [a, b] = [await network.make({ before: withEcho }), await network.make({ before: withEcho })];
      a.learn(b.self, b.addresses());
      return [a, b];
    };

    scene("a request is answered, dialling by itself", async (network) => {
      const [a, b] = await pair(network);
      const answer = await a.request(b.self, "get-chunks", { body: textBytes("hello"), chunks: [textBytes("small")] }, options);
      assert.deepEqual(
        [Buffer.from(answer.body).toString(), answer.chunks.map((chunk) => Buffer.from(chunk).toString()), answer.hashes],
        ["hello", ["small"], [chunkAddress(textBytes("small"))]],
      );
      answer.release();
      await eventually(() => a.connected().includes(b.self) && b.connected().includes(a.self), "both see the connection");
    });

    scene("large chunks travel both ways, hashed where they arrive, many at once", async (network) => {
      const [a, b] = await pair(network);
      const ask = async (size: number): Promise<void> => {
        const chunks = [new Uint8Array(randomBytes(size)), new Uint8Array(randomBytes(size / 2))];
        const answer = await a.request(b.self, "get-chunks", { body: textBytes("x"), chunks }, { timeoutMs: 60_000 });
        assert.deepEqual(
          answer.hashes,
          chunks.map((chunk) => chunkAddress(chunk)),
        );
        assert.equal(Buffer.compare(answer.chunks[0] ?? new Uint8Array(), chunks[0] ?? new Uint8Array()), 0);
        answer.release();
      };
      for (let round = 0; round < 3; round += 1) await Promise.all([1 << 22, 1 << 20, 100_000, 1 << 21, 1 << 22].map(ask));
    });

    scene("the answerer can ask back over the same connection", async (network) => {
      const [a, b] = await pair(network);
      await a.request(b.self, "get-chunks", { body: textBytes("1"), chunks: [] }, options);
      const answer = await b.request(
        a.self,
        "get-chunks",
        { body: textBytes("2"), chunks: [new Uint8Array(randomBytes(1 << 20))] },
        options,
      );
      assert.equal(answer.chunks[0]?.length, 1 << 20);
      answer.release();
    });

    scene("what is too large is refused before it is sent", async (network) => {
      const [a, b] = await pair(network);
      assert.equal(
        await code(a.request(b.self, "get-chunks", { body: new Uint8Array(messageBodyMax + 1), chunks: [] }, options)),
        "too-large",
      );
      const chunks = Array.from({ length: 3 }, () => new Uint8Array(messageChunkBytesMax / 2));
      assert.equal(await code(a.request(b.self, "get-chunks", { body: new Uint8Array(1), chunks }, options)), "too-large");
    });

    scene("no handler, a handler that throws, nobody there", async (network) => {
      const before = (peers: Peers): void => {
        peers.handle("has-chunks", () => Promise.reject(new Error("secret reason")));
        peers.handle("get-chunks", () => Promise.reject(Object.assign(new Error("too much"), { code: "busy" })));
      };
      const b = await network.make({ before });
      const a = await network.make();
      a.learn(b.self, b.addresses());
      assert.equal(await code(a.request(b.self, "put-chunks", { body: new Uint8Array(1), chunks: [] }, options)), "refused");
      const failure = await a
        .request(b.self, "has-chunks", { body: new Uint8Array(1), chunks: [] }, options)
        .catch((error: unknown) => error);
      assert.ok(failure instanceof NetworkError && failure.code === "refused" && !failure.message.includes("secret"));
      assert.equal(await code(a.request(b.self, "get-chunks", { body: new Uint8Array(1), chunks: [] }, options)), "busy");
      const [stranger] = [await network.make({ listen: false })];
      assert.equal(await code(a.request(stranger.self, "has-chunks", { body: new Uint8Array(1), chunks: [] }, options)), "unreachable");
    });

    scene("a silent handler ends in a timeout, an abort at once", async (network) => {
      const b = await network.make({ before: (peers) => peers.handle("get-chunks", () => new Promise(() => {})) });
      const a = await network.make();
      a.learn(b.self, b.addresses());
      assert.equal(await code(a.request(b.self, "get-chunks", { body: new Uint8Array(1), chunks: [] }, { timeoutMs: 300 })), "timeout");
      const gaveUp = new AbortController();
      const asked = code(a.request(b.self, "get-chunks", { body: new Uint8Array(1), chunks: [] }, { timeoutMs, signal: gaveUp.signal }));
      gaveUp.abort();
      assert.equal(await asked, "aborted");
    });

    scene("a peer that ends is told at once, and its requests fail as closed", async (network) => {
      const b = await network.make({ before: (peers) => peers.handle("get-chunks", () => new Promise(() => {})) });
      const a = await network.make();
      const events: string[] = [];
      a.onEvent(({ kind, peer }) => events.push(`${kind} ${peer}`));
      a.learn(b.self, b.addresses());
      const asked = code(a.request(b.self, "get-chunks", { body: new Uint8Array(1), chunks: [] }, options));
      await eventually(() => events.length === 1, "connected");
      await b.stop();
      assert.equal(await asked, "closed");
      assert.deepEqual(events, [`connected ${b.self}`, `disconnected ${b.self}`]);
      assert.deepEqual(a.connected(), []);
    });

    scene("a peer that comes back on another port is found through learn", async (network) => {
      const seed = new Uint8Array(randomBytes(32));
      const first = await network.make({ seed, before: withEcho });
      const a = await network.make();
      a.learn(first.self, first.addresses());
      (await a.request(first.self, "get-chunks", { body: textBytes("1"), chunks: [] }, options)).release();
      await first.stop();
      await eventually(() => a.connected().length === 0, "disconnected");
      const second = await network.make({ seed, before: withEcho });
      a.learn(second.self, second.addresses());
      const answer = await a.request(
        first.self,
        "get-chunks",
        { body: textBytes("2"), chunks: [new Uint8Array(randomBytes(200_000))] },
        options,
      );
      assert.equal(Buffer.from(answer.body).toString(), "2");
      answer.release();
    });

    scene("one who only dials gets and gives large chunks too", async (network) => {
      const b = await network.make({ before: withEcho });
      const a = await network.make({ listen: false });
      a.learn(b.self, b.addresses());
      const chunk = new Uint8Array(randomBytes(1 << 21));
      const answer = await a.request(b.self, "get-chunks", { body: textBytes("x"), chunks: [chunk] }, options);
      assert.deepEqual(answer.hashes, [chunkAddress(chunk)]);
      answer.release();
    });

    scene("two who dial each other at once both get through", async (network) => {
      const [a, b] = await pair(network);
      b.learn(a.self, a.addresses());
      const ask = (from: Peers, to: Peers): Promise<Delivery> =>
        from.request(to.self, "get-chunks", { body: textBytes("x"), chunks: [] }, options);
      await Promise.all([ask(a, b), ask(b, a), ask(a, b), ask(b, a)]);
      assert.deepEqual([a.connected(), b.connected()], [[b.self], [a.self]]);
    });

    scene("who has given up already sends nothing; who is stopped answers nobody", async (network) => {
      let asked = 0;
      const b = await network.make({
        before: (peers) =>
          peers.handle("get-chunks", async (_from, { body }) => {
            asked += 1;
            return { body, chunks: [] };
          }),
      });
      const a = await network.make();
      a.learn(b.self, b.addresses());
      const request = { body: textBytes("x"), chunks: [] };
      (await a.request(b.self, "get-chunks", request, options)).release();
      assert.equal(await code(a.request(b.self, "get-chunks", request, { timeoutMs, signal: AbortSignal.abort() })), "aborted");
      (await a.request(b.self, "get-chunks", request, options)).release();
      assert.equal(asked, 2);
      await a.stop();
      assert.equal(await code(a.request(b.self, "get-chunks", request, options)), "stopped");
    });

    scene("an answer over the limits is the answerer's mistake, and its buffers are given back all the same", async (network) => {
      let released = 0;
      const release = (): void => {
        released += 1;
      };
      const sizes = [messageBodyMax + 1, 1];
      const handler = async (): Promise<Answer> => ({ body: new Uint8Array(sizes.shift() ?? 0), chunks: [], release });
      const b = await network.make({ before: (peers) => peers.handle("get-chunks", handler) });
      const a = await network.make();
      a.learn(b.self, b.addresses());
      const ask = (): Promise<Delivery> => a.request(b.self, "get-chunks", { body: textBytes("x"), chunks: [] }, options);
      assert.equal(await code(ask()), "too-large");
      (await ask()).release();
      await eventually(() => released === 2, "each answer is given back once");
    });

    scene("disconnecting ends the connection at both sides, once; the next request dials again", async (network) => {
      const [a, b] = await pair(network);
      const events: string[] = [];
      const forget = a.onEvent(({ kind }) => events.push(`a ${kind}`));
      b.onEvent(({ kind }) => events.push(`b ${kind}`));
      const ask = async (): Promise<void> =>
        (await a.request(b.self, "get-chunks", { body: textBytes("x"), chunks: [] }, options)).release();
      await ask();
      await eventually(() => a.remoteIp(b.self) === "127.0.0.1" && b.remoteIp(a.self) === "127.0.0.1", "each sees the other's address");
      await a.disconnect(b.self);
      await eventually(() => a.connected().length + b.connected().length === 0, "both see the end");
      assert.equal(a.remoteIp(b.self), undefined);
      forget();
      await ask();
      await eventually(() => b.connected().length === 1, "connected again");
      assert.deepEqual(events.toSorted(), ["a connected", "a disconnected", "b connected", "b connected", "b disconnected"]);
    });

    scene("a slow handler holds up its asker and nobody else, and loses nothing", async (network) => {
      const gate = Promise.withResolvers<void>();
      const slow = async (from: unknown, delivery: Delivery): Promise<Answer> => {
        await gate.promise;
        return echo(from, delivery);
      };
      const b = await network.make({ before: (peers) => peers.handle("put-chunks", slow) });
      const [a, c] = [await network.make(), await network.make()];
      const chunk = new Uint8Array(randomBytes(1 << 20));
      const ask = async (from: Peers): Promise<void> => {
        from.learn(b.self, b.addresses());
        const answer = await from.request(b.self, "put-chunks", { body: textBytes("x"), chunks: [chunk] }, { timeoutMs: 60_000 });
        assert.deepEqual(answer.hashes, [chunkAddress(chunk)]);
        answer.release();
      };
      // Together more than a peer may have in work: what is over waits at the asker.
      const all = Promise.all(Array.from({ length: 48 }, () => ask(a)));
      c.learn(b.self, b.addresses());
      assert.equal(await code(c.request(b.self, "has-chunks", { body: textBytes("x"), chunks: [] }, options)), "refused");
      gate.resolve();
      await all;
    });

    scene("dialling an address tells who answered; nobody there is unreachable", async (network) => {
      const [a, b] = await pair(network);
      const [address] = b.addresses();
      assert.ok(address);
      assert.equal(await a.dial(address, options), b.self);
      assert.equal(await code(a.dial({ ...address, libp2p: 1 }, options)), "unreachable");
    });
  });
}
