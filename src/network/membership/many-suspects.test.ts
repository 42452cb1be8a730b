// Proves that a node tells of all those that it misses, however many are missed at once: a message holds 256 of them, and the others
// are told in the next ones. A confirmer alone, whose letters are read.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { suspicions } from "../../protocol/messages/suspicions.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createConfirmer } from "./confirmer.ts";
import { genesis, nodeKey } from "./membership-fixture.ts";
import { membershipLimits as limits } from "./membership-limits.ts";
import { createRoster } from "./roster.ts";

const peerOf = (n: number): PeerId => peerIdFromPublicKey(nodeKey(n).publicKey);

test("more silent nodes than fit one message are all told of", async () => {
  const clock = createVirtualClock();
  const self = peerOf(0);
  const roster = createRoster({
    ...{ self, genesis, clock, isConnected: () => true, hasRoom: () => true },
    ...{ reach: () => {}, settle: () => {}, remoteIp: () => undefined, claimOf: () => "member" },
  });
  const told = new Set<PeerId>();
  const request = async (_to: PeerId, _kind: string, { body }: { readonly body: Uint8Array }) => {
    const letter = decodeMessage(suspicions, body);
    assert.ok(letter.ok);
    for (const { peer } of letter.value.sightings) told.add(peer);
    return { body: encodeMessage(suspicions, { sightings: [] }), chunks: [], hashes: [], release: () => {} };
  };
  const intake = { offend: () => {}, isBlocked: () => false, admitsSuspicions: () => true };
  const confirmer = createConfirmer({ peers: { self, request }, clock, roster, intake, isNode: true, probe: () => {} }, limits);
  confirmer.quiet();
  await clock.advance(limits.confirmQuietMs);
  const silent = Array.from({ length: 300 }, (_, i) => peerOf(i + 10));
  for (let n = 1; n < 310; n += 1) {
    const record = createNodeRecord(genesis.networkId, nodeKey(n), {
      ...{ addresses: [], domain: { region: "", zone: "", host: "" }, software: "test" },
      ...{ startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [] },
    });
    roster.offer(record.bytes, record.peerId);
  }
  for (const peer of silent) roster.suspect(peer, "closed");
  for (let passedMs = 0; passedMs < 20_000; passedMs += limits.tickMs) {
    await clock.advance(limits.tickMs);
    confirmer.tick();
  }
  assert.deepEqual(silent.filter((peer) => !told.has(peer)).length, 0);
  confirmer.stop();
});
