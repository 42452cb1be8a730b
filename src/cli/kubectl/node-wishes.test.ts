// Proves that what a person wishes for a node never meets another one that has its name by now: nothing is written to it, nothing of it
// is deleted, and it is not followed. Method: the real command line against the in-process API server, where the record is
// exchanged while a person is asked, while a drain is followed, and between reading and writing.
import { strict as assert } from "node:assert";
import { Readable } from "node:stream";
import { afterEach, test } from "node:test";
import { nodeRecords } from "../../operator/cluster/resources.ts";
import type { KubeObject } from "../../operator/kube/index.ts";
import { collectionPath } from "../../operator/kube/resource.ts";
import { exitCodes } from "../exit-code.ts";
import { by, hastened, makeNode, namespace, usePluginCluster } from "./plugin-fixture.ts";

const cluster = usePluginCluster();
const { kubectl, beyond } = cluster;
const at = { namespace, name: "attic-aaaaa" };
const records = collectionPath(nodeRecords);

afterEach(() => {
  beyond.before = () => {};
});

/** Another node is made under the name. */
function exchange(): void {
  const { objects } = cluster.server();
  objects.merge(records, at, { metadata: { finalizers: null } }, by);
  if (objects.list(records, namespace).length > 0) objects.remove(records, at, {});
  makeNode(cluster, "aaaaa");
}

const now = (): unknown => {
  const { metadata, spec } = cluster.server().objects.get(records, at) as KubeObject & { spec: { desired: string } };
  return [spec.desired, metadata.deletionTimestamp];
};

test("while a person is asked whether to replace a node, another takes its name: that one stays", async () => {
  makeNode(cluster, "aaaaa");
  const answer = function* (): Generator<string> {
    exchange();
    yield "y\n";
  };
  const { code, out } = await kubectl(["replace", "attic-aaaaa"], { input: Object.assign(Readable.from(answer()), { isTTY: true }) });
  assert.deepEqual([code, out.toString(), now()], [exitCodes.refused, "", ["Active", undefined]]);
});

test("a wish is written to the node that was read, or to none", async () => {
  makeNode(cluster, "aaaaa");
  beyond.before = ({ method }) => (method === "PATCH" ? exchange() : undefined);
  for (const verb of ["drain", "cordon", "fence"]) {
    const { code, out } = await kubectl([verb, "attic-aaaaa"]);
    assert.deepEqual([code, out.toString(), now()], [exitCodes.refused, "", ["Active", undefined]], verb);
  }
});

test("a drain that is followed has ended once another node has the name", async () => {
  makeNode(cluster, "aaaaa");
  const events = [exchange];
  const { code, out } = await kubectl(["drain", "attic-aaaaa", "--wait"], { clock: hastened(() => events.shift()?.()) });
  assert.deepEqual([code, out.toString()], [exitCodes.done, "attic-aaaaa is gone; what it held is on other nodes\n"]);
});
