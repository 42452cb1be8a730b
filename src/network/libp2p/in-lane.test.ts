// Proves that whoever waits for a transfer on a lane is told when the lane ends, also where the peer announced another by the same
// number: a request that waited for ever would hold its part of the work that all peers may cause. The worker is a stand-in.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemRandom } from "../../runtime/random.ts";
import { createReturns } from "./chunk-returns.ts";
import { LaneError } from "./failure.ts";
import { createInLane } from "./in-lane.ts";
import type { LaneBase } from "./lane-base.ts";
import type { ToLaneWorker } from "./lane-messages.ts";
import { createGrants } from "./lane-window.ts";
import { transportLimits } from "./transport-limits.ts";

const peer = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32)).publicKey);
const nobody = (): never => assert.fail("nothing of this is asked for");

function base(posted: ToLaneWorker[]): LaneBase {
  return {
    ...{ clock: systemClock, log: silentLog, random: systemRandom, limits: transportLimits, grants: createGrants(0) },
    ...{ onTraffic: nobody, ask: nobody, remoteIp: nobody, discard: nobody, nextLane: () => 1 },
    serve: () => ({ serve: nobody, close: () => {} }),
    thread: {
      ...{ start: nobody, port: () => 0, ready: nobody, stop: nobody },
      post: (message) => void posted.push(message),
    },
  };
}

describe("a lane on which this side receives", () => {
  it("a transfer announced twice is received once, and nobody waits beyond the lane's end", async () => {
    const posted: ToLaneWorker[] = [];
    const lane = createInLane(
      base(posted),
      peer,
      createReturns(() => {}),
    );
    const ends: string[] = [];
    const wait = (name: string): void =>
      void lane.receive({ peer, transfer: 7, lengths: [3] }, new AbortController().signal).catch((error: unknown) => {
        assert.ok(error instanceof LaneError);
        ends.push(`${name}: ${error.code}`);
      });
    wait("first");
    wait("second");
    await new Promise(setImmediate);
    lane.end(new LaneError("lost", "the lane ended"));
    await new Promise(setImmediate);
    assert.deepEqual(ends, ["second: lost", "first: lost"]);
    assert.equal(posted.filter(({ type }) => type === "expect").length, 1);
  });
});
