// Proves that an answer which nobody can read, or which does not fit what was asked, is believed in nothing: it is no receipt, no copy that
// is there already, and no bytes; who gave it is counted, and others are asked. And that who is busy, or silent, is asked again, but not for
// ever. Scripted vaults over the in-memory network, on a virtual clock where time matters.
import { strict as assert } from "node:assert";
import { afterEach, describe, it } from "node:test";
import { NetworkError } from "../network/errors.ts";
import type { Answer, RequestKind } from "../network/peers.ts";
import type { Address } from "../protocol/address.ts";
import { encodeMessage } from "../protocol/encoding.ts";
import { getChunksReply } from "../protocol/messages/get-chunks.ts";
import { hasChunksReply } from "../protocol/messages/has-chunks.ts";
import { systemClock } from "../runtime/clock.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { chunkOf, eventually, failure } from "./client-fixture.ts";
import { clientLimits } from "./client-limits.ts";
import { type FarmOptions, type ScriptedFarm, type ScriptedVault, startScriptedFarm } from "./scripted-farm.ts";

let farm: ScriptedFarm;
let faults: string[];
const startFarm = async (options: Partial<FarmOptions> = {}): Promise<ScriptedFarm> => {
  faults = [];
  const metrics = { fault: (peer: string, kind: string) => void faults.push(`${kind} ${peer}`) };
  farm = await startScriptedFarm({ nodes: 8, clock: systemClock, metrics, ...options });
  return farm;
};
afterEach(() => farm.stop());

const answer = (vault: ScriptedVault | undefined, kind: RequestKind, instead: Answer): void => {
  assert.ok(vault);
  vault.behaviour.answers = (asked) => (asked === kind ? instead : undefined);
};
const unreadable: Answer = { body: Uint8Array.of(0xff), chunks: [] };

describe("an answer to a read", () => {
  const { bytes, address } = chunkOf(1000);
  const named = (found: readonly Address[]): Uint8Array => encodeMessage(getChunksReply, { found, missing: [] });
  const cases: readonly (readonly [string, Answer])[] = [
    ["that cannot be read", unreadable],
    ["that names the chunk and brings none", { body: named([address]), chunks: [] }],
    ["that brings one and names none", { body: named([]), chunks: [bytes] }],
    ["that brings two for one name", { body: named([address]), chunks: [bytes, bytes] }],
    ["that brings one for two names", { body: named([address, address]), chunks: [bytes] }],
  ];
  for (const [name, instead] of cases)
    it(`${name} is a fault of its node; another serves, and where none does the chunk is damaged, not absent`, async () => {
      await startFarm();
      for (const { chunks } of farm.closest(address, 5)) chunks.set(address, bytes);
      const [honest, ...others] = farm.vaults.filter(({ chunks }) => chunks.has(address));
      for (const vault of others) answer(vault, "get-chunks", instead);
      assert.deepEqual(await farm.client.getChunk(address), bytes);
      answer(honest, "get-chunks", instead);
      assert.equal((await failure(farm.client.getChunk(address))).code, "damaged");
      const expected = [honest, ...others].map((vault) => `bad-reply ${vault?.peer}`);
      assert.deepEqual(new Set(faults), new Set(expected));
    });
});

describe("an answer to a put", () => {
  it("that cannot be read is no receipt: the copy goes to another node", async () => {
    await startFarm();
    const { bytes, address } = chunkOf(1000);
    const unread = farm.closest(address, 3);
    for (const vault of unread) answer(vault, "put-chunks", unreadable);
    await farm.client.putChunk(address, bytes);
    await eventually(() => farm.holders(address).length === 5, "five copies");
    assert.deepEqual(new Set(faults), new Set(unread.map(({ peer }) => `bad-reply ${peer}`)));
  });

  it("that cannot be read from too many fails the put, and says so of each", async () => {
    await startFarm();
    const { bytes, address } = chunkOf(1000);
    for (const vault of farm.vaults.slice(0, 5)) answer(vault, "put-chunks", unreadable);
    const { code, facts } = await failure(farm.client.putChunk(address, bytes));
    assert.deepEqual([code, facts.copies], ["insufficient-copies", { have: 3, need: 4 }]);
    assert.deepEqual(
      new Set(facts.refusals?.map(({ peer, reason }) => `${peer} ${reason}`)),
      new Set(farm.vaults.slice(0, 5).map(({ peer }) => `${peer} bad-receipt`)),
    );
  });
});

describe("a node that says it has a large chunk already", () => {
  const { bytes, address } = chunkOf(100_000);
  const cases: readonly (readonly [string, (liar: ScriptedVault) => void])[] = [
    ["in words that cannot be read", (liar) => answer(liar, "has-chunks", unreadable)],
    [
      "without a receipt",
      (liar) =>
        answer(liar, "has-chunks", {
          body: encodeMessage(hasChunksReply, { held: [{ chunk: address, vault: address, size: bytes.length }], receipts: [] }),
          chunks: [],
        }),
    ],
    [
      "with a receipt of another vault",
      (liar) => {
        liar.chunks.set(address, bytes);
        liar.behaviour.forges = "key";
      },
    ],
    [
      "with a receipt for another chunk",
      (liar) => {
        liar.chunks.set(address, bytes);
        liar.behaviour.forges = "chunks";
      },
    ],
    ["in another length", (liar) => void liar.chunks.set(address, bytes.subarray(1))],
  ];
  for (const [name, lie] of cases)
    it(`${name} is sent it all the same`, async () => {
      await startFarm();
      const [liar, ...others] = farm.closest(address, 5);
      assert.ok(liar);
      for (const { chunks } of others) chunks.set(address, bytes);
      lie(liar);
      let sent = 0;
      liar.behaviour.onRequest = (kind) => {
        if (kind === "put-chunks") sent += 1;
      };
      await farm.client.putChunk(address, bytes);
      await eventually(() => sent === 1, "the chunk sent to the liar");
    });
});

describe("holders of a chunk to be put", () => {
  it("that are busy for a moment are asked again, and are not reported", async () => {
    const clock = createVirtualClock();
    await startFarm({ clock });
    const { bytes, address } = chunkOf(1000);
    for (const { behaviour, peer } of farm.vaults)
      behaviour.onRequest = () => {
        if (clock.monotonicMs() < 600) throw new NetworkError("busy", "over its share", { peer });
      };
    const { copies } = await clock.runUntil(farm.client.putChunk(address, bytes));
    assert.ok(copies >= 4 && clock.monotonicMs() < 2000, `${copies} copies after ${clock.monotonicMs()} ms`);
    assert.equal(farm.reported.size, 0);
  });

  it("that stay busy are asked a bounded number of times", async () => {
    const clock = createVirtualClock();
    await startFarm({ clock });
    const { bytes, address } = chunkOf(1000);
    const asked = new Map<string, number>();
    for (const { behaviour, peer } of farm.vaults)
      behaviour.onRequest = () => {
        asked.set(peer, (asked.get(peer) ?? 0) + 1);
        throw new NetworkError("busy", "over its share", { peer });
      };
    const { code, facts } = await clock.runUntil(failure(farm.client.putChunk(address, bytes)));
    assert.deepEqual([code, new Set(facts.refusals?.map(({ reason }) => reason))], ["insufficient-copies", new Set(["busy"])]);
    assert.equal(Math.max(...asked.values()), clientLimits.triesMax);
  });

  it("that never answer end the put when its time is over", async () => {
    const clock = createVirtualClock();
    await startFarm({ clock });
    const { bytes, address } = chunkOf(1000);
    for (const { behaviour } of farm.vaults) behaviour.silent = ["put-chunks"];
    const { code, facts } = await clock.runUntil(failure(farm.client.putChunk(address, bytes)));
    assert.deepEqual([code, facts.copies, clock.monotonicMs()], ["insufficient-copies", { have: 0, need: 4 }, clientLimits.putDeadlineMs]);
    assert.deepEqual(new Set(facts.refusals?.map(({ reason }) => reason)), new Set(["timeout"]));
  });
});
