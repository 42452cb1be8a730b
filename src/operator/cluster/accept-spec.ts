// Which spec of a farm is carried out: the newest where it can be, else the one that was accepted last, and why.

import type { Clock } from "../../runtime/clock.ts";
import type { FarmReason } from "../api/conditions.ts";
import type { ManifestProblem } from "../api/problem.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient } from "../kube/index.ts";
import { readAcceptedSpec } from "../manifests/accepted-spec.ts";
import { type FarmIdentity, objectNames } from "../manifests/names.ts";
import type { PodImage } from "../manifests/pod-security.ts";
import { judgeSpec } from "../vault-farm/judge-spec.ts";
import { partHash, whyNotAdmitted } from "./admission.ts";
import type { FarmCaches } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import type { AppliedObject, FarmObject } from "./resources.ts";

export type Refusal = { readonly reason: FarmReason<"SpecAccepted">; readonly problems: readonly ManifestProblem[] };
export type Acceptance =
  | { readonly spec: VaultFarmSpec; readonly refused?: Refusal }
  | { readonly spec: undefined; readonly refused: Refusal };

type AcceptParts = {
  readonly caches: FarmCaches;
  readonly client: KubeClient;
  readonly memory: FarmMemory;
  readonly image: PodImage;
  readonly clock: Clock;
};

/** The spec that is carried out. */
export async function acceptSpec(object: FarmObject, farm: FarmIdentity, parts: AcceptParts): Promise<Acceptance> {
  const kept = judgeSpec(readAcceptedSpec(acceptedOf(farm, parts.caches)));
  const before = kept.ok ? kept.spec : undefined;
  const verdict = judgeSpec(object.spec, before);
  if (!verdict.ok) return refuse(before, { reason: verdict.reason, problems: verdict.problems });
  const { spec } = verdict;
  const problem = unknownClass(spec, parts.caches) ?? (await unwantedParts(spec, before, { ...parts, farm }));
  return problem === undefined ? { spec } : refuse(before, { reason: "Invalid", problems: [problem] });
}

function refuse(before: VaultFarmSpec | undefined, refused: Refusal): Acceptance {
  return before === undefined ? { spec: undefined, refused } : { spec: before, refused };
}

/** What was kept of the spec accepted last. */
export function acceptedOf({ namespace, name }: FarmIdentity, { configMaps: maps }: FarmCaches): AppliedObject | undefined {
  return maps.store.get({ namespace, name: objectNames.acceptedSpec(name) });
}

// A class that is not there would leave every new pod waiting without a word.
function unknownClass({ storage }: VaultFarmSpec, { storageClasses }: FarmCaches): ManifestProblem | undefined {
  const { storageClassName } = storage;
  if (storageClassName === undefined || storageClasses.store.get({ name: storageClassName }) !== undefined) return undefined;
  const known = [...storageClasses.store.keys()].sort().join(", ");
  const field = "spec.storage.storageClassName";
  return { field, message: `${field}: there is no StorageClass ${storageClassName}; there are ${known === "" ? "none" : known}` };
}

// Pods that the cluster will not take would be missed one by one, each once it was stopped to be started anew; a gateway that it
// does not take would leave the rest of the spec half done.
async function unwantedParts(
  spec: VaultFarmSpec,
  before: VaultFarmSpec | undefined,
  parts: AcceptParts & { readonly farm: FarmIdentity },
): Promise<ManifestProblem | undefined> {
  for (const [part, field, what] of tried) {
    if (before !== undefined && partHash(part, before) === partHash(part, spec)) continue;
    const why = await whyNotAdmitted(part, spec, parts);
    if (why !== undefined) return { field, message: `${field}: the cluster takes no such ${what} (${why})` };
  }
  return undefined;
}

const tried = [
  ["pods", "spec.pod", "pod"],
  ["gateways", "spec.gateway", "gateway"],
] as const;
