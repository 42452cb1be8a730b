// Proves that a local farm names the fields of a manifest that it does not carry out, and no others, and that they are the ones whose
// descriptions say so.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readManifest } from "../../operator/api/read-manifest.ts";
import { vaultFarmJsonSchema } from "../../operator/api/vault-farm.ts";
import { clusterOnlyFields, clusterOnlyWishes } from "./cluster-only.ts";

type SchemaNode = { readonly description?: string; readonly properties?: Readonly<Record<string, SchemaNode>> };

/** The uppermost fields whose descriptions say that they count in a cluster only. */
function saidSo({ properties = {} }: SchemaNode, at = ""): readonly string[] {
  return Object.entries(properties).flatMap(([name, one]) => {
    const path = at === "" ? name : `${at}.${name}`;
    return /\bIn a cluster only\.$/.test(one.description ?? "") ? [path] : saidSo(one, path);
  });
}

function wishesOf(text: string): readonly string[] {
  const reading = readManifest(text);
  return reading.ok ? clusterOnlyWishes(reading.farm.spec) : assert.fail(JSON.stringify(reading.problems));
}

const manifest = (more: string): string =>
  `apiVersion: vaultfarm.dev/v1alpha1\nkind: VaultFarm\nmetadata: {name: attic}\nspec:\n  replicas: 5\n  vaultCapacity: 16Mi\n  ${more}\n`;

test("the fields are those whose descriptions say so", () => {
  const spec = (vaultFarmJsonSchema() as SchemaNode).properties?.["spec"] ?? {};
  assert.deepEqual([...clusterOnlyFields].sort(), [...saidSo(spec)].sort());
});

test("what a manifest asks of a cluster is named; what it leaves alone, or says as it is anyhow, is not", () => {
  assert.deepEqual(wishesOf(manifest("storage: {reclaimPolicy: Delete, autogrow: {max: 1Gi}}")), ["spec.storage.autogrow"]);
  assert.deepEqual(wishesOf(manifest("gateway: {service: {type: NodePort}, writes: open}\n  paused: true\n  pod: {}")), [
    "spec.gateway.service",
    "spec.paused",
  ]);
  assert.deepEqual(wishesOf(manifest("paused: false\n  topology: {spread: Preferred, zones: [a, b]}")), []);
  assert.deepEqual(wishesOf(readFileSync("deploy/samples/attic.yaml", "utf8")), [], "the sample runs as it says");
});
