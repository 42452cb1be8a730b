// Proves that a node that is away for a while stays in the directory however many others say goodbye meanwhile: where it cannot
// be remembered longer it is tried, and not taken out as if it had never been. And that a clock that is wrong at the start takes
// nothing from what was known before.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { signGoodbye } from "../../protocol/messages/goodbye.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { genesis, nodeKey } from "./membership-fixture.ts";
import { createRoster } from "./roster.ts";

const peerOf = (n: number): PeerId => peerIdFromPublicKey(nodeKey(n).publicKey);

test("more goodbyes than are remembered take nobody out who is away, and who is forgotten is tried", () => {
  const reached: PeerId[] = [];
  const roster = createRoster({
    ...{ self: peerOf(0), genesis, clock: createVirtualClock(), isConnected: () => true, hasRoom: () => true },
    ...{ reach: (peer) => reached.push(peer), settle: () => {}, remoteIp: () => undefined, claimOf: () => "member" },
  });
  for (let n = 1; n <= 1_025; n += 1) {
    const record = createNodeRecord(genesis.networkId, nodeKey(n), {
      ...{ addresses: [], domain: { region: "", zone: "", host: "" }, software: "test" },
      ...{ startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [] },
    });
    assert.equal(roster.offer(record.bytes, record.peerId).kind, "fresh");
    const goodbye = { startCounter: 1, sequence: 1, departure: { kind: "away", backInMs: 60_000 } } as const;
    assert.equal(roster.hear(signGoodbye(genesis.networkId, nodeKey(n), goodbye), record.peerId).kind, "fresh");
  }
  assert.deepEqual(
    [1, 2].map((n) => roster.directory.node(peerOf(n))?.state),
    ["suspected", "away"],
  );
  assert.deepEqual(reached, [peerOf(1)]);
});

test("what was known before is believed though the clock went back since; what others tell is not", () => {
  const roster = createRoster({
    ...{ self: peerOf(0), genesis, clock: createVirtualClock(), isConnected: () => false, hasRoom: () => true },
    ...{ reach: () => {}, settle: () => {}, remoteIp: () => undefined, claimOf: () => "member" },
  });
  const signedAtMs = createVirtualClock().wallMs() + 86_400_000;
  const [kept, told] = [1, 2].map((n) =>
    createNodeRecord(genesis.networkId, nodeKey(n), {
      ...{ addresses: [], domain: { region: "", zone: "", host: "" }, software: "test" },
      ...{ startCounter: 1, sequence: 1, signedAtMs, vaults: [] },
    }),
  );
  assert.ok(kept !== undefined && told !== undefined);
  assert.equal(roster.offer(kept.bytes).kind, "fresh");
  assert.equal(roster.offer(told.bytes, kept.peerId).kind, "refused");
});
