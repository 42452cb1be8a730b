// Proves field by field what the plan is told of objects and answers, with an ordinary node of which one thing is changed;
// and that what is not known is left out.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { idOf } from "../../../test/support/operator/simulated-nodes.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import type { NodeStatus } from "../../protocol/node-status.ts";
import { vaultFarmSpecSchema } from "../api/vault-farm.ts";
import { countCopies, scoresOf } from "../node-access/node-report.ts";
import { wordOf } from "../node-access/node-word.ts";
import type { ObservedNode } from "../vault-farm/observed.ts";
import { createFarmMemory } from "./farm-memory.ts";
import { runningAtTheirAddress } from "./node-poll.ts";
import { type Looked, type NodeMemory, observeFarm } from "./observe-farm.ts";
import { pause } from "./reconcile-farm.ts";
import type { ClaimObject, MachineObject, NodeRecord, PodObject } from "./resources.ts";

const wallMs = Date.parse("2027-01-01T00:10:00Z");
const nowMs = 1_000_000;
const identity = (seed: number): string => idOf({ key: signingKeyFromSeed(new Uint8Array(32).fill(seed)) });
const record: NodeRecord = {
  metadata: {
    name: "n1",
    namespace: "farms",
    uid: "r1",
    creationTimestamp: "2027-01-01T00:00:00Z",
    annotations: { "vaultfarm.dev/made-by": "operator" },
  },
  spec: { farm: "attic", assigned: { zone: "za" } },
  status: { peerId: identity(1) },
};
const pod: PodObject = {
  metadata: { name: "n1", uid: "p1", annotations: { "vaultfarm.dev/template": "t1", "vaultfarm.dev/capacity": "1024" } },
  ...{ nodeName: "m1", ip: "10.0.0.1", phase: "Running", ready: true, restarts: 0, edited: false, startedAt: "2027-01-01T00:05:00Z" },
};
const claim: ClaimObject = { metadata: { name: "n1" }, phase: "Bound", volumeName: "pv", requested: "1Gi", capacity: "2Gi" };
const machine: MachineObject = {
  metadata: { name: "m1", labels: { "topology.kubernetes.io/zone": "zb" } },
  unschedulable: false,
  taints: [],
  ready: true,
};
const status: NodeStatus = {
  ...{ peerId: identity(1), networkId: "", version: "1", startCounter: 1, state: "ready", admin: "active", joined: true, granted: true },
  ...{ addresses: [], zone: "", host: "" },
  vaults: [10, 7].map((capacity) => ({ name: "", publicKey: "", state: "active", capacity, used: 2, chunks: 3 })),
  disk: { live: 0, dead: 0, overhead: 0, free: 0, total: 0 },
  store: { mode: "writable" },
  ports: { health: 9090, admin: 9091 },
};
type Change = {
  readonly record?: Partial<NodeRecord>;
  readonly pod?: Partial<PodObject> | null;
  readonly claim?: Partial<ClaimObject> | null;
  readonly machine?: Partial<MachineObject> | null;
  readonly memory?: Partial<NodeMemory>;
};

function lookedAt({ record: r, pod: p, claim: c, machine: m, memory }: Change): Looked {
  const host = m === null ? undefined : { ...machine, ...m };
  return {
    ...{ complete: true, others: [], placing: { nodeSelector: {} }, nowMs, wallMs },
    records: [{ ...record, ...r }],
    pods: p === null ? [] : [{ ...pod, ...p }],
    claims: c === null ? [] : [{ ...claim, ...c }],
    machine: () => host,
    machines: host === undefined ? [] : [host],
    topology: vaultFarmSpecSchema.parse({ replicas: 5, vaultCapacity: "1Gi" }).topology,
    decidedIn: (_record, assigned) => assigned,
    memory: () => ({ told: [], status: wordOf(status), ...memory }),
  };
}
const seen = (change: Change = {}): ObservedNode => observeFarm(lookedAt(change)).nodes[0] as ObservedNode;

test("an ordinary node is told with all that is known of it", () => {
  const { report, ...node } = seen();
  assert.deepEqual(report, { admin: "active", joined: true, version: "1", declared: 7, used: 4, chunks: 6 });
  assert.deepEqual(node, {
    ...{
      name: "n1",
      state: { kind: "ready", sinceMs: nowMs - 300_000 },
      peerId: identity(1),
      addressed: true,
      granted: true,
      peersTold: [],
    },
    ...{ zone: "zb", host: "m1", hostState: "fine", createdMs: Date.parse("2027-01-01T00:00:00Z"), byHand: false, desired: "Active" },
    ...{ deleting: false, assigned: { zone: "za" }, volume: "bound", volumeBytes: 2 ** 31, runsWith: { template: "t1", capacity: 1024 } },
  });
});

test("a pod's state: ready, starting, stopping, ended, not there", () => {
  const unready = { ready: false, unreadySince: "2027-01-01T00:08:00Z" };
  assert.deepEqual(seen({ pod: unready }).state, { kind: "starting", sinceMs: nowMs - 120_000 }, "however long it was ready before");
  assert.deepEqual(seen({ pod: { ready: false } }).state, { kind: "starting", sinceMs: nowMs }, "not known is not long");
  assert.equal(seen({ pod: { metadata: { name: "n1", deletionTimestamp: "2027-01-01T00:09:59Z" } } }).state.kind, "stopping");
  assert.deepEqual(seen({ pod: { phase: "Failed" } }).state, { kind: "down", failures: 1, sinceMs: nowMs - 300_000 });
  assert.deepEqual(seen({ pod: null }).state, { kind: "down", failures: 0, sinceMs: 0 });
  assert.equal(seen({ pod: null }).addressed, false);
});

test("a volume's state: unbound, terminating, gone; its size", () => {
  assert.equal(seen({ claim: { phase: "Pending" } }).volume, "unbound");
  assert.equal(seen({ claim: { metadata: { name: "n1", deletionTimestamp: "2027-01-01T00:00:00Z" } } }).volume, "terminating");
  assert.equal(seen({ claim: { phase: "Lost" } }).volume, "absent");
  assert.deepEqual([seen({ claim: null }).volume, seen({ claim: null }).volumeBytes], ["absent", Number.POSITIVE_INFINITY]);
});

test("a machine: drained by a person or an autoscaler, not ready, gone", () => {
  assert.equal(seen({ machine: { unschedulable: true } }).hostState, "leaving");
  assert.equal(seen({ machine: { taints: ["karpenter.sh/disrupted"] } }).hostState, "leaving");
  assert.equal(seen({ machine: { taints: ["node.kubernetes.io/out-of-service"] } }).hostState, "gone");
  assert.equal(seen({ machine: { ready: false } }).hostState, "gone");
  assert.equal(seen({ machine: null }).hostState, "gone");
  assert.deepEqual(observeFarm(lookedAt({})).zones, ["zb"]);
  assert.deepEqual(observeFarm(lookedAt({ machine: { unschedulable: true } })).zones, [], "no new node goes there");
  assert.deepEqual(observeFarm({ ...lookedAt({}), placing: { nodeSelector: { disk: "big" } } }).zones, [], "nor where none may run");
});

test("since when a node cannot run: no machine takes it, its machine is silent, its container does not come up", () => {
  const at = "2027-01-01T00:08:00Z";
  const { nodeName: _nodeName, ...placeless } = pod;
  const unplaced = { ...lookedAt({}), pods: [{ ...placeless, ready: false, unschedulableSince: at }] };
  assert.equal(observeFarm(unplaced).nodes[0]?.awaySinceMs, nowMs - 120_000);
  assert.equal(seen({ pod: { ready: false }, machine: { ready: false, readySince: at } }).awaySinceMs, nowMs - 120_000);
  const crashing = { ready: false, waiting: "CrashLoopBackOff", unreadySince: at };
  assert.equal(seen({ pod: crashing }).awaySinceMs, nowMs - 120_000, "it ran well for longer than it may be away");
  assert.equal(seen({ pod: { ready: false, waiting: "CrashLoopBackOff" } }).awaySinceMs, nowMs, "not known is not long");
  assert.equal(seen({ pod: { ready: false, unreadySince: at }, machine: null }).awaySinceMs, nowMs - 120_000);
  assert.equal(seen({ pod: { ready: false, waiting: "ContainerCreating" } }).awaySinceMs, undefined);
});

test("a node of which nothing runs: its container waits, or no machine took it; and since when it does not answer", () => {
  const { nodeName: _nodeName, ...placeless } = pod;
  const unplaced = { ...lookedAt({}), pods: [{ ...placeless, ready: false }] };
  assert.equal(observeFarm(unplaced).nodes[0]?.runsNothing, true);
  assert.equal(seen({ pod: { ready: false, waiting: "ImagePullBackOff" } }).runsNothing, true);
  assert.equal(seen({ pod: { ready: false } }).runsNothing, undefined, "it may be opening its store");
  assert.equal(seen({ pod: { waiting: "CrashLoopBackOff" } }).runsNothing, undefined, "it is ready");
  assert.equal(seen({ memory: { silentSinceMs: 7 } }).silentSinceMs, 7);
});

test("identities: found on the volume, known from the record, and another than was known", () => {
  assert.equal(seen({ record: { status: {} } }).peerId, identity(1));
  const { status: _status, ...silent } = { told: [], status: wordOf(status) };
  const unanswered = observeFarm({ ...lookedAt({}), memory: () => silent }).nodes[0];
  assert.deepEqual([unanswered?.peerId, unanswered?.report, unanswered?.granted], [identity(1), undefined, true]);
  const other = seen({ memory: { status: wordOf({ ...status, peerId: identity(2) }) } });
  assert.deepEqual([other.peerId, other.formerPeerId], [identity(2), identity(1)]);
});

test("a network is founded where a node says so, and not begun again while one that is ready says nothing", () => {
  const { status: _status, ...silent } = { told: [], status: wordOf(status) };
  const founded = (change: Change, memory: Looked["memory"] = lookedAt(change).memory): boolean =>
    observeFarm({ ...lookedAt(change), memory }).founded;
  assert.equal(founded({}), false);
  assert.equal(founded({ memory: { status: { ...wordOf(status), sequence: 3 } } }), true);
  assert.equal(
    founded({}, () => silent),
    true,
  );
  assert.equal(
    founded({ pod: { ready: false } }, () => silent),
    false,
    "one that is not ready holds up founding by that",
  );
});

test("what a person said of a node, and that a person made it", () => {
  assert.equal(seen({ record: { spec: { farm: "attic", desired: "Fenced" } } }).desired, "Fenced");
  assert.equal(seen({ record: { metadata: { name: "n1" } } }).byHand, true);
  assert.equal(seen({ record: { metadata: { name: "n1", deletionTimestamp: "2027-01-01T00:00:00Z" } } }).deleting, true);
  assert.deepEqual(seen({ record: { spec: { desired: "Nonsense" } } }).desired, "Active", "a spec that is none says nothing");
});

test("copies are summed over all nodes, and unknown while one has not counted", () => {
  const policy = { min: 4, target: 5, max: 8 };
  const counted = (live: readonly number[], partial = false): NodeStatus => ({ ...status, copies: { live: [...live], partial } });
  assert.deepEqual(countCopies([counted([0, 0, 0, 1, 0, 5]), counted([0, 0, 0, 2, 1])], policy), { belowMin: 3, lowest: 3 });
  assert.deepEqual(countCopies([counted([]), counted([])], policy), { belowMin: 0, lowest: 8 }, "a farm without chunks lacks none");
  assert.equal(countCopies([counted([0, 0, 0, 0, 0, 5]), undefined], policy), undefined);
  assert.equal(countCopies([counted([0, 0, 0, 0, 0, 5], true)], policy), undefined);
  assert.equal(countCopies([status], policy), undefined, "an older node does not count");
  assert.equal(countCopies([], policy), undefined);
});

test("a node's score is the lowest of its vaults, each as the middle one of those who have seen it", () => {
  const saw = (peerId: string, vault: string, score: number): NodeStatus => ({
    ...status,
    seen: [{ peerId, vault, score, conduct: 1, goodDays: 1, age: 1, faults: {} }],
  });
  const statuses = [saw("a", "v1", 0.9), saw("a", "v1", 0.1), saw("a", "v1", 0.8), saw("a", "v2", 0.7), saw("b", "v3", 1)];
  assert.deepEqual(
    [...scoresOf(statuses)],
    [
      ["a", 0.7],
      ["b", 1],
    ],
  );
});

test("the next look is soon after something was done, in seconds while something waits, else about a minute later", () => {
  const at = { nowMs, luck: 0.5 };
  assert.equal(pause([], { complete: false }, at), 1000);
  assert.equal(pause([{ kind: "stop-node", name: "n", why: "" }], { complete: true }, at), 1000);
  assert.equal(pause([{ kind: "wait", why: "" }], { complete: true }, at), 5000);
  assert.equal(pause([{ kind: "wait", why: "", untilMs: nowMs + 2000 }], { complete: true }, at), 2000);
  assert.equal(pause([{ kind: "wait", why: "", untilMs: nowMs - 9 }], { complete: true }, at), 1000);
  assert.equal(pause([], { complete: true }, at), 60_000);
});

test("memory: another pod was told nothing, others are forgotten", () => {
  const memory = createFarmMemory();
  memory.setStatus("n1", "p1", wordOf(status), 1);
  memory.setTold("n1", ["n2"]);
  for (const nowMs of [2, 3]) memory.setStatus("n1", "p1", undefined, nowMs);
  const { report: lastReport } = wordOf(status);
  assert.deepEqual(memory.node("n1"), { told: ["n2"], silentSinceMs: 2, lastReport }, "since the first look without an answer");
  memory.setStatus("n1", "p2", undefined, 4);
  assert.deepEqual(memory.node("n1"), { told: [], silentSinceMs: 4 }, "another pod is silent since it is there");
  memory.setStatus("n1", "p2", wordOf(status), 5);
  assert.equal(memory.node("n1").silentSinceMs, undefined);
  memory.keep(new Set(["n2"]));
  assert.deepEqual(memory.node("n1"), { told: [] });
});

test("only pods that run at their address are asked", () => {
  const at = (name: string, change: Partial<PodObject>): PodObject => ({ ...pod, metadata: { name }, ...change });
  const older = at("older", {});
  const younger = at("younger", { startedAt: "2027-01-01T00:06:00Z", ready: false });
  const ended = at("ended", { ip: "10.0.0.2", phase: "Failed" });
  const going = at("going", { ip: "10.0.0.3", metadata: { name: "going", deletionTimestamp: "2027-01-01T00:06:00Z" } });
  assert.deepEqual(runningAtTheirAddress([older, younger, ended, going]), [younger]);
});
