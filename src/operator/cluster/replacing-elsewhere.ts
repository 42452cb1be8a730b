// Which other farms of the cluster are replacing a lost node: one at a time, so that what is wrong with all of them is not taken
// for the death of each. What somebody wrote into a record holds up nobody.
import type { Clock } from "../../runtime/clock.ts";
import { vaultNodeSpecSchema } from "../api/vault-node.ts";
import { annotations } from "../manifests/names.ts";
import type { NetworkKeys } from "../manifests/network-secret.ts";
import { farmKeyOfRecord } from "./farm-caches.ts";
import type { NetworkKeyring } from "./network-keys.ts";
import { decidedIn } from "./node-decisions.ts";
import type { FarmObject, NodeRecord } from "./resources.ts";
import { isForbidden } from "./unless-forbidden.ts";
import type { WatchedFarms } from "./watched-farms.ts";

type Elsewhere = {
  readonly watched: Pick<WatchedFarms, "beingReplaced" | "byKey">;
  readonly keyring: Pick<NetworkKeyring, "existingKeysOf">;
  readonly clock: Pick<Clock, "wallMs">;
};

/** Records of other farms than that of `own` whose node is being replaced, where anybody works on it. Throws the server's error. */
export async function replacedElsewhere(
  own: readonly NodeRecord[],
  { watched, keyring, clock }: Elsewhere,
): Promise<readonly NodeRecord[]> {
  const others = watched
    .beingReplaced()
    .filter((record) => !own.includes(record) && record.metadata.annotations?.[annotations.seal] !== undefined);
  const wallMs = clock.wallMs();
  const found = await Promise.all(
    [...Map.groupBy(others, farmKeyOfRecord)].map(async ([key, records]) => {
      const farm = watched.byKey(key);
      if (farm === undefined) return [];
      const keys = await keysOf(farm, keyring);
      return keys === undefined ? [] : records.filter((record) => isReplaced(record, farm, { keys, wallMs }));
    }),
  );
  return found.flat();
}

// Without its keys, or the right to read them, nothing of it is carried out either.
async function keysOf({ metadata }: FarmObject, keyring: Elsewhere["keyring"]): Promise<NetworkKeys | undefined> {
  const { name, namespace = "", uid = "" } = metadata;
  try {
    return await keyring.existingKeysOf({ name, namespace, uid });
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

function isReplaced(record: NodeRecord, { metadata }: FarmObject, tools: Parameters<typeof decidedIn>[3]): boolean {
  const read = vaultNodeSpecSchema.safeParse(record.spec);
  return read.success && decidedIn(record, read.data.assigned, { uid: metadata.uid ?? "" }, tools).leaving === "Replaced";
}
