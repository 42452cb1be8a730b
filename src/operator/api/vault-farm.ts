// The `VaultFarm` kind: what a person writes to have a farm. Only fields that have an effect today are known; the others
// of the design join as the parts behind them do, and until then a manifest that uses one is refused by name.
import { z } from "zod";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import { vaultsPerNodeMax } from "../../protocol/limits.ts";
import { type ProfileName, profileNames } from "../../protocol/network-profile.ts";
import { byteQuantity, label, listOf, oneOf, wholeNumber } from "./fields.ts";

export const apiVersion = "vaultfarm.dev/v1alpha1";

/** Who may write through a gateway: nobody, or everybody who reaches it (within the quotas). */
export const writePolicies = ["off", "open"] as const;
export type WritePolicy = (typeof writePolicies)[number];

export type GatewaySpec = {
  readonly replicas: number;
  /** Absent: off in a cluster, open on a local farm, which only this machine reaches. */
  readonly writes?: WritePolicy;
};

export type VaultFarmSpec = {
  /** Vault nodes: processes here, pods in a cluster. */
  readonly replicas: number;
  /** Vaults in each node. */
  readonly vaultsPerNode: number;
  /** Bytes that each vault declares. */
  readonly vaultCapacity: number;
  readonly copies: CopiesPolicy;
  readonly gateway: GatewaySpec;
  /** How fast silence is noticed. */
  readonly network: { readonly profile: ProfileName };
  /** How long a silent node is waited for before its copies are made elsewhere, seconds, where no more can be missing. */
  readonly repair: { readonly delaySeconds: number };
  /** Failure domains that the nodes are dealt out to in turn; none = one host without zones. */
  readonly topology: { readonly zones: readonly string[] };
};

export type VaultFarm = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: "VaultFarm";
  readonly metadata: { readonly name: string };
  readonly spec: VaultFarmSpec;
};

/** Nodes of one farm: the size up to which the whole directory is kept by everyone, with a margin of ten. */
export const replicasMax = 1000;

/** Smallest vault, bytes: a few chunks of the largest size and their bookkeeping (the node refuses less). */
export const vaultCapacityMin: number = 16 * 2 ** 20;

/** Largest vault, bytes. */
export const vaultCapacityMax: number = 64 * 2 ** 40;

const copiesMax = 32;
const anObject = { error: "a mapping of fields" };

const copies = z
  .strictObject(
    {
      min: wholeNumber(1, copiesMax).default(4).describe("Fewest nodes that hold each chunk before a put is called stored."),
      target: wholeNumber(1, copiesMax).default(5).describe("Nodes that shall hold each chunk."),
      max: wholeNumber(1, copiesMax).default(8).describe("Copies above this are surplus."),
    },
    anObject,
  )
  .prefault({})
  .describe("Copies of each chunk, each on another node. Fixed when the network begins.");

const gateway = z
  .strictObject(
    {
      replicas: wholeNumber(0, 64).default(1).describe("Gateways: processes here, pods in a cluster."),
      writes: z
        .exactOptional(oneOf(writePolicies))
        .describe("Who may store: nobody, or everybody who reaches the gateway. Absent: off in a cluster, open on a local farm."),
    },
    anObject,
  )
  .prefault({})
  .describe("The HTTP face of the farm.");

const network = z
  .strictObject(
    {
      profile: oneOf(profileNames)
        .default("lan")
        .describe(
          "How fast a silent node is routed round: cluster 15 ms (quiet machines), lan 50 ms (busy or shared ones), wan as the path allows.",
        ),
    },
    anObject,
  )
  .prefault({});

const repair = z
  .strictObject(
    {
      delaySeconds: wholeNumber(1, 86_400)
        .default(300)
        .describe(
          "Seconds that a silent node is waited for before its copies are made elsewhere, while chunks have copies.min or more; a tenth with one less, a hundredth with fewer. Short delays are for trying out: each restart then moves data.",
        ),
    },
    anObject,
  )
  .prefault({});

const topology = z
  .strictObject(
    {
      zones: listOf(label(63), "zone names", 64)
        .default([])
        .describe("Zones that nodes are dealt out to in turn; copies are spread over them."),
    },
    anObject,
  )
  .prefault({});

const spec = z.strictObject(
  {
    replicas: wholeNumber(1, replicasMax).describe("Vault nodes. Adding is at any time; a local farm takes none away."),
    vaultsPerNode: wholeNumber(1, vaultsPerNodeMax).default(1).describe("Vaults in each node. Fixed once the farm exists."),
    vaultCapacity: byteQuantity(vaultCapacityMin, vaultCapacityMax).describe("What each vault declares. May grow, not shrink."),
    copies,
    gateway,
    network,
    repair,
    topology,
  },
  anObject,
);

const farm = z.strictObject(
  {
    apiVersion: oneOf([apiVersion]),
    kind: oneOf(["VaultFarm"]),
    metadata: z.strictObject({ name: label(40).describe("The farm's name: also the name of its folder.") }, anObject),
    spec,
  },
  { error: "a VaultFarm manifest: apiVersion, kind, metadata, spec" },
);

/** Reads a `VaultFarm`: quantities become bytes, defaults are filled in. */
export const vaultFarmSchema: z.ZodType<VaultFarm> = farm;

/** The JSON schema of the manifest as a person writes it, for editors. */
export function vaultFarmJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(farm, { io: "input" }) as Record<string, unknown>;
}
