// Proves that requests on a lane are held to the rate and the work that a peer may cause, like those on a stream, under a
// clock that only the test moves; and that the lane's end ends them.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import type { Answer, Handler } from "../peers.ts";
import type { Bulk } from "./bulk.ts";
import { createByteBudget } from "./byte-budget.ts";
import type { Frame, FrameDraft } from "./frame.ts";
import { createLaneService, type LaneService } from "./lane-service.ts";
import { type TransportLimits, transportLimits } from "./transport-limits.ts";

const peer = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32)).publicKey);
const nobody = (): never => assert.fail("nothing of this goes by another way");
const bulk: Bulk = { reaches: nobody, send: nobody, receive: nobody, discard: nobody, request: nobody, avoid: nobody };

type Scene = { readonly service: LaneService; readonly clock: VirtualClock; readonly sent: FrameDraft[] };

function scene(limits: Partial<TransportLimits>, handler: Handler): Scene {
  const clock = createVirtualClock();
  const sent: FrameDraft[] = [];
  const parts = {
    ...{ peer, bulk, clock, log: silentLog, limits: { ...transportLimits, ...limits } },
    ...{ budget: createByteBudget(transportLimits.allBytesInWorkMax), onTraffic: () => {}, handlerOf: () => handler },
  };
  return { service: createLaneService(parts, { path: "lane", send: async (frame) => void sent.push(frame) }), clock, sent };
}

const request = (id: number): Frame => ({
  ...{ id, type: "request", inline: false, code: 0, transfer: 0 },
  ...{ lengths: [], body: new Uint8Array(1), chunks: [] },
});

const nothing: Answer = { body: new Uint8Array(1), chunks: [] };

describe("requests on a lane", () => {
  it("above the rate wait their turn, and none is lost or overtaken", async () => {
    const { service, clock, sent } = scene({ requestsBurst: 5, requestsPerSecond: 50 }, async () => nothing);
    for (let id = 1; id <= 12; id += 1) service.serve(request(id), undefined);
    await clock.advance(0);
    assert.equal(sent.length, 5);
    await clock.advance(100);
    assert.ok(sent.length > 5 && sent.length <= 10, `${sent.length} after a tenth of a second`);
    await clock.advance(1_000);
    assert.deepEqual(
      sent.map(({ id, type }) => `${type} ${id}`),
      Array.from({ length: 12 }, (_, i) => `answer ${i + 1}`),
    );
  });

  it("beyond what a peer may have in work wait for the others", async () => {
    const gates: (() => void)[] = [];
    const handler = (): Promise<Answer> => new Promise((resolve) => gates.push(() => resolve(nothing)));
    const { service, clock, sent } = scene({ requestsInWorkMax: 4 }, handler);
    for (let id = 1; id <= 9; id += 1) service.serve(request(id), undefined);
    await clock.advance(0);
    assert.equal(gates.length, 4);
    for (let done = 0; done < 9; done += 1) {
      gates[done]?.();
      await clock.advance(0);
      assert.equal(gates.length, Math.min(9, done + 5));
    }
    assert.equal(sent.length, 9);
  });

  it("end with the lane: who works on one is told, who waits is not begun", async () => {
    let ended = 0;
    const handler: Handler = (_from, _message, signal) =>
      new Promise(() => {
        signal.addEventListener("abort", () => {
          ended += 1;
        });
      });
    const { service, clock, sent } = scene({ requestsInWorkMax: 2 }, handler);
    for (let id = 1; id <= 5; id += 1) service.serve(request(id), undefined);
    await clock.advance(0);
    service.close();
    await clock.advance(1_000);
    assert.deepEqual([ended, sent.length], [2, 0]);
  });

  it("give back the chunks that came with them where their handler does", async () => {
    let released = 0;
    const release = (): void => {
      released += 1;
    };
    const handler: Handler = async (_from, delivery) => {
      delivery.release();
      return nothing;
    };
    const { service, clock, sent } = scene({}, handler);
    service.serve({ ...request(1), transfer: 7, lengths: [3] }, { chunks: [new Uint8Array(3)], hashes: [], release });
    await clock.advance(0);
    assert.deepEqual([released, sent.length], [1, 1]);
  });
});
