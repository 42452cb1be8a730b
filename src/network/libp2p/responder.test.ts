// Proves what a responder does with a peer that gives two requests one number: the second is refused as a fault, and whatever the
// first holds is given back. Method: a stream that only records, whose frames the test hands in, and lanes on which nothing comes.
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
  const events = new EventTarget();
  const close = async (): Promise<void> => void events.dispatchEvent(new Event("close"));
  const stream = Object.assign(events, { send: () => true, writeBufferLength: 0, pause: () => {}, resume: () => {}, close, abort: close });
  const budget = createByteBudget(transportLimits.allBytesInWorkMax);
  createResponder(stream as unknown as Stream, {
    ...{ peer, networkId, bulk, clock, log: silentLog, limits: transportLimits, budget, onTraffic: () => {}, onWelcome: () => {} },
    onOffence: (why) => void offences.push(why),
    handlerOf: (code) => async () => {
      begun.push(code);
      return { body: new Uint8Array(1), chunks: [] };
    },
  });
  const send = async (frame: FrameDraft): Promise<void> => {
    events.dispatchEvent(new MessageEvent("message", { data: new Uint8Array(Buffer.concat(encodeFrame(frame))) }));
    await clock.advance(0);
  };
  return { clock, offences, begun, awaited, used: budget.used, send };
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
});
