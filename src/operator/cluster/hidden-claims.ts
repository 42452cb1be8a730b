// Claims of nodes that no cache shows as theirs, because somebody took labels off: they are looked for by name before a volume
// counts as gone. Whoever cannot be asked says nothing, and nothing is decided.
import type { KubeClient, KubeObject } from "../kube/index.ts";
import { ownedFields } from "../kube/index.ts";
import { type FarmIdentity, labels } from "../manifests/names.ts";
import type { FarmParts } from "./farm-caches.ts";
import { claims, fieldManager, leanClaim } from "./resources.ts";

/**
 * `parts` with the claims of its nodes that are there without their labels, and in `foreignVolumes` the nodes under whose name
 * there is a claim of which nothing says that it was made for them. One call a node whose claim is not shown; throws its error.
 */
export async function withHiddenClaims(parts: FarmParts, farm: FarmIdentity, client: Pick<KubeClient, "get">): Promise<FarmParts> {
  const shown = new Set(parts.claims.map(({ metadata }) => metadata.name));
  const found: KubeObject[] = [];
  for (const { metadata } of parts.records) {
    if (shown.has(metadata.name)) continue;
    const live = await client.get(claims, { namespace: farm.namespace, name: metadata.name });
    if (live.ok) found.push(live.value);
    else if (live.error.code !== "not-found") throw live.error;
  }
  const own = found.filter((claim) => isMadeFor(claim, farm));
  return {
    ...parts,
    claims: [...parts.claims, ...own.map(leanClaim)],
    foreignVolumes: found.filter((claim) => !own.includes(claim)).map(({ metadata }) => metadata.name),
  };
}

// A label that is left says so, or the server, which knows who wrote its fields.
function isMadeFor(claim: KubeObject, farm: FarmIdentity): boolean {
  const { name, labels: left = {} } = claim.metadata;
  if (left[labels.farmUid] !== undefined || left[labels.node] === name || left[labels.farm] === farm.name) return true;
  return ![undefined, "[]"].includes(ownedFields(claim, fieldManager));
}
