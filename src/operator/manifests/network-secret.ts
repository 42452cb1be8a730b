// The Secret of a farm's network: what it was begun with, made once. Whoever loses it cannot command the nodes any more,
// so nothing owns it and nothing but a person removes it.
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { type CopiesPolicy, createGenesis, type Genesis, readGenesis } from "../../protocol/genesis.ts";
import { createGrant } from "../../protocol/grant.ts";
import { type SigningKey, seedLength, signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { Random } from "../../runtime/random.ts";
import { type FarmIdentity, farmMeta, type Manifest, objectLabels, objectNames } from "./names.ts";

/** Keys of the Secret. Pods get `genesis` and `network.key` only; the others are the operator's. */
export const networkSecretKeys = {
  genesis: "genesis",
  networkKey: "network.key",
  owner: "owner.seed",
  admin: "admin.seed",
} as const;

/** Keys of the gateways' Secret, as `VAULTFARM_GRANT_DIR` wants them. */
export const grantSecretKeys = { seed: "grant.seed", grant: "grant" } as const;

/** Places that a vault of a new network has: copies are spread evenly enough (1.35 × the mean with 16, 1.25 × with 64). */
const placesPerVault = 32;

/** The keys that the operator signs with. */
export type NetworkKeys = { readonly genesis: Genesis; readonly owner: SigningKey; readonly admin: SigningKey };

export type NetworkBeginning = {
  readonly copies: CopiesPolicy;
  readonly vaultCapacity: number;
  readonly createdAtMs: number;
  /** 64 hexadecimal digits of the person's own; absent: one is made. */
  readonly networkKey?: string;
};

/** A new network's Secret. */
export function newNetworkSecret(farm: FarmIdentity, beginning: NetworkBeginning, random: Random): Manifest {
  const seeds = { owner: random.bytes(seedLength), admin: random.bytes(seedLength) };
  const genesis = createGenesis(
    {
      name: farm.name,
      copies: beginning.copies,
      placeUnit: Math.max(1, Math.floor(beginning.vaultCapacity / placesPerVault)),
      createdAt: beginning.createdAtMs,
    },
    signingKeyFromSeed(seeds.owner),
  );
  const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\n`);
  const data: Readonly<Record<string, Uint8Array>> = {
    [networkSecretKeys.genesis]: genesis.bytes,
    [networkSecretKeys.networkKey]: text(beginning.networkKey ?? toHex(random.bytes(32))),
    [networkSecretKeys.owner]: text(toHex(seeds.owner)),
    [networkSecretKeys.admin]: text(toHex(seeds.admin)),
  };
  return {
    apiVersion: "v1",
    kind: "Secret",
    // No owner: it outlives the farm.
    metadata: { name: objectNames.network(farm.name), namespace: farm.namespace, labels: objectLabels(farm) },
    type: "Opaque",
    immutable: true,
    data: base64(data),
  };
}

export type NetworkSecretReading = { readonly ok: true; readonly keys: NetworkKeys } | { readonly ok: false; readonly why: string };

/** The keys in a network's Secret, or what is wrong with it; never what is in it. */
export function readNetworkSecret(data: Readonly<Record<string, string>> | undefined): NetworkSecretReading {
  const bytes = (key: string): Uint8Array => new Uint8Array(Buffer.from(data?.[key] ?? "", "base64"));
  const genesis = readGenesis(bytes(networkSecretKeys.genesis));
  if (!genesis.ok) return { ok: false, why: `its key ${networkSecretKeys.genesis} is no genesis record: ${genesis.why}` };
  const owner = readSeed(bytes(networkSecretKeys.owner));
  const admin = readSeed(bytes(networkSecretKeys.admin));
  if (owner === undefined || admin === undefined)
    return { ok: false, why: `its keys ${networkSecretKeys.owner} and ${networkSecretKeys.admin} must hold 64 hexadecimal digits each` };
  if (owner.publicKey !== genesis.value.owner) return { ok: false, why: `its ${networkSecretKeys.owner} did not sign its genesis` };
  return { ok: true, keys: { genesis: genesis.value, owner, admin } };
}

function readSeed(bytes: Uint8Array): SigningKey | undefined {
  const seed = fromHex(Buffer.from(bytes).toString("utf8").trim());
  return seed?.length === seedLength ? signingKeyFromSeed(seed) : undefined;
}

/** The Secret with which gateways grant themselves the right to store; it goes with the farm and is made anew where it is lost. */
export function newGrantSecret(farm: FarmIdentity, { genesis, owner }: NetworkKeys, random: Random): Manifest {
  const seed = random.bytes(seedLength);
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: farmMeta(farm, objectNames.gatewayGrant(farm.name), "gateway"),
    type: "Opaque",
    data: base64({
      [grantSecretKeys.seed]: new TextEncoder().encode(`${toHex(seed)}\n`),
      [grantSecretKeys.grant]: createGrant(genesis, owner, { peerId, notAfterMs: 0 }),
    }),
  };
}

function base64(data: Readonly<Record<string, Uint8Array>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(data).map(([key, bytes]) => [key, Buffer.from(bytes).toString("base64")]));
}
