// Proves of a whole replicator that what waits for a vault which turns out to be full is not sent to it just to hear so, and goes
// to it once its record says that it has room again. A real directory; what the other nodes answer is scripted.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews } from "../../network/membership/node-views.ts";
import type { Peers } from "../../network/peers.ts";
import { chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import { putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { replicationLimits } from "./replication-limits.ts";
import { createReplicator } from "./replicator.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const vaultKeyOf = (n: number) => keyOf(n + 40);
const genesis = createGenesis({ name: "full", copies: { min: 1, target: 2, max: 3 }, placeUnit: 2 ** 20, createdAt: 0 }, keyOf(90));
const capacity = 2 ** 24;
const recordOf = (n: number, state: "active" | "cordoned" = "active") =>
  createNodeRecord(genesis.networkId, keyOf(n), {
    addresses: [],
    domain: { region: "", zone: "", host: `host ${n}` },
    ...{ software: "", startCounter: 1, sequence: 1, signedAtMs: 0 },
    vaults: [{ key: vaultKeyOf(n), capacity, used: 0, chunks: 0, state, wallet: null }],
  });

test("what waits for a vault that is full is not sent to it; once its record says that it takes again, it is", async () => {
  const clock = createVirtualClock();
  const { directory, putRecord } = createNodeViews(genesis, clock.wallMs);
  for (const n of [1, 2]) putRecord(recordOf(n), "live");
  const vault = vaultName(vaultKeyOf(1).publicKey);
  const store = createMemoryChunkStore({ vaults: [{ vault, capacity }], clock });
  const chunks = Array.from({ length: 20 }, (_, n) => Uint8Array.of(n, 1));
  await store.put(chunks.map((bytes) => ({ vault, address: chunkAddress(bytes), bytes })));
  let sent = 0;
  const request: Peers["request"] = async (_peer, kind, message) => {
    const reply = (body: Uint8Array) => ({ body, chunks: [], hashes: [], release: () => {} });
    if (kind === "put-chunks") {
      const asked = decodeMessage(putChunksRequest, message.body);
      assert.ok(asked.ok);
      sent += message.chunks.length;
      putRecord(recordOf(2, "cordoned"), "live");
      const groups = asked.value.groups.map((group) => ({
        ...{ vault: group.vault, receipt: null, refusals: [] },
        refused: group.chunks.map((chunk) => ({ chunk, reason: "full" as const })),
      }));
      return reply(encodeMessage(putChunksReply, { groups }));
    }
    assert.ok(kind !== "has-chunks" || decodeMessage(hasChunksRequest, message.body).ok);
    return reply(encodeMessage(hasChunksReply, { held: [], receipts: [] }));
  };
  const replicator = createReplicator({
    ...{ genesis, peers: { self: recordOf(1).peerId, request }, directory, store, clock, log: silentLog },
    // A message for each chunk.
    limits: { ...replicationLimits, pushBytesMax: 1 },
    ...{ grant: () => new Uint8Array(8), joined: () => true, serves: () => true, distrusted: () => new Set() },
    ...{ onDamaged: () => {}, onWrongBytes: () => {}, onRefused: () => {}, onTaken: () => {} },
  });
  replicator.start();
  await clock.advance(60_000);
  assert.equal(sent, 1, "one refusal says it for all");
  await clock.advance(60_000);
  putRecord(recordOf(2), "live");
  await clock.advance(replicationLimits.refusedForMs + 2 * replicationLimits.tickMs);
  assert.ok(sent > 1, "room came");
  await replicator.stop();
});
