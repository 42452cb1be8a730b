// Proves of a node that goes for a while that a chunk which would have fewer than `min` copies without it is sent to as many nodes as are
// lacking, the nearest that are there, take new chunks and have none; and that of all others nothing is sent. Method: random farms with the real
// directory and lasting view, compared with a plain count.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { Peers } from "../../network/peers.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { VaultState } from "../../protocol/states.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { createBytePace } from "./byte-pace.ts";
import { createChunkFarm, policy, recordIn } from "./chunk-fixture.ts";
import { handOver } from "./hand-over.ts";

const genesis = createGenesis({ name: "x", copies: policy, placeUnit: 20, createdAt: 0 }, signingKeyFromSeed(new Uint8Array(32).fill(1)));
const states: readonly VaultState[] = ["active", "active", "active", "cordoned", "draining"];
const nodes = fc.array(fc.record({ state: fc.constantFrom(...states), holds: fc.boolean(), isDeaf: fc.boolean() }), {
  minLength: 3,
  maxLength: 12,
});

/** Who is sent the one chunk of a farm whose first node goes, and holds it. */
async function handedTo(farm: ReturnType<typeof createChunkFarm>, self: PeerId): Promise<readonly PeerId[]> {
  const clock = createVirtualClock();
  const [vault] = recordIn(0, "active").vaults.map(({ name }) => name);
  const store = createMemoryChunkStore({ vaults: [{ vault: vault ?? assert.fail(), capacity: 1000 }], clock });
  const sentTo: PeerId[] = [];
  const request: Peers["request"] = async (peer, kind, message, options) => {
    if (kind === "has-chunks") return farm.request(peer, kind, message, options);
    throw new Error("not asked for here");
  };
  const pusher = {
    ...{ genesis, directory: farm.views.directory, grant: () => null, pace: createBytePace(clock, 1e9), onDamaged: () => {} },
    peers: {
      self,
      request: async (...asked: Parameters<Peers["request"]>) => {
        sentTo.push(asked[0]);
        return request(...asked);
      },
    },
    ...{ store, limits: { pushTimeoutMs: 1, questionTimeoutMs: 1 } },
  };
  const parts = { peers: { self, request }, policy, view: farm.view, pusher, questionTimeoutMs: 1 };
  await handOver(parts, [farm.address], AbortSignal.any([]));
  return sentTo;
}

test("as many of the nearest that may take it as are lacking to `min`, and none where there are enough", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...states), nodes, fc.nat(10_000), async (state, others, chunk) => {
      const records = [{ state, holds: true, isDeaf: false }, ...others].map((one, n) => ({
        ...one,
        record: recordIn(n, one.state),
      }));
      const farm = createChunkFarm(
        records.map(({ record }) => record),
        chunk,
        16,
      );
      for (const { record, holds, isDeaf } of records) {
        if (holds) farm.holders.add(record.peerId);
        if (isDeaf) farm.deaf.add(record.peerId);
      }
      const self = recordIn(0, state).peerId;
      const known = new Map(records.map((one) => [one.record.peerId, one]));
      const said = records.slice(1).filter(({ holds, isDeaf }) => holds && !isDeaf);
      const staying = said.filter(({ state }) => state !== "draining").length;
      const free = farm.view
        .keepers(farm.address, "enough")
        .map(({ peer }) => known.get(peer) ?? assert.fail())
        .filter(({ record, state, holds, isDeaf }) => record.peerId !== self && state === "active" && (!holds || isDeaf));
      const expected = free.slice(0, Math.max(0, policy.min - staying)).map(({ record }) => record.peerId);
      assert.deepEqual(await handedTo(farm, self), expected);
    }),
    { numRuns: 100 },
  );
});
