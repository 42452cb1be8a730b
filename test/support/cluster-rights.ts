// A release whose operator has rights over farms in its own namespace only, and what the API server says of them.
import { strict as assert } from "node:assert";
import type { Release } from "./cluster-farm.ts";
import { runTool } from "./cluster-tools.ts";

/** Values of the chart with which the release watches its own namespace alone: what farms are made of is granted there only. */
export function watchesOwn({ namespace }: Release): readonly string[] {
  return [`watchNamespaces={${namespace}}`];
}

/** Fails unless the operator may do in its own namespace what farms need, and not in another one. */
export async function assertFenced(release: Release): Promise<void> {
  const needed = [
    { verb: "list", resource: "pods" },
    { verb: "create", resource: "persistentvolumeclaims" },
    { verb: "get", resource: "secrets" },
    { verb: "list", group: "vaultfarm.dev", resource: "vaultfarms" },
  ];
  for (const attributes of needed) {
    const what = `${attributes.verb} ${attributes.resource}`;
    assert.equal(await operatorMay(release, { ...attributes, namespace: release.namespace }), true, `${what} in its own namespace`);
    assert.equal(await operatorMay(release, { ...attributes, namespace: "default" }), false, `${what} in another namespace`);
  }
}

type Attributes = { readonly verb: string; readonly group?: string; readonly resource: string; readonly namespace: string };

async function operatorMay({ namespace }: Release, resourceAttributes: Attributes): Promise<boolean> {
  const spec = { user: `system:serviceaccount:${namespace}:vaultfarm`, resourceAttributes };
  const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
  const answer = await runTool("kubectl", ["create", "-f", "-", "-o", "json"], { input: JSON.stringify(review) });
  return (JSON.parse(answer) as { readonly status: { readonly allowed: boolean } }).status.allowed;
}
