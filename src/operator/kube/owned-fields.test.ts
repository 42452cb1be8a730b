// Proves that what was applied is told from what others changed by the server's account of field owners, in the form in which
// Kubernetes 1.36 gives it: lists by key with keys that it filled in, atomic values, several entries of one manager.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { keepsOwned, ownedFields } from "./owned-fields.ts";
import type { KubeObject } from "./resource.ts";

const manifest = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", labels: { app: "web" } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    strategy: {},
    containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }], args: ["a"], tty: undefined }],
    finalizers: ["x/y"],
  },
} satisfies KubeObject & { readonly spec: object };

type Tree = { readonly [field: string]: Tree };
const port = { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } };
const container = { ".": {}, "f:name": {}, "f:image": {}, "f:ports": port, "f:args": {} };
const whole: Tree = {
  "f:metadata": { "f:labels": { "f:app": {} } },
  "f:spec": {
    ...{ "f:replicas": {}, "f:selector": {}, "f:finalizers": { 'v:"x/y"': {} } },
    "f:containers": { 'k:{"name":"web"}': container },
  },
};

function keeps(tree: Tree, change: object = {}): boolean {
  const managedFields = [
    { manager: "us", operation: "Apply", fieldsV1: tree },
    { manager: "them", operation: "Update", fieldsV1: { "f:spec": { "f:paused": {} } } },
    { manager: "us", operation: "Update", subresource: "status", fieldsV1: whole },
  ];
  const shown = { metadata: { name: "web", managedFields } } as KubeObject;
  return keepsOwned(ownedFields(shown, "us"), { ...manifest, ...change });
}

// The server tells of no field in which nothing is owned any more.
const without = (tree: Tree, [first = "", ...rest]: readonly string[]): Tree => {
  const { [first]: inner = {}, ...others } = tree;
  const left = rest.length === 0 ? {} : without(inner, rest);
  return Object.keys(left).length === 0 ? others : { ...others, [first]: left };
};

test("an object that nobody else changed keeps all, whatever the server filled in and others added", () => {
  assert.ok(keeps(whole));
});

for (const path of [
  ["f:metadata", "f:labels", "f:app"],
  ["f:spec", "f:replicas"],
  ["f:spec", "f:selector"],
  ["f:spec", "f:finalizers", 'v:"x/y"'],
  ["f:spec", "f:containers", 'k:{"name":"web"}'],
  ["f:spec", "f:containers", 'k:{"name":"web"}', "f:image"],
  ["f:spec", "f:containers", 'k:{"name":"web"}', "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}'],
])
  test(`one that lost ${path.join(" ")} does not`, () => {
    assert.equal(keeps(without(whole, path)), false);
  });

test("where the server tells of no owners nothing is said to be changed", () => {
  assert.ok(keepsOwned(ownedFields({ metadata: { name: "web" } }, "us"), manifest));
  assert.equal(ownedFields({ metadata: { name: "web", managedFields: [{ manager: "them" }] } } as KubeObject, "us"), "[]");
});

test("objects of different owners own the same in the same words, and one whose owner was taken away keeps it no more", () => {
  const owned = (tree: Tree): string | undefined => {
    const managedFields = [{ manager: "us", operation: "Apply", fieldsV1: { "f:metadata": { "f:ownerReferences": tree } } }];
    return ownedFields({ metadata: { name: "web", managedFields } } as KubeObject, "us");
  };
  const ownedBy = (uid: string): KubeObject => ({
    metadata: { name: "web", ownerReferences: [{ apiVersion: "v1", kind: "Shop", name: "shop", uid }] },
  });
  const [one, other] = [owned({ 'k:{"uid":"11-a"}': {} }), owned({ 'k:{"uid":"22-b"}': {} })];
  assert.equal(one, other);
  assert.ok(keepsOwned(one, ownedBy("11-a")));
  assert.equal(keepsOwned(owned({ ".": {} }), ownedBy("11-a")), false);
});
