// Proves what a responder does with a peer that gives two requests one number (the second is refused as a fault, and whatever the
// first holds is given back), and that more streams do not bring it as much more work. Method: streams that only record, whose
// frames the test hands in, and lanes on which nothing comes.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { Stream } from "@libp2p/interface";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import type { Bulk } from "./bulk.ts";
import { createByteBudget } from "./byte-budget.ts";
import { encodeFrame, type FrameDraft } from "./frame.ts";
import { helloBody } from "./hello.ts";
import { createResponder } from "./responder.ts";
import { createStreamBudgets } from "./stream-budgets.ts";
import { transportLimits } from "./transport-limits.ts";

const peer = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32)).publicKey);
const networkId = chunkAddress(textBytes("ours"));
const nobody = (): never => assert.fail("nothing of this is asked for");

type Scene = {
  readonly clock: VirtualClock;
  readonly offences: string[];
  readonly begun: number[];
  /** Transfers that are waited for. */
  readonly awaited: Set<number>;
  used(): number;
  send(frame: FrameDraft): Promise<void>;
  /** Another stream of the peer. */
  another(): { send(frame: FrameDraft): Promise<void>; close(): void };
};

function scene(): Scene {
  const clock = createVirtualClock();
  const [offences, begun, awaited]: [string[], number[], Set<number>] = [[], [], new Set()];
  const receive: Bulk["receive"] = ({ transfer }, signal) => {
    awaited.add(transfer);
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => {
        awaited.delete(transfer);
        reject(signal.reason);
      }),
    );
  };
  const bulk: Bulk = { reaches: nobody, send: nobody, receive, discard: nobody, request: nobody, avoid: nobody };
  const budget = createByteBudget(transportLimits.allBytesInWorkMax);
  const streamBudgets = createStreamBudgets(transportLimits.bytesInWorkMax);
  const limits = { ...transportLimits, requestsInWorkMax: 1_000 };
  const another: Scene["another"] = () => {
    const events = new EventTarget();
    const close = async (): Promise<void> => void events.dispatchEvent(new Event("close"));
    const stream = Object.assign(events, {
      send: () => true,
      writeBufferLength: 0,
      pause: () => {},
      resume: () => {},
      close,
      abort: close,
    });
    const responder = createResponder(stream as unknown as Stream, {
      ...{ peer, networkId, bulk, clock, log: silentLog, limits, budget, streamBudgets, onTraffic: () => {}, onWelcome: () => {} },
      onOffence: (why) => void offences.push(why),
      handlerOf: (code) => async () => {
        begun.push(code);
        return { body: new Uint8Array(1), chunks: [] };
      },
    });
    const send = async (frame: FrameDraft): Promise<void> => {
      const data = new Uint8Array(Buffer.concat(encodeFrame(frame)));
      events.dispatchEvent(new MessageEvent("message", { data }));
      await clock.advance(0);
    };
    return { send, close: responder.close };
  };
  return { clock, offences, begun, awaited, used: budget.used, another, send: another().send };
}

const frame = (id: number, type: FrameDraft["type"], rest: Partial<FrameDraft> = {}): FrameDraft => ({
  ...{ id, type, code: id, transfer: 0, body: new Uint8Array(1), chunks: [] },
  ...rest,
});
const hello = frame(0, "hello", { body: helloBody(networkId) });
const announced = (id: number, transfer: number): FrameDraft => frame(id, "request", { transfer, chunks: [new Uint8Array(100_000)] });

describe("requests on a stream", () => {
  it("under a number that is still in work are a fault, and nothing is waited for or held any more", async () => {
    const { offences, awaited, begun, used, send, clock } = scene();
    await send(hello);
    await send(announced(1, 7));
    assert.deepEqual([[...awaited], used() > 100_000], [[7], true]);
    await send(announced(1, 8));
    await clock.advance(0);
    assert.deepEqual(offences, ["two requests under one number"]);
    assert.deepEqual([[...awaited], used(), begun], [[], 0, []]);
  });

  it("may use a number again once it was answered", async () => {
    const { offences, begun, send } = scene();
    await send(hello);
    for (let i = 0; i < 3; i += 1) await send(frame(5, "request"));
    assert.deepEqual([offences, begun], [[], [5, 5, 5]]);
  });

  it("whose chunks their asker has lost are waited for no longer", async () => {
    const { offences, awaited, used, send } = scene();
    await send(hello);
    await send(announced(1, 7));
    await send(announced(2, 8));
    await send(frame(1, "failure"));
    assert.deepEqual([[...awaited], offences], [[8], []]);
    await send(frame(2, "failure"));
    assert.equal(used(), 0);
  });

  it("of one peer share what it may have in work, and each stream that asks for little is served beside the others", async () => {
    const { awaited, begun, another, used } = scene();
    const streams = Array.from({ length: 4 }, another);
    const mib = new Uint8Array(1 << 20);
    for (const [index, { send }] of streams.entries()) {
      await send(hello);
      for (let id = 1; id <= 40; id += 1) await send(frame(id, "request", { transfer: 100 * index + id, chunks: [mib] }));
    }
    // 32 MiB, then a half, a third and a fourth of it, each less what their bodies take.
    assert.equal(awaited.size, 31 + 15 + 10 + 7);
    const fifth = another();
    await fifth.send(hello);
    await fifth.send(frame(9, "request"));
    assert.deepEqual(begun, [9]);
    for (const { close } of streams) close();
    await fifth.send(frame(8, "request"));
    assert.deepEqual([awaited.size, used()], [0, 0]);
    for (let id = 1; id <= 40; id += 1) await fifth.send(frame(id, "request", { transfer: id, chunks: [mib] }));
    assert.equal(awaited.size, 31, "a stream alone gets all of it");
  });
});
