// Proves what a farm says of itself: the right reason for each state it can be in, with facts; numbers that hold still; and
// that a status is written for a change of meaning at once, for numbers seldom, and for nothing never.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { parsePeerId } from "../../protocol/peer-id.ts";
import { farmConditions } from "../api/conditions.ts";
import { vaultFarmStatusSchema } from "../api/farm-status.ts";
import { vaultNodeStatusSchema } from "../api/vault-node.ts";
import { modelDecides } from "./cluster-model-fixture.ts";
import type { FarmSeen } from "./farm-look.ts";
import { clusterGoal } from "./goal.ts";
import { judgeSpec } from "./judge-spec.ts";
import type { ObservedNode } from "./observed.ts";
import { planFarm } from "./plan.ts";
import { farmOf, goalWith, podNode, report } from "./plan-fixture.ts";
import { roundedBytes, roundedCount } from "./rounded.ts";
import { type FarmStatusNow, nodeStatusOf, planSteps, statusOf } from "./status.ts";
import { mergeConditions, mustWrite } from "./status-write.ts";

const names = ["a", "b", "c", "d", "e"];
const gib = 2 ** 30;
const nowMs = 10_000_000;
const down = { state: { kind: "down" as const, failures: 0, sinceMs: 0 } };

type Change = {
  readonly goal?: Parameters<typeof goalWith>[0];
  readonly nodes?: readonly ObservedNode[];
  readonly farm?: Parameters<typeof farmOf>[1];
  readonly seen?: Partial<FarmSeen>;
};
const five = (changes: Readonly<Record<string, Partial<ObservedNode>>> = {}): ObservedNode[] =>
  names.map((name) => podNode(name, names, changes[name]));

function show({ goal: goalChange, nodes = five(), farm, seen }: Change = {}): FarmStatusNow {
  const goal = goalWith(goalChange);
  const observed = farmOf(nodes, farm);
  const actions = planFarm(goal, observed, nowMs, modelDecides);
  const gateways = { ready: 1, wanted: 1, outdated: 0 };
  const images = { runs: { image: "vaultfarm:1", behaviourVersion: 1 }, offered: "vaultfarm:1" };
  return statusOf({ goal, observed, actions, gateways, images, selector: "vaultfarm.dev/farm=attic", zoneKey: "zone", nowMs, ...seen });
}
const reasons = (status: FarmStatusNow): Readonly<Record<string, string>> =>
  Object.fromEntries(status.conditions.map(({ type, reason }) => [type, reason]));

test("a farm at rest: every condition of the catalogue, all of them good", () => {
  const status = show();
  assert.deepEqual(
    status.conditions.map(({ type }) => type),
    Object.keys(farmConditions),
  );
  assert.deepEqual(reasons(status), {
    Ready: "AllNodesReady",
    Progressing: "Settled",
    Degraded: "AllWell",
    DataAtRisk: "EnoughCopies",
    Draining: "NoDrain",
    NoSpareNode: "Spare",
    CapacityLow: "Enough",
    SpreadSatisfied: "NoZones",
    NetworkJoined: "Joined",
    GatewayReady: "Answering",
    MonitoringReady: "NoneWanted",
    SpecAccepted: "Accepted",
    UpdateAvailable: "SameImage",
    Paused: "NotPaused",
  });
  assert.deepEqual([status.nodes, status.readyNodes, status.capacity, status.used, status.plan], [5, 5, "5Gi", "0", []]);
});

const { report: _, ...silentA } = podNode("a", names);
const states: readonly (readonly [string, Change, Readonly<Record<string, string>>])[] = [
  ["a new farm", { nodes: [] }, { Ready: "NodesNotReady", Progressing: "Working", NetworkJoined: "Asleep", CapacityLow: "NotKnown" }],
  ["a refused one", { nodes: [], goal: { nodes: 3 } }, { Ready: "SpecRefused", SpecAccepted: "FewerNodesThanCopies" }],
  [
    "too few wanted",
    { goal: { nodes: 3 } },
    { Ready: "SpecNotCarriedOut", SpecAccepted: "FewerNodesThanCopies", Progressing: "SpecNotCarriedOut" },
  ],
  [
    "hibernating",
    { goal: { nodes: 0, running: false }, nodes: five(Object.fromEntries(names.map((name) => [name, down]))) },
    { Ready: "Hibernating", SpecAccepted: "Accepted", GatewayReady: "Asleep" },
  ],
  [
    "going to hibernate while the node of a deleted claim hands over",
    { goal: { nodes: 0, running: false }, nodes: five({ a: { volume: "terminating" } }) },
    { Ready: "GoingToSleep", Progressing: "Working" },
  ],
  ["paused", { goal: { paused: true, nodes: 7 } }, { Paused: "PausedBySpec", Progressing: "Halted" }],
  ["surplus", { goal: { nodes: 4 } }, { Progressing: "Working", Draining: "NoDrain" }],
  [
    "draining",
    {
      goal: { nodes: 4 },
      nodes: five({
        a: {
          assigned: { leaving: "ScaleDown" },
          evidence: { purpose: "removal", among: [], problem: { why: "412 chunks would have too few copies", short: 412 } },
        },
      }),
    },
    { Draining: "HandingOver", NoSpareNode: "ExactlyMin" },
  ],
  [
    "blocked",
    { goal: { nodes: 4 }, nodes: [{ ...silentA, assigned: { leaving: "ScaleDown" } }, ...five().slice(1)] },
    { Draining: "Blocked" },
  ],
  [
    "a node away",
    { nodes: five({ a: { ...down, awaySinceMs: nowMs - 1000, hostState: "gone" } }) },
    { Degraded: "NodesMissing", Ready: "NodesNotReady" },
  ],
  ["another identity", { nodes: five({ a: { formerPeerId: podNode("z").peerId ?? assert.fail() } }) }, { Degraded: "IdentityChanged" }],
  ["a volume gone", { nodes: five({ a: { volume: "absent" } }) }, { Degraded: "VolumeMissing" }],
  ["a claim deleted", { nodes: five({ a: { volume: "terminating" } }) }, { Degraded: "VolumeBeingDeleted" }],
  ["a claim that hangs", { farm: { held: ["b (x/y)"] } }, { Degraded: "VolumeHeld" }],
  [
    "a node that comes up by itself",
    { nodes: five({ a: { state: { kind: "starting", sinceMs: nowMs - 1000 } } }) },
    { Progressing: "Waiting" },
  ],
  ["another's pods", { farm: { strangers: ["shop-x"] } }, { Degraded: "SelectorClash", Ready: "AllNodesReady" }],
  ["another's Service", { farm: { foreign: ["Service attic-gateway"] } }, { Degraded: "ForeignObjects" }],
  ["a call forbidden", { seen: { refusedCall: "create pods: no" } }, { Degraded: "CallRefused", Ready: "AllNodesReady" }],
  [
    "a status that is refused",
    { seen: { unshown: [{ name: "a", why: "status.peerId: no" }] } },
    { Degraded: "StatusRefused", Ready: "AllNodesReady" },
  ],
  ["one by hand", { nodes: [...five(), podNode("hand", names, { byHand: true })] }, { Degraded: "SurplusNodes" }],
  ["copies missing", { farm: { copies: { belowMin: 412, lowest: 3, sinceMs: 0 } } }, { DataAtRisk: "BelowMin" }],
  [
    "nearly full",
    { nodes: five(Object.fromEntries(names.map((name) => [name, { report: { ...report, used: 0.9 * gib } }]))) },
    { CapacityLow: "NearlyFull" },
  ],
  [
    "in one zone",
    { nodes: five(Object.fromEntries(names.map((name) => [name, { zone: "a" }]))), farm: { zones: ["a", "b"] } },
    { SpreadSatisfied: "Uneven" },
  ],
  [
    "cut in two",
    { nodes: five({ a: { report: { ...report, partitioned: "partitioned (2 of 5 reachable, 3 needed)" } } }) },
    { NetworkJoined: "Partitioned" },
  ],
  [
    "just started, and too few met yet",
    {
      nodes: five({
        a: {
          state: { kind: "ready", sinceMs: nowMs - 1000 },
          report: { ...report, partitioned: "partitioned (1 of 5 reachable, 3 needed)" },
        },
      }),
    },
    { NetworkJoined: "Meeting" },
  ],
  ["no gateway up", { seen: { gateways: { ready: 0, wanted: 2, outdated: 0 } } }, { GatewayReady: "NoneReady", Ready: "GatewaysNotReady" }],
  ["gateways whose successors do not answer", { seen: { gateways: { ready: 2, wanted: 2, outdated: 1 } } }, { GatewayReady: "Renewing" }],
  ["Prometheus told", { seen: { monitoring: { name: "attic-metrics", state: "made" } } }, { MonitoringReady: "Announced" }],
  ["a paused farm's ServiceMonitor", { seen: { monitoring: { name: "a", state: "not-looked-at" } } }, { MonitoringReady: "Halted" }],
  ...([true, false] as const).map(
    (lacksKind) =>
      [
        `a ServiceMonitor refused, ${lacksKind ? "for want of its kind" : "of a known kind"}`,
        { seen: { monitoring: { name: "a", state: { kind: "ServiceMonitor", why: "no", lacksKind } } } },
        { MonitoringReady: lacksKind ? "NoPrometheusOperator" : "NotAnnounced", Ready: "AllNodesReady" },
      ] as const,
  ),
];
for (const [what, change, expected] of states)
  test(`${what}: ${Object.values(expected).join(", ")}`, () => {
    const status = show(change);
    const shown = reasons(status);
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((type) => [type, shown[type]])), expected);
    for (const { message, type } of status.conditions) assert.doesNotMatch(message, /\{\w+\}/, `${type} has all its facts`);
  });

test("a node that a person keeps apart is named where nodes are missing", () => {
  const ready = show({ nodes: five({ a: { desired: "Fenced", report: { ...report, admin: "fenced" } } }) }).conditions.find(
    ({ type }) => type === "Ready",
  );
  assert.match(ready?.message ?? "", /4 of 5 nodes are ready; fenced or offline: a\./);
});

test("what is shown is what the kinds allow", () => {
  const conditions = mergeConditions(undefined, show({ goal: { nodes: 9 } }).conditions, 3, "2026-11-28T03:00:00Z");
  vaultFarmStatusSchema.parse({ ...show({ goal: { nodes: 9 } }), conditions, observedGeneration: 3 });
  const peerId = parsePeerId("12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X") ?? assert.fail();
  const node = podNode("a", names, {
    peerId,
    assigned: { leaving: "ScaleDown" },
    evidence: { purpose: "removal", among: [], problem: { why: "x", short: 7 } },
  });
  const shown = nodeStatusOf(node, goalWith());
  assert.deepEqual([shown.state, shown.ready, shown.atRiskIfStopped, shown.drain, shown.score], ["Draining", true, 7, { left: 7 }, "1.00"]);
  vaultNodeStatusSchema.parse({ ...shown, conditions: mergeConditions(undefined, shown.conditions, 1, "2026-11-28T03:00:00Z") });
});

test("a node that does not answer is shown with what it reported last, and the farm does not shrink by it", () => {
  const { report: lastReport, ...silent } = podNode("b", names);
  assert.ok(lastReport !== undefined);
  const status = show({ nodes: five().map((node) => (node.name === "b" ? { ...silent, lastReport } : node)) });
  assert.deepEqual([status.capacity, status.used, status.readyNodes], [show().capacity, show().used, 5]);
  assert.equal(nodeStatusOf({ ...silent, lastReport }, goalWith()).capacity, nodeStatusOf(podNode("b", names), goalWith()).capacity);
  assert.equal(nodeStatusOf(silent, goalWith()).capacity, undefined, "of one that never answered nothing is known");
});

test("numbers have two digits", () => {
  assert.deepEqual([0, 7, 412, 123_456].map(roundedCount), [0, 7, 410, 120_000]);
  assert.deepEqual([0, 999, 1.26 * gib, 12 * gib, 950 * 2 ** 20].map(roundedBytes), ["0", "1000", "1.3Gi", "12Gi", "950Mi"]);
});

test("a time changes with the status of its condition only", () => {
  const first = mergeConditions(undefined, show().conditions, 1, "2026-11-28T03:00:00Z");
  const second = mergeConditions(first, show({ goal: { nodes: 9 } }).conditions, 2, "2026-11-28T04:00:00Z");
  const timeOf = (type: string): string | undefined => second.find((condition) => condition.type === type)?.lastTransitionTime;
  assert.deepEqual([timeOf("Ready"), timeOf("Paused")], ["2026-11-28T04:00:00Z", "2026-11-28T03:00:00Z"]);
});

test("a status is written at once when it means something else, within five minutes for numbers, never for nothing", () => {
  const written = {
    ...show(),
    conditions: mergeConditions(undefined, show().conditions, 1, "2026-11-28T03:00:00Z"),
    observedGeneration: 1,
  };
  const reordered = Object.fromEntries(Object.entries(structuredClone(written)).reverse());
  assert.equal(mustWrite(written, reordered, 1e9), false);
  const fuller = { ...written, used: "1Gi" };
  assert.deepEqual([mustWrite(written, fuller, 1000), mustWrite(written, fuller, 300_000)], [false, true]);
  assert.equal(mustWrite(written, { ...written, readyNodes: 4 }, 0), true);
  assert.equal(mustWrite(written, { ...written, observedGeneration: 2 }, 0), true);
  assert.equal(mustWrite(undefined, written, 0), true);
  assert.equal(mustWrite({ ...written, earned: 5 }, written, 300_000), true, "written by somebody else");
});

test("conditions of types that are others' are no reason to write, at once or later", () => {
  const written = {
    ...show(),
    conditions: mergeConditions(undefined, show().conditions, 1, "2026-11-28T03:00:00Z"),
    observedGeneration: 1,
  };
  const theirs = { type: "Backed", status: "True", reason: "Nightly", message: "x" };
  const shown = { ...written, conditions: [theirs, ...written.conditions] };
  assert.deepEqual([mustWrite(shown, written, 0), mustWrite(shown, written, 1e9)], [false, false]);
  assert.equal(mustWrite({ ...shown, conditions: shown.conditions.slice(0, -1) }, written, 0), true, "one of ours is missing");
});

test("another trouble under the same reason is written at once; numbers and names of tries are none", () => {
  const saying = (condition: string, message: string) => {
    const [type = "", status = "", reason = ""] = condition.split(" ");
    return { observedGeneration: 1, conditions: [{ type, status, reason, message }] };
  };
  const writes = (condition: string, was: string, is: string): boolean => mustWrite(saying(condition, was), saying(condition, is), 0);
  assert.equal(writes("SpecAccepted False Invalid", "spec.a: bad", "spec.b: bad"), true);
  assert.equal(writes("Degraded True NodesMissing", "attic-x7k2p not reachable", "attic-x3k9p not reachable"), true);
  assert.equal(writes("Degraded True NodesMissing", "a, b, c and 4 more", "a, b, c and 12 more"), false);
  assert.equal(writes("SpecAccepted False StoredDoesNotFit", "1.3Gi of 10% used", "1.4Gi of 12% used"), false);
  assert.equal(writes("Degraded True CallRefused", "pods attic-aaaaa: no", "pods attic-bbbbb: no"), false);
  assert.equal(writes("Ready False NodesNotReady", "4 of 5; a starts", "4 of 5; b starts"), false, "it follows the plan");
});

test("a spec is judged with a reason and the fields that are wrong; settings alone make another template", () => {
  const good = judgeSpec({ replicas: 5, vaultCapacity: "1Gi" });
  assert.ok(good.ok);
  const wrong = judgeSpec({ replicas: 5, vaultCapacity: "10 Gibibytes" });
  assert.ok(!wrong.ok && wrong.reason === "Invalid" && wrong.problems[0]?.field === "spec.vaultCapacity");
  const fixed = { copies: { min: 3, target: 5, max: 8 }, vaultsPerNode: 1 };
  const changed = judgeSpec({ replicas: 5, vaultCapacity: "1Gi" }, fixed);
  assert.ok(!changed.ok && changed.reason === "FixedField");
  assert.match(changed.problems[0]?.message ?? "", /^spec\.copies\.min: fixed at 3 when the network began, got 4$/);
  const template = (spec: object): string => {
    const judged = judgeSpec({ replicas: 5, vaultCapacity: "1Gi", ...spec });
    return judged.ok ? clusterGoal(judged.spec).template : assert.fail();
  };
  assert.equal(
    template({ replicas: 9, vaultCapacity: "2Gi", gateway: { replicas: 3 } }),
    template({}),
    "counts, capacity and gateways start no node anew",
  );
  assert.notEqual(template({ pod: { nodeSelector: { disk: "ssd" } } }), template({}));
});

test("what two parts of a plan wait for alike is told once, and after what is done", () => {
  const wait = { kind: "wait", name: "a", why: "it is stopping" } as const;
  const done = { kind: "stop-node", name: "b", why: "it may go" } as const;
  assert.deepEqual(
    planSteps([wait, done, { ...wait }]).map(({ node, why }) => [node, why]),
    [
      ["b", "it may go"],
      ["a", "it is stopping"],
    ],
  );
});
