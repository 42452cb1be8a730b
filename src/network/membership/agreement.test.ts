// Proves that witnesses whose words ran out, and strangers in any number, leave room for what is said now, and that what ran out is held against nobody.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createAgreement } from "./agreement.ts";

const peerOf = (name: string): PeerId => name as PeerId;
const subject = peerOf("silent");
const view = { isLive: (peer: PeerId) => peer !== subject, nodeCount: () => 5_000 };

test("words that ran out, or were taken back by a sign of life, leave room for new witnesses", () => {
  const agreement = createAgreement(view, 1_000);
  for (let n = 0; n < 2_000; n += 1) {
    const [early, cleared] = [peerOf(`early-${n}`), peerOf(`cleared-${n}`)];
    agreement.hear(peerOf(`witness-${n}`), n % 2 === 0 ? early : cleared, "suspected", 0);
    agreement.clear(cleared);
  }
  for (const witness of ["a", "b"]) agreement.hear(peerOf(witness), subject, "suspected", 5_000);
  assert.ok(agreement.isConfirmed(subject, false, 5_000));
});

test("who called living nodes silent, and fell silent itself before it took that back, is a witness again later", () => {
  const agreement = createAgreement({ ...view, nodeCount: () => 8 }, 1_000);
  for (const other of ["b", "c", "d"]) agreement.hear(peerOf("a"), peerOf(other), "suspected", 0);
  agreement.hear(peerOf("a"), subject, "suspected", 1_000);
  assert.equal(agreement.isConfirmed(subject, true, 1_000), false);
  agreement.hear(peerOf("a"), subject, "suspected", 5_000);
  assert.ok(agreement.isConfirmed(subject, true, 5_000));
});

test("those whose word does not count, however many, leave room for those whose does", () => {
  const isMember = (peer: PeerId): boolean => peer.startsWith("member");
  const agreement = createAgreement({ ...view, isLive: isMember }, 1_000);
  for (let n = 0; n < 2_000; n += 1) agreement.hear(peerOf(`stranger-${n}`), subject, "suspected", 0);
  for (const witness of ["member-a", "member-b"]) agreement.hear(peerOf(witness), subject, "suspected", 1);
  assert.ok(agreement.isConfirmed(subject, false, 1));
});

test("a witness that called many nodes silent long ago is heard about the next", () => {
  const agreement = createAgreement(view, 1_000);
  for (let n = 0; n < 2_000; n += 1) agreement.hear(peerOf("a"), peerOf(`other-${n}`), "suspected", n);
  agreement.hear(peerOf("a"), subject, "suspected", 5_000);
  assert.ok(agreement.isConfirmed(subject, true, 5_000));
});
