// The keys of each farm's network: made once, before anything is stored, and never again. A farm that has stored something
// and whose Secret is gone waits for a person who brings it back.
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient } from "../kube/index.ts";
import { type FarmIdentity, objectNames } from "../manifests/names.ts";
import { type NetworkKeys, networkSecretKeys, newNetworkSecret, readNetworkSecret } from "../manifests/network-secret.ts";
import { secrets } from "./resources.ts";

export type NetworkReading =
  /** `made`: just now, for this farm. */
  | { readonly kind: "keys"; readonly keys: NetworkKeys; readonly made?: boolean }
  /** missing: it must be brought back · broken: it is not one · no-key: the person's own network key is not there. */
  | { readonly kind: "missing" | "broken" | "no-key"; readonly why: string };

export type NetworkKeyring = {
  /** The keys of a farm's network, made where the farm is new. Throws the server's error. */
  keysOf(farm: FarmIdentity, spec: VaultFarmSpec, isNew: boolean): Promise<NetworkReading>;
  /** The keys of a farm that has them; none are made. Throws the server's error. */
  existingKeysOf(farm: FarmIdentity): Promise<NetworkKeys | undefined>;
  /** Reads them anew at the next look, where there is one. */
  forget(farm: Pick<FarmIdentity, "uid">): void;
  /** Farms whose keys are remembered. */
  size(): number;
};

/** A Secret is immutable: it is read again only to see whether it is still there, milliseconds. */
const keptMs = 600_000;

export function createNetworkKeyring(client: KubeClient, { clock, random }: { clock: Clock; random: Random }): NetworkKeyring {
  const known = new Map<string, { readonly keys: NetworkKeys; readonly readMs: number }>();
  const read = async (farm: FarmIdentity): Promise<NetworkReading | undefined> => {
    const got = await client.get(secrets, { namespace: farm.namespace, name: objectNames.network(farm.name) });
    if (!got.ok && got.error.code === "not-found") return undefined;
    if (!got.ok) throw got.error;
    const reading = readNetworkSecret(got.value.data);
    const name = objectNames.network(farm.name);
    if (!reading.ok) return { kind: "broken", why: `Secret ${name} does not hold a network: ${reading.why}` };
    const readMs = clock.monotonicMs();
    // Put last: those in front were not read for longest, and of a farm that went while its keys were read nobody says so.
    known.delete(farm.uid);
    known.set(farm.uid, { keys: reading.keys, readMs });
    for (const [uid, kept] of known) {
      if (readMs - kept.readMs < keptMs) break;
      known.delete(uid);
    }
    return { kind: "keys", keys: reading.keys };
  };
  const begin = async (farm: FarmIdentity, spec: VaultFarmSpec): Promise<NetworkReading> => {
    const own = await ownKey(client, farm, spec);
    if (typeof own === "object") return own;
    const beginning = {
      copies: spec.copies,
      vaultCapacity: spec.vaultCapacity,
      createdAtMs: clock.wallMs(),
      ...(own === undefined ? {} : { networkKey: own }),
    };
    const created = await client.create(secrets, newNetworkSecret(farm, beginning, random));
    if (!created.ok && created.error.code !== "already-exists") throw created.error;
    const reading = await read(farm);
    if (reading?.kind === "keys") return { ...reading, made: created.ok };
    return reading ?? { kind: "missing", why: `Secret ${objectNames.network(farm.name)} was made and is gone` };
  };
  const find = async (farm: FarmIdentity): Promise<NetworkReading | undefined> => {
    const kept = known.get(farm.uid);
    if (kept !== undefined && clock.monotonicMs() - kept.readMs < keptMs) return { kind: "keys", keys: kept.keys };
    return read(farm);
  };
  return {
    forget: ({ uid }) => known.delete(uid),
    size: () => known.size,
    existingKeysOf: async (farm) => {
      const found = await find(farm);
      return found?.kind === "keys" ? found.keys : undefined;
    },
    keysOf: async (farm, spec, isNew) => {
      const found = await find(farm);
      if (found !== undefined) return found;
      if (isNew) return begin(farm, spec);
      const name = objectNames.network(farm.name);
      return {
        kind: "missing",
        why: `Secret ${name} is gone, and with it the keys of this farm's network: bring it back from your backup, for without it no node can be commanded`,
      };
    },
  };
}

async function ownKey(client: KubeClient, farm: FarmIdentity, { network }: VaultFarmSpec): Promise<string | undefined | NetworkReading> {
  const { keySecretRef } = network;
  if (keySecretRef === undefined) return undefined;
  const got = await client.get(secrets, { namespace: farm.namespace, name: keySecretRef.name });
  if (!got.ok && got.error.code !== "not-found") throw got.error;
  const text = got.ok
    ? Buffer.from(got.value.data?.[keySecretRef.key] ?? "", "base64")
        .toString("utf8")
        .trim()
    : "";
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  const where = `key ${keySecretRef.key} of Secret ${keySecretRef.name}`;
  return {
    kind: "no-key",
    why: got.ok
      ? `spec.network.keySecretRef: ${where} must hold 64 lower-case hexadecimal digits`
      : `spec.network.keySecretRef: there is no Secret ${keySecretRef.name}; make it, with the ${networkSecretKeys.networkKey} under ${keySecretRef.key}`,
  };
}
