// Proves that never two lead: a leader counts itself out before another counts it out, gives the lease back when it stops,
// and a dead one is followed within the promised time. Method: several electors on one lease in virtual time, through the
// objects of the in-process API server, with calls that fail or hang on demand; the decision alone in a table.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { ApiFault, createFakeObjects, type FakeObjects } from "../../../test/support/fake-api-objects.ts";
import { silentElectorMetrics } from "../../../test/support/kube-silence.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createElector, type Elector, type ElectorTools } from "./elector.ts";
import { answerError, KubeError, type Result } from "./errors.ts";
import { decideLease, heldLease, type Lease, leases, microTime, notedLease, observe, ownedLease } from "./lease-decision.ts";
import { collectionPath, type KubeObject, type OwnerReference } from "./resource.ts";

type Mode = "works" | "fails" | "hangs";
type Line = { mode: Mode };
const place = { namespace: "ns", name: "lease" };
const collection = collectionPath(leases);
const never = new AbortController().signal;

/** A client on `objects` whose calls go as `line` says. */
function clientOf(objects: FakeObjects, clock: VirtualClock, line: Line): ElectorTools["client"] {
  const answer = async <T extends KubeObject>(act: () => KubeObject, options: { timeoutMs?: number } = {}): Promise<Result<T>> => {
    if (line.mode === "hangs") await clock.sleep(options.timeoutMs ?? 30_000);
    if (line.mode !== "works") return { ok: false, error: new KubeError("unreachable", "no connection") };
    try {
      return { ok: true, value: structuredClone(act()) as T };
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      return { ok: false, error: answerError("call", error.status, { message: error.message, reason: error.reason }) };
    }
  };
  const write = { manager: "elector", subresource: undefined };
  return {
    get: (_resource, name, options) => answer(() => objects.get(collection, name), options),
    create: (_resource, object, options) => answer(() => objects.create(collection, object, write), options),
    update: (_resource, object, options) => answer(() => objects.replace(collection, object, write), options),
  };
}

type World = {
  readonly clock: VirtualClock;
  readonly objects: FakeObjects;
  add(identity: string, owner?: OwnerReference): { elector: Elector; line: Line };
};

function createWorld(): World {
  const clock = createVirtualClock();
  const objects = createFakeObjects();
  return {
    clock,
    objects,
    add: (identity, owner) => {
      const line: Line = { mode: "works" };
      const client = clientOf(objects, clock, line);
      const tools = { client, clock, random: seededRandom(identity.length), log: silentLog, metrics: silentElectorMetrics };
      return { elector: createElector({ ...place, identity, owner: async () => owner }, tools), line };
    },
  };
}

const holder = ({ objects }: World): string | null | undefined => (objects.get(collection, place) as Lease).spec?.holderIdentity;

test("one of three leads; when it stops another leads at its next look", async () => {
  const world = createWorld();
  const all = ["a", "bb", "ccc"].map((identity) => world.add(identity).elector);
  for (const elector of all) await elector.start?.(never);
  await world.clock.advance(60_000);
  assert.deepEqual(
    all.map((elector) => elector.leading()),
    [true, false, false],
  );
  assert.equal(holder(world), "a");
  await all[0]?.stop?.();
  assert.equal(holder(world), "");
  await world.clock.advance(2500);
  assert.equal(all.filter((elector) => elector.leading()).length, 1);
  for (const elector of all) await elector.stop?.();
});

for (const mode of ["fails", "hangs"] as const) {
  test(`a leader whose calls ${mode === "fails" ? "fail" : "hang"} gives up within 10 s, before another takes over within 20 s`, async () => {
    const world = createWorld();
    const [first, second] = [world.add("a"), world.add("bb")];
    await first.elector.start?.(never);
    await world.clock.advance(1);
    await second.elector.start?.(never);
    await world.clock.advance(30_000);
    assert.equal(first.elector.leading(), true);
    first.line.mode = mode;
    let lost = false;
    void first.elector.lost.then(() => {
      lost = true;
    });
    let bothMs = 0;
    let noneMs = 0;
    for (let ms = 0; ms < 20_000; ms += 100) {
      await world.clock.advance(100);
      const leaders = [first, second].filter(({ elector }) => elector.leading()).length;
      if (leaders > 1) bothMs += 100;
      if (leaders === 0) noneMs += 100;
    }
    assert.equal(bothMs, 0, "two led at once");
    assert.ok(noneMs > 0, "nobody led between");
    assert.equal(lost, true);
    assert.deepEqual([first.elector.leading(), second.elector.leading()], [false, true]);
    first.line.mode = "works";
    await world.clock.advance(60_000);
    assert.equal(first.elector.leading(), false, "who lost does not come back: its program ends");
    for (const { elector } of [first, second]) await elector.stop?.();
  });
}

test("a short failure costs nothing, and a stolen lease is noticed at the next renewal", async () => {
  const world = createWorld();
  const { elector, line } = world.add("a");
  await elector.start?.(never);
  await world.clock.advance(10_000);
  line.mode = "fails";
  await world.clock.advance(7000);
  line.mode = "works";
  await world.clock.advance(10_000);
  assert.equal(elector.leading(), true);
  const lease = world.objects.get(collection, place) as Lease;
  world.objects.replace(collection, { ...lease, spec: { ...lease.spec, holderIdentity: "thief" } } as Lease, {
    manager: "thief",
    subresource: undefined,
  });
  await world.clock.advance(2100);
  assert.equal(elector.leading(), false);
  await elector.stop?.();
  assert.equal(holder(world), "thief", "what is another's is not given back");
});

test("who stops without having led writes nothing", async () => {
  const world = createWorld();
  const [first, second] = [world.add("a").elector, world.add("bb").elector];
  await first.start?.(never);
  await world.clock.advance(1);
  await second.start?.(never);
  await world.clock.advance(4000);
  await second.stop?.();
  assert.equal(holder(world), "a");
  await first.stop?.();
});

test("a lease is judged by when we saw it change, not by its times", () => {
  const lease = (holderIdentity: string, resourceVersion: string): Lease => ({
    metadata: { ...place, resourceVersion },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: "1999-01-01T00:00:00.000000Z" },
  });
  const seen = observe(undefined, lease("other", "1"), 1000);
  assert.equal(decideLease(seen, "me", 15_999), "wait");
  assert.equal(decideLease(seen, "me", 16_000), "take");
  assert.equal(observe(seen, lease("other", "1"), 9000).sinceMs, 1000, "the same version again is no renewal");
  assert.equal(observe(seen, lease("other", "2"), 9000).sinceMs, 9000);
  assert.equal(decideLease(observe(undefined, lease("", "3"), 0), "me", 0), "take");
  assert.equal(decideLease(observe(undefined, lease("me", "3"), 0), "me", 0), "renew");
});

test("times have six digits, taking counts a transition, renewing keeps when it was taken", () => {
  assert.equal(microTime(1_800_000_000_123), "2027-01-15T08:00:00.123000Z");
  const taken = heldLease(place, undefined, "a", 1_800_000_000_000);
  const renewed = heldLease(place, taken, "a", 1_800_000_002_000);
  const stolen = heldLease(place, renewed, "b", 1_800_000_020_000);
  assert.deepEqual(
    [taken, renewed, stolen].map(({ spec }) => spec?.leaseTransitions),
    [0, 0, 1],
  );
  assert.equal(renewed.spec?.acquireTime, taken.spec?.acquireTime);
  assert.notEqual(stolen.spec?.acquireTime, taken.spec?.acquireTime);
});

const operator = (uid: string): OwnerReference => ({ apiVersion: "apps/v1", kind: "Deployment", name: "operator", uid });

test("a lease goes with what its holder runs in: collected with it, nobody waits for it to run out", async () => {
  const world = createWorld();
  const owners = (): unknown => world.objects.get(collection, place).metadata.ownerReferences;
  const first = world.add("first", operator("1"));
  await first.elector.start?.(never);
  await world.clock.runUntil(first.elector.whenLeading(never));
  assert.deepEqual(owners(), [operator("1")]);
  // Its right is taken away before it can give the lease back; then the server collects what was owned.
  first.line.mode = "fails";
  await world.clock.runUntil(Promise.resolve(first.elector.stop?.()));
  world.objects.remove(collection, place, {});
  const second = world.add("second", operator("2"));
  const fromMs = world.clock.monotonicMs();
  await second.elector.start?.(never);
  await world.clock.runUntil(second.elector.whenLeading(never));
  assert.ok(world.clock.monotonicMs() - fromMs < 1000);
  assert.deepEqual(owners(), [operator("2")]);
  await world.clock.runUntil(Promise.resolve(second.elector.stop?.()));
});

test("whoever takes over a lease has it go with its own Deployment, not with its forerunner's", () => {
  const before = ownedLease(heldLease(place, undefined, "a", 0), operator("1"));
  assert.deepEqual(ownedLease(heldLease(place, before, "b", 20_000), operator("2")).metadata.ownerReferences, [operator("2")]);
  assert.deepEqual(ownedLease(before, undefined), before);
});

test("a lease says what its holder says of itself, and keeps what others noted on it", () => {
  const before = { metadata: { ...place, annotations: { watches: "old", other: "kept" } } };
  assert.deepEqual(notedLease(before, { watches: "new" }).metadata.annotations, { watches: "new", other: "kept" });
  assert.equal(notedLease(before, {}), before);
});
