// Proves that actions become what they say in a cluster and nothing beyond it: what is kept outlives its claim or nothing is taken away, an
// object of the same name is never touched, a node that refuses to go runs on, and one call that fails costs no more than it must.
// Method: single actions over an API server in memory; nodes answer commands as the case says.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryKube, forbidden, type MemoryKube } from "../../../test/support/operator/memory-kube.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { vaultFarmSpecSchema } from "../api/vault-farm.ts";
import type { AssignedSpec } from "../api/vault-node.ts";
import { type KubeClient, KubeError, type KubeObject, type Resource } from "../kube/index.ts";
import { collectionPath } from "../kube/resource.ts";
import { annotations, nodePodLabels, ownedByNode } from "../manifests/names.ts";
import { vaultNodeRecord } from "../manifests/vault-node-record.ts";
import { volumeClaim } from "../manifests/volume-claim.ts";
import type { CommandOutcome, NodeCommander } from "../node-access/node-commander.ts";
import type { FarmAction } from "../vault-farm/actions.ts";
import { clusterGoal } from "../vault-farm/goal.ts";
import type { ObservedNode, StopEvidence } from "../vault-farm/observed.ts";
import { farmOf, podNode } from "../vault-farm/plan-fixture.ts";
import { carryOut } from "./farm-hands.ts";
import { createFarmMemory } from "./farm-memory.ts";
import type { FarmHands } from "./hands.ts";
import { drawNodeName } from "./node-name.ts";
import { createObjectWriter } from "./object-writer.ts";
import { claims, leanClaim, leanPod, nodeRecords, pods, volumes } from "./resources.ts";

const farm = { name: "attic", namespace: "farms", uid: "farm-1" };
const spec = vaultFarmSpecSchema.parse({ replicas: 5, vaultCapacity: "1Gi" });
const keyOf = (byte: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(byte));
const [owner, admin] = [keyOf(1), keyOf(2)];
const genesis = createGenesis({ name: "attic", copies: spec.copies, placeUnit: 1, createdAt: 0 }, owner);
const by = { manager: "vaultfarm-operator", subresource: undefined };
const name = "attic-aaaaa";
const why = "the test wants it";
const gib = 2 ** 30;

type Bench = {
  readonly kube: MemoryKube;
  readonly hands: FarmHands;
  /** Whatever was asked of nodes, in order, and how pods were deleted. */
  readonly told: string[];
  thereIs(resource: Resource, name?: string): boolean;
  carryOut(...actions: FarmAction[]): Promise<void>;
};

type Case = {
  readonly assigned?: AssignedSpec;
  readonly node?: Partial<ObservedNode>;
  readonly evidence?: StopEvidence;
  readonly answer?: CommandOutcome;
};

/** A farm with one node, all of whose objects are there. */
function bench({ assigned = {}, node = {}, evidence, answer = { ok: true } }: Case = {}): Bench {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  const make = (resource: Resource, object: KubeObject): KubeObject => kube.objects.create(collectionPath(resource), object, by);
  const record = make(nodeRecords, vaultNodeRecord(farm, name, assigned));
  const claim = make(claims, withVolume(volumeClaim({ farm, name, storage: spec.storage, bytes: 2 * gib })));
  const owners = [ownedByNode({ name, uid: record.metadata.uid ?? "" })];
  const labels = nodePodLabels(farm, name);
  const ip = { status: { podIP: "10.0.0.1" } };
  const pod = make(pods, { metadata: { name, namespace: "farms", labels, ownerReferences: owners }, ...ip } as KubeObject);
  make(volumes, { metadata: { name: "pv-1" } });
  const memory = createFarmMemory();
  if (evidence !== undefined) memory.setEvidence(name, evidence);
  const told: string[] = [];
  const hands: FarmHands = {
    ...{ farm, spec, goal: clusterGoal(spec), memory, clock, random: seededRandom(7), log: silentLog },
    observed: farmOf([podNode(name, [], { assigned, ...node })]),
    parts: { records: [record], claims: [leanClaim(claim)], pods: [leanPod(pod)] },
    keys: { genesis, owner, admin },
    commander: answering(answer, told),
    client: kube.client,
    writer: createObjectWriter(notingGrace(kube.client, told), { wrote: () => {}, deleted: () => {}, areSeen: () => true }),
    turn: { keep: () => {}, giveBack: () => {} },
    statusWriter: { warnOfStrays: () => {} },
    image: { image: "vaultfarm:1", pullPolicy: "IfNotPresent", pullSecrets: [] },
    metrics: { acted: () => {}, proved: () => {} },
    signal: new AbortController().signal,
  };
  const thereIs = (resource: Resource, one = name): boolean =>
    kube.objects.list(collectionPath(resource), undefined).some(({ metadata }) => metadata.name === one);
  return { kube, hands, told, thereIs, carryOut: (...actions) => carryOut(actions, hands) };
}

function withVolume(claim: KubeObject): KubeObject {
  return { ...claim, spec: { ...(Reflect.get(claim, "spec") as object), volumeName: "pv-1" } } as KubeObject;
}

function answering(answer: CommandOutcome, told: string[]): NodeCommander {
  const note = (what: string) => async (): Promise<CommandOutcome> => {
    told.push(what);
    return answer;
  };
  const unasked = (): never => assert.fail("nobody asks this here");
  const [grant, tellPeers, setDesired, leave] = [note("grant"), note("tell-peers"), note("set-desired"), note("leave")];
  return { grant, tellPeers, setDesired, leave, certify: unasked, safeToStop: unasked, witnessStop: unasked };
}

function notingGrace(client: KubeClient, told: string[]): KubeClient {
  const remove: KubeClient["remove"] = (resource, at, options = {}) => {
    if (resource.plural === pods.plural) told.push(`delete pod, grace ${options.gracePeriodSeconds ?? "its own"}`);
    return client.remove(resource, at, options);
  };
  return { ...client, remove };
}

const volumeOf = ({ kube }: Bench): unknown => {
  const volume = kube.objects.get(collectionPath(volumes), { name: "pv-1" }) as KubeObject & { spec?: object };
  return [volume.spec, volume.metadata.annotations];
};
const removal = (volume: "keep" | "delete"): FarmAction => ({ kind: "remove-node", name, volume, why });

test("a node is taken away with its record; a volume that is kept is marked before its claim goes, one that is not is left to its class", async () => {
  const kept = bench();
  kept.kube.fault = ({ resource, verb }) => {
    if (resource === "persistentvolumeclaims" && verb === "delete") assert.deepEqual(volumeOf(kept), retained);
    return undefined;
  };
  const retained = [{ persistentVolumeReclaimPolicy: "Retain" }, { [annotations.keptFor]: "farms/attic-aaaaa" }];
  await kept.carryOut(removal("keep"));
  const deleted = bench();
  await deleted.carryOut(removal("delete"));
  assert.deepEqual([volumeOf(kept), volumeOf(deleted)], [retained, [undefined, undefined]]);
  for (const { thereIs } of [kept, deleted])
    assert.deepEqual([thereIs(pods), thereIs(claims), thereIs(nodeRecords), thereIs(volumes, "pv-1")], [false, false, false, true]);
});

test("where a volume cannot be marked to be kept, for whatever reason, its claim and its record stay; one that is gone is no reason", async () => {
  for (const fault of ["before", "after", forbidden("patch", volumes), new KubeError("conflict", "changed meanwhile")] as const) {
    const { kube, thereIs, carryOut } = bench();
    kube.fault = ({ resource }) => (resource === "persistentvolumes" ? fault : undefined);
    await assert.rejects(carryOut(removal("keep")));
    assert.deepEqual([thereIs(claims), thereIs(nodeRecords)], [true, true], String(fault));
  }
  const { kube, thereIs, carryOut } = bench();
  kube.objects.remove(collectionPath(volumes), { name: "pv-1" }, {});
  await carryOut(removal("keep"));
  assert.deepEqual([thereIs(claims), thereIs(nodeRecords)], [false, false]);
});

test("a claim that somebody made anew under the name stays with what is on it, and so does the record", async () => {
  const { kube, thereIs, carryOut } = bench();
  kube.objects.remove(collectionPath(claims), { namespace: "farms", name }, {});
  kube.objects.create(collectionPath(claims), { metadata: { name, namespace: "farms" } }, by);
  await assert.rejects(carryOut(removal("delete")), /does not match/);
  assert.deepEqual([thereIs(claims), thereIs(nodeRecords)], [true, true]);
});

test("only on a machine that is gone is a pod deleted without its time to stop; anywhere else two would write to one volume", async () => {
  for (const [hostState, grace] of [
    ["gone", "0"],
    ["leaving", "its own"],
    ["fine", "its own"],
  ] as const) {
    const { told, carryOut } = bench({ node: { hostState } });
    await carryOut(removal("keep"));
    assert.deepEqual(told, [`delete pod, grace ${grace}`], hostState);
  }
});

test("somebody else's finalizer on a record is not taken off with ours", async () => {
  const { kube, carryOut } = bench();
  const at = { namespace: "farms", name };
  const own = kube.objects.get(collectionPath(nodeRecords), at).metadata.finalizers ?? [];
  kube.objects.merge(collectionPath(nodeRecords), at, { metadata: { finalizers: [...own, "backup.example/snapshot"] } }, by);
  await carryOut(removal("keep"));
  const { finalizers, deletionTimestamp } = kube.objects.get(collectionPath(nodeRecords), at).metadata;
  assert.deepEqual([finalizers, deletionTimestamp !== undefined], [["backup.example/snapshot"], true]);
});

const pair = { statement: new Uint8Array(1), witness: new Uint8Array(1), takenAtMs: 0 };
const evidence: StopEvidence = { purpose: "removal", among: [], first: pair };
const stop: FarmAction = { kind: "stop-node", name, why };

test("a released node is told that it leaves before it is stopped, and runs on where it refuses; what was proven is then worth nothing", async () => {
  const released: AssignedSpec = { leaving: "ScaleDown", released: true };
  const refusal: CommandOutcome = { ok: false, why: "two copies are missing", reason: "refused" };
  const cases: readonly (readonly [Case, readonly string[], boolean])[] = [
    [{ assigned: released, evidence }, ["leave", "delete pod, grace its own"], false],
    [
      { assigned: released, evidence, answer: { ok: false, why: "no answer", reason: "no-answer" } },
      ["leave", "delete pod, grace its own"],
      false,
    ],
    [{ assigned: released, evidence, answer: refusal }, ["leave"], true],
    [{ assigned: released }, ["delete pod, grace its own"], false],
    // One that comes back says no goodbye.
    [{ assigned: {}, evidence: { ...evidence, purpose: "restart" } }, ["delete pod, grace its own"], false],
  ];
  for (const [what, asked, runs] of cases) {
    const { told, thereIs, hands, carryOut } = bench(what);
    await carryOut(stop);
    assert.deepEqual([told, thereIs(pods)], [asked, runs], JSON.stringify(what));
    if (runs) assert.match(hands.memory.node(name).evidence?.problem?.why ?? "", /two copies are missing/);
    if (runs) assert.equal(hands.memory.node(name).evidence?.first, undefined);
  }
});

test("a volume grows where less was asked for, and is never asked to become smaller", async () => {
  for (const [bytes, asked] of [
    [3 * gib, "3072Mi"],
    [2 * gib, "2048Mi"],
    [gib, "2048Mi"],
  ] as const) {
    const { kube, carryOut } = bench();
    const calls = kube.uses.length;
    await carryOut({ kind: "grow-volume", name, bytes, why });
    const claim = kube.objects.get(collectionPath(claims), { namespace: "farms", name }) as KubeObject & { spec?: unknown };
    assert.match(JSON.stringify(claim.spec), new RegExp(`"storage":"${asked}"`));
    assert.equal(kube.uses.length - calls, asked === "3072Mi" ? 1 : 0);
  }
});

test("a new node never takes the name of an object that is there, whosever that is; where that cannot be seen none is made", async () => {
  const drawn = await drawNodeName("attic", seededRandom(7), async () => false);
  for (const resource of [claims, nodeRecords]) {
    const { kube, hands, carryOut } = bench();
    const foreign = kube.objects.create(collectionPath(resource), { metadata: { name: drawn, namespace: "farms" } }, by);
    await carryOut({ kind: "create-node", zone: "", why });
    assert.equal(hands.memory.wasMade(drawn), false);
    assert.deepEqual(kube.objects.get(collectionPath(resource), { namespace: "farms", name: drawn }), foreign);
    assert.equal(kube.objects.list(collectionPath(pods), "farms").length, 2);
  }
  const { kube, carryOut } = bench();
  kube.fault = ({ verb, resource }) => (verb === "get" && resource === "persistentvolumeclaims" ? forbidden("get", claims) : undefined);
  await assert.rejects(carryOut({ kind: "create-node", zone: "", why }), /cannot get/);
  assert.deepEqual(
    [kube.objects.list(collectionPath(pods), "farms").length, kube.objects.list(collectionPath(claims), "farms").length],
    [1, 1],
  );
});

test("what is forbidden for one action keeps no other, and is thrown in the end; any other failure ends the look", async () => {
  const grow: FarmAction = { kind: "grow-volume", name, bytes: 3 * gib, why };
  for (const [fault, after] of [
    [forbidden("patch", claims), false],
    [new KubeError("server", "it is broken"), true],
  ] as const) {
    const { kube, thereIs, carryOut } = bench();
    kube.fault = ({ verb, resource }) => (verb === "patch" && resource === "persistentvolumeclaims" ? fault : undefined);
    await assert.rejects(carryOut(grow, stop), fault);
    assert.equal(thereIs(pods), after);
  }
});

test("peers count as told only once the node took them", async () => {
  const tell: FarmAction = { kind: "tell-peers", name, peers: ["attic-bbbbb"], why };
  for (const [answer, told] of [
    [{ ok: true }, ["attic-bbbbb"]],
    [{ ok: false, why: "no answer", reason: "no-answer" }, []],
  ] as const) {
    const { hands, carryOut } = bench({ answer });
    await carryOut(tell);
    assert.deepEqual(hands.memory.node(name).told, told);
  }
});
