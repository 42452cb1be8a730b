// Proves how a local farm's nodes look to the plan: who was drained by a person and who by the plan, who is given up, what a silent
// node leaves open. Method: one place and one status each, the pure function, and what the plan makes of it.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { planFarm } from "../../operator/vault-farm/plan.ts";
import { farmOf, goalWith, idOf } from "../../operator/vault-farm/plan-fixture.ts";
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { NodePlace } from "./farm-state.ts";
import { learnedOf, type NodeGlance, observedNode } from "./observed-node.ts";

const place: NodePlace = { name: "attic-a", zone: "", ports: { libp2p: 1, lane: 2, heartbeat: 3, health: 4, admin: 5 }, granted: true };
const status: NodeStatus = {
  ...{ peerId: "", networkId: "", version: "1", startCounter: 1, state: "ready", admin: "active", joined: true, granted: true },
  ...{ addresses: [], zone: "", host: "local", vaults: [], store: { mode: "writable" }, ports: { health: 1, admin: 2 } },
  disk: { live: 0, dead: 0, overhead: 0, free: 1, total: 1 },
};
const glance: NodeGlance = { order: 3, state: { kind: "ready", sinceMs: 0 }, peersTold: [], status, peerId: idOf("attic-a") };
const saying = (admin: NodeStatus["admin"]): NodeGlance => ({ ...glance, status: { ...status, admin } });

test("a node that drains without a decision of the plan drains for a person, and is left alone", () => {
  const node = observedNode(place, saying("draining"));
  assert.deepEqual([node.handsOver, node.desired, node.report?.admin], [true, "Active", "draining"]);
  assert.deepEqual(planFarm(goalWith({ nodes: 1, copies: { min: 1, target: 1, max: 2 } }), farmOf([node]), 0), []);
});

test("one that the plan had drain, and that is to stay after all, is told so", () => {
  const node = observedNode({ ...place, assigned: {}, drainedByPlan: true }, saying("draining"));
  assert.equal(node.handsOver, undefined);
  const [told] = planFarm(goalWith({ nodes: 1, copies: { min: 1, target: 1, max: 2 } }), farmOf([node]), 0);
  assert.deepEqual(told, { kind: "command-node", name: "attic-a", state: "active", why: "it is to be active" });
});

test("whose word a drain was is never mixed up, however often plan and person change their minds and whatever commands fail", () => {
  const events = fc.array(
    fc.constantFrom("person drains", "person undrains", "plan has it leave", "plan lets it stay", "a look", "a look, command fails"),
  );
  fc.assert(
    fc.property(events, (history) => {
      let kept: NodePlace = place;
      let admin: NodeStatus["admin"] = "active";
      let personDrained = false;
      // From when the plan has it leave until it is seen to take part again.
      let planOwns = false;
      // Of what is planned only what the node is told is carried out.
      const look = (fails: boolean): void => {
        if (kept.assigned?.leaving === undefined && admin !== "draining") planOwns = false;
        kept = { ...kept, ...learnedOf(kept, { granted: true, admin }) };
        const farm = farmOf([observedNode(kept, saying(admin))]);
        for (const action of planFarm(goalWith({ nodes: 0 }), farm, 0)) if (action.kind === "command-node" && !fails) admin = action.state;
      };
      for (const event of history) {
        const leaving = kept.assigned?.leaving !== undefined;
        if (event === "plan has it leave") kept = { ...kept, assigned: { leaving: "ScaleDown" }, drainedByPlan: true };
        else if (event === "plan lets it stay") kept = { ...kept, assigned: {} };
        else if (event.startsWith("a look")) look(event.endsWith("fails"));
        // A person commands a node that stays and is at rest; what the plan is at is the plan's.
        else if (!leaving && !planOwns) {
          admin = event === "person drains" ? "draining" : "active";
          personDrained = admin === "draining";
        }
        // What the plan takes over from a person it also gives back as its own.
        if (kept.assigned?.leaving !== undefined) [personDrained, planOwns] = [false, true];
      }
      for (let i = 0; i < 3; i += 1) look(false);
      assert.equal(admin, kept.assigned?.leaving !== undefined || personDrained ? "draining" : "active");
    }),
    { numRuns: 2000 },
  );
});

test("what a person cordoned or fenced stays so", () => {
  assert.equal(observedNode(place, saying("cordoned")).desired, "Cordoned");
  assert.equal(observedNode(place, saying("fenced")).desired, "Fenced");
});

test("only a node that is to leave is ever given up, for no other is made in its place", () => {
  const away: NodeGlance = { order: 0, state: { kind: "down", failures: 3, sinceMs: 5 }, peersTold: [], awaySinceMs: 5 };
  assert.equal(observedNode(place, away).awaySinceMs, undefined);
  assert.equal(observedNode({ ...place, assigned: { leaving: "ScaleDown" } }, away).awaySinceMs, 5);
});

test("a node that does not answer, or is of another network, says nothing, and its grant is what was remembered", () => {
  const { status: _, peerId: _id, ...silent } = glance;
  for (const seen of [silent, { ...silent, status: { ...status, granted: false } }]) {
    const node = observedNode(place, seen);
    assert.deepEqual([node.report, node.peerId, node.granted, node.createdMs], [undefined, undefined, true, 3]);
  }
});
