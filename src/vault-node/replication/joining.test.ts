// Proves when a node that started counts as having everything that is its own: never while nobody answers, nor while one that
// owes it something is only suspected. Real directory views, peers that answer by hand.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews, type NodeViews } from "../../network/membership/node-views.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { owedChunksReply } from "../../protocol/messages/owed-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { recordIn } from "./chunk-fixture.ts";
import { createJoining, type Joining } from "./joining.ts";

const never = new AbortController().signal;
const self = recordIn(0, "joining").peerId;
const [debtor, other] = [recordIn(1, "active").peerId, recordIn(2, "active").peerId];

/** A node that joins two others; one of them owes it chunks. */
function scene(): { readonly joining: Joining; readonly views: NodeViews; readonly owes: Set<PeerId> } {
  const views = createNodeViews({ placeUnit: 20 }, () => 0);
  views.putRecord(recordIn(0, "joining"), "live");
  for (const n of [1, 2]) views.putRecord(recordIn(n, "active"), "live");
  const owes = new Set([debtor]);
  const request = async (peer: PeerId) => {
    const body = encodeMessage(owedChunksReply, { looked: true, owed: owes.has(peer) ? 7 : 0 });
    return { body, chunks: [], hashes: [], release: () => {} };
  };
  const joining = createJoining({ peers: { self, request }, directory: views.directory, timeoutMs: 1000, joined: () => true });
  return { joining, views, owes };
}

test("it has everything once all that answer owe it nothing", async () => {
  const { joining, owes } = scene();
  await joining.ask(never);
  assert.equal(joining.complete(), false);
  owes.clear();
  await joining.ask(never);
  assert.equal(joining.complete(), true);
});

test("a moment in which nobody can be reached says nothing of what is owed", async () => {
  const { joining, views } = scene();
  for (const peer of [debtor, other]) views.setState(peer, "suspected");
  await joining.ask(never);
  assert.equal(joining.complete(), false);
  for (const peer of [debtor, other]) views.setState(peer, "away");
  await joining.ask(never);
  assert.equal(joining.complete(), false);
});

test("whoever owes something and is suspected for a moment is waited for; once it is lost it is not", async () => {
  const { joining, views } = scene();
  views.setState(debtor, "suspected");
  await joining.ask(never);
  assert.equal(joining.complete(), false);
  views.setState(debtor, "away");
  await joining.ask(never);
  assert.equal(joining.complete(), true);
});
