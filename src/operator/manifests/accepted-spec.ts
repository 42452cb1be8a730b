// What was accepted last of a farm, kept for a restart of the operator: the spec that goes on while a newer one is refused, and
// the image that its pods run while an operator offers another, and which operator runs it.

import type { KubeObject } from "../kube/index.ts";
import { keepsOwned } from "../kube/index.ts";
import type { RunningImage } from "../vault-farm/running-image.ts";
import { type FarmIdentity, labels, type Manifest, objectLabels, objectNames } from "./names.ts";

/** The ConfigMap. It outlives the farm: nothing owns it. */
export function acceptedSpecMap(
  farm: FarmIdentity,
  raw: unknown,
  { image, behaviourVersion, operator }: RunningImage & { readonly operator: string },
): Manifest {
  const metadata = { name: objectNames.acceptedSpec(farm.name), namespace: farm.namespace, labels: objectLabels(farm) };
  const data = { spec: JSON.stringify(raw), image, behaviourVersion: String(behaviourVersion), operator };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

/** The map as it is read back; `owned`: see `ownedFields`. */
export type AcceptedObject = KubeObject & { readonly owned?: string };

/** The spec that was kept, undefined where none was, or where somebody made it unreadable: the farm's own spec replaces it then. */
export function readAcceptedSpec(object: AcceptedObject | undefined): unknown {
  const text = textOf(object, "spec");
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The image that was kept for this very farm; one that somebody wrote by hand is not taken: who may edit a ConfigMap does not choose what pods run. */
export function readRunningImage(object: AcceptedObject | undefined, farm: FarmIdentity): RunningImage | undefined {
  const [image, version] = [textOf(object, "image"), Number(textOf(object, "behaviourVersion"))];
  if (object === undefined || image === undefined || image === "" || !Number.isSafeInteger(version)) return undefined;
  // The pods of an earlier farm of the name are gone.
  if (object.metadata.labels?.[labels.farmUid] !== farm.uid) return undefined;
  const data = { image, behaviourVersion: String(version) };
  return keepsOwned(object.owned, { metadata: { name: "" }, data } as KubeObject) ? { image, behaviourVersion: version } : undefined;
}

/** The operator that runs the farm, NAMESPACE/LEASE; one that somebody wrote by hand is not taken. */
export function readOperator(object: AcceptedObject | undefined): string | undefined {
  const operator = textOf(object, "operator");
  if (object === undefined || operator === undefined || !/^[^/]+\/[^/]+$/.test(operator)) return undefined;
  return keepsOwned(object.owned, { metadata: { name: "" }, data: { operator } } as KubeObject) ? operator : undefined;
}

function textOf(object: KubeObject | undefined, key: string): string | undefined {
  const data: unknown = object === undefined ? undefined : Reflect.get(object, "data");
  const text: unknown = typeof data === "object" && data !== null ? Reflect.get(data, key) : undefined;
  return typeof text === "string" ? text : undefined;
}
