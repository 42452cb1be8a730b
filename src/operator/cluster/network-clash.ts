// Two farms with the keys of one network, as after a Secret was copied: each would count the other's nodes as strangers and
// sign against it. The one that had it first goes on, the other waits for a person.
import type { Address } from "../../protocol/address.ts";
import { KubeError } from "../kube/index.ts";
import { type FarmIdentity, objectNames } from "../manifests/names.ts";
import type { Refusal } from "./accept-spec.ts";
import type { NetworkReading } from "./network-keys.ts";
import type { FarmObject } from "./resources.ts";
import type { WatchedFarms } from "./watched-farms.ts";

/**
 * The farm that had the network of `reading` before `farm`, where there is one. Throws where that is not known: a farm that has not begun
 * found keys that may be those of one in a namespace which was never read. Keys just made for it are nobody else's.
 */
export function farmWithNetwork(
  farm: FarmObject,
  { keys, made = false }: NetworkReading & { readonly kind: "keys" },
  watched: Pick<WatchedFarms, "all" | "unread">,
): FarmObject | undefined {
  const unread = watched.unread();
  if (unread !== undefined && !made && farm.status?.["networkId"] === undefined) throw notSeen(farm, unread);
  return firstWithNetwork(farm, keys.genesis.networkId, watched.all());
}

function notSeen({ metadata }: FarmObject, unread: KubeError): KubeError {
  const secret = objectNames.network(metadata.name);
  const message = `Secret ${secret} was there before this farm began, and whether its network is that of a farm in a namespace that may not be read is not known: ${unread.message}`;
  return new KubeError("forbidden", message, { cause: unread });
}

function firstWithNetwork(farm: FarmObject, networkId: Address, farms: Iterable<FarmObject>): FarmObject | undefined {
  const begun = ({ status }: FarmObject): boolean => status?.["networkId"] === networkId;
  const comesBefore = (one: FarmObject): boolean => !begun(farm) || ageOf(one) < ageOf(farm);
  for (const one of farms) if (one.metadata.uid !== farm.metadata.uid && begun(one) && comesBefore(one)) return one;
  return undefined;
}

/** Why nothing is done for `farm` while the other one has its network. Pure. */
export function networkInUse({ name }: FarmIdentity, { metadata }: FarmObject): Refusal {
  const secret = objectNames.network(name);
  const other = `${metadata.namespace}/${metadata.name}`;
  const message = `Secret ${secret} holds the network of farm ${other}, and two farms cannot command one network; delete this farm and its copy of the Secret, or farm ${other} where this one is to take its place`;
  return { reason: "NetworkInUse", problems: [{ field: "spec.network", message }] };
}

// Kubernetes' times sort as text, and are to the second: two made in one are told apart by what differs always.
function ageOf({ metadata: { creationTimestamp = "", uid = "" } }: FarmObject): string {
  return `${creationTimestamp} ${uid}`;
}
