// Proves how the client reads: from any holder, round those that died, lie, lack the chunk or are late, with every byte
// checked, and a quick word where nobody has it. Scripted vaults over the in-memory network.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import { NetworkError } from "../network/errors.ts";
import { type Address, chunkAddress } from "../protocol/address.ts";
import { systemClock } from "../runtime/clock.ts";
import { createVirtualClock, type VirtualClock } from "../runtime/virtual-clock.ts";
import { ClientError, type ClientErrorCode } from "./errors.ts";
import { type FarmOptions, type ScriptedFarm, startScriptedFarm } from "./scripted-farm.ts";

let farms: ScriptedFarm[] = [];
const startFarm = async (options: Partial<FarmOptions> = {}): Promise<ScriptedFarm> => {
  const farm = await startScriptedFarm({ nodes: 8, clock: systemClock, ...options });
  farms.push(farm);
  return farm;
};
afterEach(async () => {
  for (const farm of farms) await farm.stop();
  farms = [];
});

/** A chunk on its five closest vaults, put there without the client. */
function place(farm: ScriptedFarm, length = 1000): { bytes: Uint8Array; address: Address } {
  const bytes = new Uint8Array(randomBytes(length));
  const address = chunkAddress(bytes);
  for (const { chunks } of farm.closest(address, 5)) chunks.set(address, bytes);
  return { bytes, address };
}
const failing = (work: Promise<unknown>): Promise<ClientErrorCode | "none"> =>
  work.then(
    () => "none",
    (error: unknown) => {
      assert.ok(error instanceof ClientError, String(error));
      return error.code;
    },
  );
const virtualFarm = async (options: Partial<FarmOptions> = {}): Promise<{ farm: ScriptedFarm; clock: VirtualClock }> => {
  const clock = createVirtualClock();
  return { farm: await startFarm({ clock, ...options }), clock };
};

describe("a chunk", () => {
  it("is read with one message", async () => {
    const farm = await startFarm();
    const { bytes, address } = place(farm);
    assert.deepEqual(await farm.client.getChunk(address), bytes);
    assert.deepEqual([...farm.requests], [["get-chunks", 1]]);
  });

  it("is read while any one of its holders lives", async () => {
    const farm = await startFarm();
    const { bytes, address } = place(farm);
    for (const { peer } of farm.closest(address, 5).slice(0, 4)) farm.network.crash(peer);
    assert.deepEqual(await farm.client.getChunk(address), bytes);
  });

  it("is read from the next where the first is killed while it answers", async () => {
    const farm = await startFarm();
    const { bytes, address } = place(farm);
    let killed: string | undefined;
    for (const { behaviour, peer } of farm.closest(address, 5))
      behaviour.onRequest = () => {
        if (killed !== undefined) return;
        killed = peer;
        farm.network.crash(peer);
      };
    assert.deepEqual(await farm.client.getChunk(address), bytes);
    assert.deepEqual([...farm.reported], [killed]);
  });

  it("is read though all its holders are busy for a moment; nobody is reported for it", async () => {
    const { farm, clock } = await virtualFarm();
    const { bytes, address } = place(farm);
    for (const { behaviour, peer } of farm.closest(address, 5))
      behaviour.onRequest = () => {
        if (clock.monotonicMs() < 200) throw new NetworkError("busy", "over its share", { peer });
      };
    assert.deepEqual(await clock.runUntil(farm.client.getChunk(address)), bytes);
    assert.equal(farm.reported.size, 0);
    assert.ok(clock.monotonicMs() < 1000);
  });

  it("is never taken with wrong bytes; who sent them is counted", async () => {
    const faults: string[] = [];
    const farm = await startFarm({ metrics: { fault: (peer, kind) => void faults.push(`${kind} ${peer}`) } });
    const { bytes, address } = place(farm);
    const [honest, ...liars] = farm.closest(address, 5);
    for (const { behaviour } of liars) behaviour.servesWrongBytes = true;
    assert.deepEqual(await farm.client.getChunk(address), bytes);
    assert.ok(honest !== undefined && faults.every((fault) => fault.startsWith("wrong-bytes ") && !fault.endsWith(honest.peer)));
    honest.behaviour.servesWrongBytes = true;
    assert.equal(await failing(farm.client.getChunk(address)), "damaged");
    assert.ok(faults.length >= 5);
  });

  it("is found outside the closest", async () => {
    const farm = await startFarm();
    const { bytes, address } = place(farm);
    for (const { chunks } of farm.closest(address, 5)) chunks.clear();
    const far = farm.vaults.find((vault) => !farm.closest(address, 5).includes(vault));
    far?.chunks.set(address, bytes);
    assert.deepEqual(await farm.client.getChunk(address), bytes);
  });

  it("is read where a full holder says it was taken, in two messages; a pointer leads one step, and a wrong one loses nothing", async () => {
    const farm = await startFarm({ nodes: 24 });
    const { bytes, address } = place(farm);
    const close = farm.closest(address, 5);
    // Beyond the circle in which anybody would look.
    const [taker, other] = farm.vaults.filter((vault) => !farm.closest(address, 16).includes(vault));
    assert.ok(taker !== undefined && other !== undefined);
    for (const { chunks, behaviour } of close) {
      chunks.clear();
      behaviour.pointsTo = taker.peer;
    }
    taker.chunks.set(address, bytes);
    assert.deepEqual(await farm.client.getChunk(address), bytes);
    assert.deepEqual([...farm.requests], [["get-chunks", 2]]);
    taker.chunks.clear();
    taker.behaviour.pointsTo = other.peer;
    other.chunks.set(address, bytes);
    assert.equal(await failing(farm.client.getChunk(address)), "not-found", "a pointer of one pointed to is not followed");
    taker.chunks.set(address, bytes);
    taker.behaviour.servesWrongBytes = true;
    close[4]?.chunks.set(address, bytes);
    assert.deepEqual(await farm.client.getChunk(address), bytes);
  });

  it("is found on a node that is wrongly believed dead, where nobody else has it", async () => {
    const farm = await startFarm();
    const { bytes, address } = place(farm);
    const [last, ...others] = farm.closest(address, 5);
    for (const { chunks } of others) chunks.clear();
    if (last !== undefined) farm.setState(last.peer, "suspected");
    assert.deepEqual(await farm.client.getChunk(address), bytes);
  });

  it("that nobody has is not found, with a question to each node at most", async () => {
    const farm = await startFarm();
    assert.equal(await failing(farm.client.getChunk(chunkAddress(randomBytes(10)))), "not-found");
    assert.ok((farm.requests.get("get-chunks") ?? 0) <= 8);
  });

  it("that nobody has is not found within a second and a bit, though a frozen node is believed dead", async () => {
    const { farm, clock } = await virtualFarm();
    const [frozen] = farm.vaults;
    assert.ok(frozen);
    frozen.behaviour.silent = ["get-chunks"];
    farm.setState(frozen.peer, "suspected");
    assert.equal(await clock.runUntil(failing(farm.client.getChunk(chunkAddress(randomBytes(10))))), "not-found");
    assert.ok(clock.monotonicMs() <= 1_100, `${clock.monotonicMs()} ms`);
  });

  it("without anybody to answer says that the network is not there", async () => {
    const farm = await startFarm();
    const { address } = place(farm);
    for (const { peer } of farm.vaults) farm.network.crash(peer);
    assert.equal(await failing(farm.client.getChunk(address)), "not-ready");
  });

  it("that nobody has is not found though three of its holders are dead, noticed or not", async () => {
    const farm = await startFarm({ nodes: 16 });
    const address = chunkAddress(randomBytes(10));
    const dead = farm.closest(address, 3);
    for (const { peer } of dead) farm.network.crash(peer);
    for (const notice of [() => {}, farm.setState]) {
      for (const { peer } of dead) notice(peer, "suspected");
      assert.equal(await failing(farm.client.getChunk(address)), "not-found");
      assert.equal(await farm.client.headChunk(address), undefined);
    }
  });

  it("whose holders do not answer is not missing, whatever outsiders lack", async () => {
    const farm = await startFarm({ nodes: 16 });
    const { bytes, address } = place(farm);
    const close = farm.closest(address, 5);
    for (const { behaviour, peer } of close)
      behaviour.onRequest = () => {
        throw new NetworkError("busy", "over its share", { peer });
      };
    assert.equal(await failing(farm.client.getChunk(address)), "not-ready");
    assert.equal(await failing(farm.client.headChunk(address)), "not-ready");
    // Believed away, others stand in for them that never got it.
    for (const { peer } of close) farm.setState(peer, "suspected");
    assert.equal(await failing(farm.client.getChunk(address)), "not-ready");
    assert.equal(await failing(farm.client.headChunk(address)), "not-ready");
    for (const { behaviour } of close) behaviour.onRequest = undefined;
    assert.deepEqual(await farm.client.getChunk(address), bytes);
  });

  it("that is said to be with a vault that does not answer is not missing", async () => {
    const farm = await startFarm({ nodes: 24 });
    const { address } = place(farm);
    const [first, ...others] = farm.closest(address, 5);
    const taker = farm.vaults.find((vault) => !farm.closest(address, 16).includes(vault));
    assert.ok(first !== undefined && taker !== undefined);
    for (const { chunks } of [first, ...others]) chunks.clear();
    first.behaviour.pointsTo = taker.peer;
    farm.network.crash(taker.peer);
    assert.equal(await failing(farm.client.getChunk(address)), "not-ready");
    first.behaviour.pointsTo = undefined;
    assert.equal(await failing(farm.client.getChunk(address)), "not-found");
  });

  it("is asked of a second holder when the first is late, and of the second at once when the first is suspected", async () => {
    const hedged: string[] = [];
    const { farm, clock } = await virtualFarm({ metrics: { hedged: (why) => void hedged.push(why) } });
    const { bytes, address } = place(farm);
    let first: string | undefined;
    for (const { behaviour, peer } of farm.closest(address, 5))
      behaviour.onRequest = () => {
        first ??= peer;
        behaviour.silent = first === peer ? ["get-chunks"] : [];
      };
    assert.deepEqual(await clock.runUntil(farm.client.getChunk(address)), bytes);
    assert.deepEqual(hedged, ["late"]);
    assert.ok(clock.monotonicMs() <= 4_000, "before the time limit of a request");
    first = undefined;
    const startMs = clock.monotonicMs();
    const reading = farm.client.getChunk(address);
    await clock.advance(1);
    farm.setState(farm.vault(first).peer, "suspected");
    assert.deepEqual(await clock.runUntil(reading), bytes);
    assert.deepEqual(hedged, ["late", "suspected"]);
    assert.ok(clock.monotonicMs() - startMs <= 2, "at once");
  });

  it("given up is given up at once, before and while it is asked for", async () => {
    const farm = await startFarm();
    const { address } = place(farm);
    for (const { behaviour } of farm.vaults) behaviour.silent = ["get-chunks"];
    assert.equal(await failing(farm.client.getChunk(address, AbortSignal.abort())), "aborted");
    const giveUp = new AbortController();
    const reading = failing(farm.client.getChunk(address, giveUp.signal));
    await Promise.resolve();
    giveUp.abort();
    assert.equal(await reading, "aborted");
    assert.equal(farm.reported.size, 0);
  });

  it("is kept by the caller's cache at once where it is small, from the second reading on where it is large", async () => {
    const kept = new Map<string, Uint8Array>();
    const farm = await startFarm({
      chunkCache: { get: (address) => kept.get(address), put: (address, bytes) => void kept.set(address, bytes) },
    });
    const [small, large] = [place(farm, 1000), place(farm, 200_000)];
    const readings = [1, 2, 3].map(() => ({ small: 0, large: 0 }));
    for (const reading of readings)
      for (const [name, { bytes, address }] of [
        ["small", small],
        ["large", large],
      ] as const) {
        farm.requests.clear();
        assert.deepEqual(await farm.client.getChunk(address), bytes);
        reading[name] = farm.requests.get("get-chunks") ?? 0;
      }
    assert.deepEqual(readings, [
      { small: 1, large: 1 },
      { small: 0, large: 1 },
      { small: 0, large: 0 },
    ]);
  });

  it("is asked for once by readers who come together, also when the first of them leaves", async () => {
    const farm = await startFarm();
    const { address, bytes } = place(farm, 200_000);
    const leaving = new AbortController();
    const first = farm.client.getChunk(address, leaving.signal);
    const others = Array.from({ length: 30 }, () => farm.client.getChunk(address));
    const left = failing(first);
    leaving.abort();
    assert.equal(await left, "aborted");
    for (const read of await Promise.all(others)) assert.deepEqual(read, bytes);
    assert.equal(farm.requests.get("get-chunks"), 1);
  });

  it("comes out of the caller's further cache before a node is asked", async () => {
    const asked: string[] = [];
    const absent = randomBytes(500);
    const farm = await startFarm({
      chunkCache: {
        get: () => undefined,
        put: () => {},
        find: async (address) => {
          asked.push(address);
          return address === chunkAddress(absent) ? absent : undefined;
        },
      },
    });
    const { address, bytes } = place(farm);
    assert.deepEqual(Buffer.from(await farm.client.getChunk(chunkAddress(absent))), absent);
    assert.equal(farm.requests.get("get-chunks"), undefined);
    assert.deepEqual(await farm.client.getChunk(address), bytes);
    assert.deepEqual([asked, farm.requests.get("get-chunks")], [[chunkAddress(absent), address], 1]);
  });

  it("has a head with its size and the number of its closest holders", async () => {
    const farm = await startFarm();
    const { address } = place(farm);
    farm.closest(address, 1)[0]?.chunks.clear();
    assert.deepEqual(await farm.client.headChunk(address), { size: 1000, copies: 4 });
    assert.equal(await farm.client.headChunk(chunkAddress(randomBytes(4))), undefined);
  });
});

describe("an object", () => {
  async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  const readAll = async (
    farm: ScriptedFarm,
    address: Parameters<ScriptedFarm["client"]["openObject"]>[0],
    range?: { start: number; end: number },
  ): Promise<Buffer> => {
    const object = await farm.client.openObject(address);
    const parts: Uint8Array[] = [];
    for await (const part of object.read(range)) parts.push(part);
    return Buffer.concat(parts);
  };

  it("of 4 KiB is read with at most four messages", async () => {
    const farm = await startFarm();
    const bytes = randomBytes(4096);
    const { address } = await farm.client.putObject(once(bytes), { size: 4096 });
    farm.requests.clear();
    assert.equal(Buffer.compare(await readAll(farm, address), bytes), 0);
    assert.ok((farm.requests.get("get-chunks") ?? 0) <= 4, `${farm.requests.get("get-chunks")} messages`);
  });

  it("is read in ranges, also while three nodes are dead", async () => {
    const farm = await startFarm();
    const bytes = randomBytes(2_000_000);
    const { address } = await farm.client.putObject(once(bytes), { size: bytes.length });
    for (const { peer } of farm.vaults.slice(0, 3)) farm.network.crash(peer);
    for (const [start, end] of [
      [0, 1],
      [666_665, 1_400_000],
      [1_999_999, 2_000_000],
      [5, 5],
    ] as const)
      assert.equal(Buffer.compare(await readAll(farm, address, { start, end }), bytes.subarray(start, end)), 0);
    assert.equal(await failing(readAll(farm, address, { start: 0, end: 2_000_001 })), "bad-range");
  });

  it("that nobody has is not found", async () => {
    const farm = await startFarm();
    const address = (chunkAddress(randomBytes(3)) + chunkAddress(randomBytes(3))) as string as Parameters<typeof farm.client.openObject>[0];
    assert.equal(await failing(farm.client.openObject(address)), "not-found");
  });
});

describe("the network", () => {
  it("is ready with at least min live nodes, and tells changes together", async () => {
    const { farm, clock } = await virtualFarm({ nodes: 5 });
    let told = 0;
    const forget = farm.client.onNetworkChange(() => {
      told += 1;
    });
    assert.ok(farm.client.ready());
    const [a, b] = farm.vaults;
    if (a !== undefined && b !== undefined) for (const { peer } of [a, b]) farm.setState(peer, "suspected");
    assert.ok(!farm.client.ready());
    await clock.advance(1_000);
    assert.equal(told, 1);
    const view = farm.client.network();
    assert.equal(view.nodes.filter(({ state }) => state === "live").length, 3);
    assert.match(view.nodes[0]?.address ?? "", /^127\.0\.0\.1:\d+$/);
    forget();
    if (a !== undefined) farm.setState(a.peer, "live");
    await clock.advance(1_000);
    assert.equal(told, 1);
  });
});
