// Proves of what is kept of objects that nothing large or foreign is in it, and that what is decided by still is: there are ten
// thousand of each.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { KubeObject } from "../kube/index.ts";
import { withKeptTemplate } from "../manifests/kept-template.ts";
import { annotations } from "../manifests/names.ts";
import { leanClaim, leanConfigMap, leanDeployment, leanPod } from "./resources.ts";

const notes = { [annotations.template]: "t1", "cni.example/status": "x".repeat(500) };
const object = (rest: object, of: Readonly<Record<string, string>> = notes): KubeObject => ({
  ...rest,
  metadata: { name: "attic-aaaaa", namespace: "farms", uid: "u", resourceVersion: "7", annotations: of },
});

test("of pods and claims annotations of others are not kept", () => {
  assert.deepEqual(leanPod(object({ spec: {}, status: {} })).metadata.annotations, { [annotations.template]: "t1" });
  assert.deepEqual(leanClaim(object({ spec: {}, status: {} })).metadata.annotations, { [annotations.template]: "t1" });
  assert.ok(!("annotations" in leanClaim(object({ spec: {} }, { "pv.kubernetes.io/bind-completed": "yes" })).metadata));
});

test("of a pod that is not ready it is kept since when, of one that is nothing", () => {
  const pod = (status: string): KubeObject => {
    const conditions = [{ type: "Ready", status, lastTransitionTime: "2027-01-01T00:08:00Z" }];
    return object({ spec: {}, status: { startTime: "2027-01-01T00:00:00Z", conditions } });
  };
  assert.deepEqual([leanPod(pod("False")).ready, leanPod(pod("False")).unreadySince], [false, "2027-01-01T00:08:00Z"]);
  assert.deepEqual([leanPod(pod("True")).ready, leanPod(pod("True")).unreadySince], [true, undefined]);
});

test("of a pod's containers it is its own that waits or started again, not one that others added", () => {
  const waiting = (name: string, reason: string) => ({ name, restartCount: 3, state: { waiting: { reason } } });
  const running = { name: "vault-node", restartCount: 1, state: { running: {} } };
  const seen = (...containerStatuses: readonly object[]) => leanPod(object({ spec: {}, status: { containerStatuses } }));
  const beside = seen(waiting("proxy", "CrashLoopBackOff"), running);
  assert.deepEqual([beside.waiting, beside.restarts], [undefined, 1]);
  assert.deepEqual([seen(waiting("vault-node", "ImagePullBackOff")).waiting, seen().restarts], ["ImagePullBackOff", 0]);
});

test("of the gateways' Deployment the note is kept in short, another for another template, and without its text", () => {
  const made = (seconds: number): KubeObject =>
    withKeptTemplate(
      {
        ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "attic-gateway", annotations: { [annotations.applied]: "s" } } },
        spec: { template: { spec: { terminationGracePeriodSeconds: seconds, filling: "y".repeat(4000) } } },
      },
      "0123456789abcdef",
    );
  const [lean, other] = [leanDeployment(made(30)), leanDeployment(made(45))];
  assert.equal(lean.note?.of, "0123456789abcdef");
  assert.notEqual(lean.note?.hash, other.note?.hash);
  assert.deepEqual(lean.metadata.annotations, { [annotations.applied]: "s" });
  assert.ok(JSON.stringify(lean).length < 400, JSON.stringify(lean));
});

test("pods of a Deployment that are not of its newest template are counted: while they go one by one, and while the first new one is not there", () => {
  const outdated = (status: object): number => leanDeployment(object({ status })).outdatedReplicas;
  assert.deepEqual(
    [{ replicas: 3, updatedReplicas: 1, readyReplicas: 2 }, { replicas: 2, readyReplicas: 2 }, { replicas: 2, updatedReplicas: 2 }, {}].map(
      outdated,
    ),
    [2, 2, 0, 0],
  );
});

test("of ConfigMaps only the accepted spec is kept", () => {
  assert.deepEqual(Reflect.get(leanConfigMap(object({ data: { spec: "{}", image: "a:1" } })), "data"), { spec: "{}", image: "a:1" });
  assert.ok(!("data" in leanConfigMap(object({ data: { "peers.json": "[]" } }))));
});
