// Proves that a node tells of all those that it misses, however many are missed at once: a message holds 256 of them, and the others
// are told in the next ones; and that of those who ask it about a silent node it remembers a bounded number. A confirmer alone, whose
// letters are read.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { type Sighting, suspicions } from "../../protocol/messages/suspicions.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { type Confirmer, createConfirmer } from "./confirmer.ts";
import { genesis, nodeKey } from "./membership-fixture.ts";
import { membershipLimits as limits } from "./membership-limits.ts";
import { createRoster, type Roster } from "./roster.ts";

const peerOf = (n: number): PeerId => peerIdFromPublicKey(nodeKey(n).publicKey);

type Letter = { readonly to: PeerId; readonly sightings: readonly Sighting[] };
type Scene = { readonly clock: VirtualClock; readonly roster: Roster; readonly confirmer: Confirmer; readonly letters: readonly Letter[] };

/** A confirmer that has been up long enough to be a witness, among so many live nodes. */
async function scene(nodes: number): Promise<Scene> {
  const clock = createVirtualClock();
  const self = peerOf(0);
  const roster = createRoster({
    ...{ self, genesis, clock, isConnected: () => true, hasRoom: () => true },
    ...{ reach: () => {}, settle: () => {}, remoteIp: () => undefined, claimOf: () => "member" },
  });
  const letters: Letter[] = [];
  const request = async (to: PeerId, _kind: string, { body }: { readonly body: Uint8Array }) => {
    const letter = decodeMessage(suspicions, body);
    assert.ok(letter.ok);
    letters.push({ to, sightings: letter.value.sightings });
    return { body: encodeMessage(suspicions, { sightings: [] }), chunks: [], hashes: [], release: () => {} };
  };
  const intake = { offend: () => {}, isBlocked: () => false, admitsSuspicions: () => true };
  const confirmer = createConfirmer({ peers: { self, request }, clock, roster, intake, isNode: true, probe: () => {} }, limits);
  confirmer.quiet();
  await clock.advance(limits.confirmQuietMs);
  for (let n = 1; n <= nodes; n += 1) {
    const record = createNodeRecord(genesis.networkId, nodeKey(n), {
      ...{ addresses: [], domain: { region: "", zone: "", host: "" }, software: "test" },
      ...{ startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [] },
    });
    roster.offer(record.bytes, record.peerId);
  }
  return { clock, roster, confirmer, letters };
}

test("more silent nodes than fit one message are all told of", async () => {
  const { clock, roster, confirmer, letters } = await scene(309);
  const silent = Array.from({ length: 300 }, (_, i) => peerOf(i + 10));
  for (const peer of silent) roster.suspect(peer, "closed");
  for (let passedMs = 0; passedMs < 20_000; passedMs += limits.tickMs) {
    await clock.advance(limits.tickMs);
    confirmer.tick();
  }
  const told = new Set(letters.flatMap(({ sightings }) => sightings.map(({ peer }) => peer)));
  assert.equal(silent.filter((peer) => !told.has(peer)).length, 0);
  confirmer.stop();
});

test("of all who asked about a silent node, however many, a bounded number hears that it is back", async () => {
  const { clock, roster, confirmer, letters } = await scene(9);
  roster.suspect(peerOf(9), "closed");
  await clock.advance(limits.tellAfterMs + 1);
  const body = encodeMessage(suspicions, { sightings: [{ peer: peerOf(9), sight: "suspected" }] });
  const message = { body, chunks: [], hashes: [], release: () => {} };
  for (let n = 0; n < 3_000; n += 1) await confirmer.handler(peerOf(n + 100), message, new AbortController().signal);
  roster.refute(peerOf(9));
  assert.ok(letters.length <= 1_024, `${letters.length}`);
  assert.ok(
    letters.some(({ to }) => to === peerOf(3_099)),
    "the last who asked",
  );
  confirmer.stop();
});
