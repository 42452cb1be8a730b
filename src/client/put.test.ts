// Proves how the client stores: enough signed receipts of distinct nodes or a precise error, few messages for small
// objects, nothing sent twice. Scripted vaults over the in-memory network, on a virtual clock where time matters.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import { systemClock } from "../runtime/clock.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { chunkOf, eventually, failure } from "./client-fixture.ts";
import { ClientError } from "./errors.ts";
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

async function* pieces(bytes: Uint8Array, length = 65_536): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

describe("a chunk", () => {
  it("is acknowledged with at least min receipts, lies on target nodes, the closest", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(1000);
    const stored = await farm.client.putChunk(address, bytes);
    assert.ok(stored.copies >= 4 && stored.sent);
    await eventually(() => farm.holders(address).length === 5, "five copies");
    assert.deepEqual(new Set(farm.holders(address)), new Set(farm.closest(address, 5)));
  });

  it("put again is not sent again where it is large", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(100_000);
    await farm.client.putChunk(address, bytes);
    await eventually(() => farm.holders(address).length === 5, "five copies");
    farm.requests.clear();
    const again = await farm.client.putChunk(address, bytes);
    assert.deepEqual(again, { address, copies: 5, sent: false });
    assert.equal(farm.requests.get("put-chunks"), undefined);
  });

  it("that lacks some copies is sent only to those who lack it", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(100_000);
    await farm.client.putChunk(address, bytes);
    await eventually(() => farm.holders(address).length === 5, "five copies");
    for (const index of [1, 4]) farm.closest(address, 5)[index]?.chunks.clear();
    farm.requests.clear();
    await farm.client.putChunk(address, bytes);
    await eventually(() => farm.holders(address).length === 5, "five copies again");
    assert.equal(farm.requests.get("put-chunks"), 2);
  });

  it("whose holders are full goes to the next closest", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(1000);
    const full = farm.closest(address, 3);
    for (const vault of full) vault.behaviour.refuses = "full";
    const stored = await farm.client.putChunk(address, bytes);
    assert.ok(stored.copies >= 4);
    await eventually(() => farm.holders(address).length === 5, "five copies");
    assert.ok(full.every((vault) => !farm.holders(address).includes(vault)));
  });

  it("that too few take fails with who refused and why, and how many there were", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(1000);
    for (const vault of farm.vaults.slice(0, 6)) vault.behaviour.refuses = "full";
    const error = await failure(farm.client.putChunk(address, bytes));
    assert.equal(error.code, "insufficient-copies");
    assert.match(error.message, /^insufficient copies \(2 of 4\): .*full/);
    assert.deepEqual(error.facts.copies, { have: 2, need: 4 });
    assert.deepEqual(
      new Set(error.facts.refusals?.map(({ peer, reason }) => `${peer} ${reason}`)),
      new Set(farm.vaults.slice(0, 6).map(({ peer }) => `${peer} full`)),
    );
  });

  for (const forges of ["key", "node", "chunks"] as const)
    it(`does not count where the receipt is forged: ${forges}`, async () => {
      const faults: string[] = [];
      const farm = await startFarm({ metrics: { fault: (peer, kind) => void faults.push(`${peer} ${kind}`) } });
      const { bytes, address } = chunkOf(1000);
      const [liar] = farm.closest(address, 1);
      assert.ok(liar);
      liar.behaviour.forges = forges;
      await farm.client.putChunk(address, bytes);
      await eventually(() => farm.holders(address).length === 6, "five honest copies beside the liar's");
      if (forges !== "chunks") assert.deepEqual(faults, [`${liar.peer} bad-receipt`]);
    });

  it("on a farm with fewer nodes than copies fails at once and names how many there are", async () => {
    const clock = createVirtualClock();
    const farm = await startFarm({ nodes: 3, clock });
    const { bytes, address } = chunkOf(100);
    const error = await failure(clock.runUntil(farm.client.putChunk(address, bytes)));
    assert.match(error.message, /insufficient copies \(0 of 4\): only 3 nodes take chunks now/);
    assert.equal(farm.requests.size, 0);
  });

  it("goes to another when a holder is silent, and the silent one is reported", async () => {
    const clock = createVirtualClock();
    const farm = await startFarm({ clock });
    const { bytes, address } = chunkOf(1000);
    const silent = farm.closest(address, 3);
    for (const { behaviour } of silent) behaviour.silent = ["put-chunks"];
    await clock.runUntil(farm.client.putChunk(address, bytes));
    assert.ok(farm.holders(address).length >= 4);
    await clock.advance(60_000);
    assert.equal(farm.holders(address).length, 5);
    assert.deepEqual(farm.reported, new Set(silent.map(({ peer }) => peer)));
  });

  it("is refused with a wrong address, no bytes, or too many", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(100);
    assert.equal((await failure(farm.client.putChunk(chunkOf(5).address, bytes))).code, "wrong-hash");
    assert.equal((await failure(farm.client.putChunk(address, new Uint8Array(0)))).code, "empty");
    assert.equal((await failure(farm.client.putChunk(address, new Uint8Array(4 * 1024 * 1024 + 1)))).code, "too-large");
  });

  it("given up is given up at once", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(100);
    for (const { behaviour } of farm.vaults) behaviour.silent = ["put-chunks"];
    const giveUp = new AbortController();
    const put = failure(farm.client.putChunk(address, bytes, giveUp.signal));
    giveUp.abort();
    assert.equal((await put).code, "aborted");
  });

  it("below target is seen in the network view, and no more once its nodes are back", async () => {
    const farm = await startFarm();
    const { bytes, address } = chunkOf(1000);
    const known = (): object => {
      const { lowest, belowMin, belowTarget } = farm.client.network().copies;
      return { lowest, belowMin, belowTarget };
    };
    assert.deepEqual(known(), { lowest: null, belowMin: 0, belowTarget: 0 });
    await farm.client.putChunk(address, bytes);
    await eventually(() => farm.client.network().copies.lowest === 5, "five copies known");
    const two = farm.closest(address, 2);
    for (const { peer } of two) farm.setState(peer, "suspected");
    assert.deepEqual(known(), { lowest: 3, belowMin: 1, belowTarget: 1 });
    for (const { peer } of two) farm.setState(peer, "live");
    assert.equal(farm.client.network().copies.belowTarget, 0);
  });
});

describe("an object", () => {
  for (const { size, chunks } of [
    { size: 4096, chunks: 1 },
    { size: 16_384, chunks: 4 },
  ])
    it(`of ${size} bytes costs at most one message a node, and no question before`, async () => {
      const farm = await startFarm();
      const stored = await farm.client.putObject(pieces(randomBytes(size)), { size });
      assert.equal(stored.chunks, chunks);
      assert.ok(stored.copies.min >= 4);
      assert.deepEqual(stored.sent.chunks, chunks);
      assert.ok((farm.requests.get("put-chunks") ?? 0) <= 8, `${farm.requests.get("put-chunks")} messages`);
      assert.equal(farm.requests.get("has-chunks"), undefined);
    });

  it("of any size comes back byte for byte, also without its size said before", async () => {
    const farm = await startFarm();
    for (const size of [1, 3000, 4096, 20_000, 70_000, 3_000_000]) {
      const bytes = randomBytes(size);
      const stored = await farm.client.putObject(pieces(bytes), size % 2 === 0 ? { size } : {});
      const object = await farm.client.openObject(stored.address);
      assert.equal(object.bytes, size);
      const read: Uint8Array[] = [];
      for await (const piece of object.read()) read.push(piece);
      assert.equal(Buffer.compare(Buffer.concat(read), bytes), 0);
    }
  });

  it("cut at half and put again sends at most 55 % of its chunks", async () => {
    // Content that compresses, so that 256 MiB in five copies fit a test: every chunk still has an address of its own.
    const chunkCount = 64;
    const chunkPlain = 4_190_208;
    const size = chunkCount * chunkPlain;
    const farm = await startFarm();
    let confirmed = 0;
    async function* content(until: number): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < until; index += 1) yield new Uint8Array(chunkPlain).fill(index);
    }
    async function* cutContent(): AsyncGenerator<Uint8Array> {
      yield* content(chunkCount / 2);
      // The first two chunks are sealed last, with the hashes of the end.
      await eventually(() => confirmed >= chunkCount / 2 - 2, "what was sent has arrived");
      throw new ClientError("aborted", "the upload was cut");
    }
    const onProgress = (progress: { chunksConfirmed: number }): void => {
      confirmed = progress.chunksConfirmed;
    };
    let placed = 0;
    const onPlaced = (bytes: number): void => {
      placed = bytes;
    };
    assert.equal((await failure(farm.client.putObject(cutContent(), { size, onProgress, onPlaced }))).code, "aborted");
    assert.equal(placed, (chunkCount / 2 - 2) * chunkPlain, "what lies there, though the put failed");
    const again = await farm.client.putObject(content(chunkCount), { size, onPlaced });
    assert.ok(placed <= 0.55 * size + chunkPlain, `${placed} bytes, though half lay there`);
    assert.ok(again.sent.chunks <= again.chunks * 0.55 + 1, `${again.sent.chunks} of ${again.chunks} chunks were sent`);
  });

  it("tells its progress to the end", async () => {
    const farm = await startFarm();
    const told: string[] = [];
    const size = 200_000;
    await farm.client.putObject(pieces(randomBytes(size)), {
      size,
      onProgress: ({ phase, bytes, chunksConfirmed, chunks }) => void told.push(`${phase} ${bytes} ${chunksConfirmed}/${chunks}`),
    });
    assert.match(told.at(-1) ?? "", /^done 200000 4\/4$/);
  });

  it("is refused empty, too large, or of another size than declared", async () => {
    const farm = await startFarm();
    const bytes = randomBytes(5000);
    assert.equal((await failure(farm.client.putObject(pieces(new Uint8Array(0))))).code, "empty");
    assert.equal((await failure(farm.client.putObject(pieces(bytes), { sizeMax: 4999 }))).code, "too-large");
    assert.equal((await failure(farm.client.putObject(pieces(bytes), { sizeMax: 4999, size: 5000 }))).code, "too-large");
    assert.equal((await failure(farm.client.putObject(pieces(bytes), { size: 5001 }))).code, "wrong-size");
    assert.equal((await failure(farm.client.putObject(pieces(bytes), { size: 4999 }))).code, "wrong-size");
  });

  it("ends with the client", async () => {
    const farm = await startFarm();
    for (const { behaviour } of farm.vaults) behaviour.silent = ["put-chunks"];
    const put = failure(farm.client.putObject(pieces(randomBytes(4096)), { size: 4096 }));
    await eventually(() => (farm.requests.get("put-chunks") ?? 0) > 0, "on its way");
    await farm.stop();
    assert.equal((await put).code, "stopped");
  });
});
