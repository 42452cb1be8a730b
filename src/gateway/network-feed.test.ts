// Proves that who watches the network ends up with what is so: also where reading it is what brings a change, as looking for holders
// does, which takes in the last heartbeats first. Method: a client over a real change bell, in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { NetworkView } from "../client/farm-client.ts";
import { createChangeBell } from "../client/network-view.ts";
import { createVirtualClock } from "../runtime/virtual-clock.ts";
import { createNetworkFeed, type NetworkEvent } from "./network-feed.ts";

const changeDelayMs = 50;

/** A farm of one node, whose state is `now`; each time it is looked at, the last of `next` becomes so right after. */
function createWorld(next: string[]) {
  const clock = createVirtualClock();
  const bell = createChangeBell(clock, changeDelayMs);
  let now = "suspected";
  const network = (): NetworkView => {
    const view = { nodes: [{ peerId: "a", state: now }], copies: {}, membership: null } as unknown as NetworkView;
    const change = next.pop();
    if (change !== undefined) {
      now = change;
      bell.ring();
    }
    return view;
  };
  const seen: string[] = [];
  const see = (event: NetworkEvent): void => {
    if (event.event === "snapshot") for (const { state } of event.data.nodes) seen.push(`snapshot ${state}`);
    if (event.event === "node") seen.push(event.data.state);
  };
  return { clock, seen, see, feed: createNetworkFeed({ network, onNetworkChange: bell.onRing }, clock) };
}

test("what changes while the first watcher's snapshot is read is told to him", async () => {
  const { clock, seen, see, feed } = createWorld(["live"]);
  feed.subscribe(see);
  await clock.advance(10_000);
  assert.deepEqual(seen, ["snapshot suspected", "live"]);
});

test("so is what changes while changes are read, and nobody is watched for once the last watcher left", async () => {
  const { clock, seen, see, feed } = createWorld(["live", "away"]);
  const leave = feed.subscribe(see);
  await clock.advance(10_000);
  assert.deepEqual(seen, ["snapshot suspected", "away", "live"]);
  leave();
  feed.subscribe(see);
  assert.equal(seen.at(-1), "snapshot live");
});
