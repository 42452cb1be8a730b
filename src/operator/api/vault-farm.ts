// The `VaultFarm` kind: what a person writes to have a farm, in a cluster or as local processes. Only fields that have an
// effect today are known; the others of the design join as the parts behind them do, and until then a manifest that uses
// one is refused by name.
import { z } from "zod";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import { vaultsPerNodeMax } from "../../protocol/limits.ts";
import { type ProfileName, profileNames } from "../../protocol/network-profile.ts";
import { anObject, byteQuantity, celRules, label, labelKey, listOf, oneOf, textMap, wholeNumber } from "./fields.ts";
import { type GatewaySpec, gateway } from "./gateway-spec.ts";
import { type MonitoringSpec, monitoring } from "./monitoring-spec.ts";
import { type PodSpec, pod } from "./pod-spec.ts";
import { type SecretKeyRef, secretKeyRef } from "./secret-key-ref.ts";
import { type StorageSpec, storage } from "./storage-spec.ts";

export const apiVersion = "vaultfarm.dev/v1alpha1";

/** Whether vault nodes must be on machines of their own, or should. */
export const spreads = ["Preferred", "Required"] as const;
export type Spread = (typeof spreads)[number];

export type NetworkSpec = {
  /** How fast silence is noticed. */
  readonly profile: ProfileName;
  /** Where the network key lies; absent: one is made. */
  readonly keySecretRef?: SecretKeyRef;
};

export type TopologySpec = {
  /** Failure domains that the nodes are dealt out to in turn; none = those of the cluster, or one host without zones. */
  readonly zones: readonly string[];
  /** The label of a cluster node that names its zone, and its machine. */
  readonly zoneKey: string;
  readonly hostKey: string;
  readonly spread: Spread;
};

export type VaultFarmSpec = {
  /** Vault nodes: processes here, pods in a cluster; 0 = the farm hibernates. */
  readonly replicas: number;
  /** Vaults in each node. */
  readonly vaultsPerNode: number;
  /** Bytes that each vault declares. */
  readonly vaultCapacity: number;
  readonly copies: CopiesPolicy;
  readonly gateway: GatewaySpec;
  readonly network: NetworkSpec;
  /** How long a silent node is waited for before its copies are made elsewhere, and before it is replaced, seconds. */
  readonly repair: { readonly delaySeconds: number; readonly lostAfterSeconds: number };
  readonly storage: StorageSpec;
  readonly topology: TopologySpec;
  readonly pod: PodSpec;
  readonly update: { readonly behaviourVersion: number };
  readonly monitoring: MonitoringSpec;
  readonly paused: boolean;
};

export type VaultFarm = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: "VaultFarm";
  readonly metadata: { readonly name: string };
  readonly spec: VaultFarmSpec;
};

/** Nodes of one farm: the size up to which the whole directory is kept by everyone, with a margin of ten. */
export const replicasMax = 1000;

/** Longest name of a farm: with a node's suffix and a Service's it still is a DNS label. */
export const farmNameMax = 40;

/** Smallest vault, bytes: a few chunks of the largest size and their bookkeeping (the node refuses less). */
export const vaultCapacityMin: number = 16 * 2 ** 20;

/** Largest vault, bytes. */
export const vaultCapacityMax: number = 64 * 2 ** 40;

/** Far more often than a farm is upgraded in its life; exact in every program that reads the number. */
export const behaviourVersionMax = 1_000_000;

const copiesMax = 32;

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

const keySecretRef = secretKeyRef("the network key: 64 hexadecimal digits").meta(
  celRules({ rule: "self == oldSelf", message: "the network key is fixed when the network begins" }),
);

const network = z
  .strictObject(
    {
      profile: oneOf(profileNames)
        .default("lan")
        .describe(
          "How fast a silent node is routed round: cluster 15 ms (quiet machines), lan 50 ms (busy or shared ones), wan as the path allows.",
        ),
      keySecretRef: z
        .exactOptional(keySecretRef)
        .describe("A network key of your own, which keeps strangers out. Absent: one is made once and kept. Fixed. In a cluster only."),
    },
    anObject,
  )
  .meta(
    celRules({
      rule: "has(self.keySecretRef) == has(oldSelf.keySecretRef)",
      message: "keySecretRef cannot be added or taken away: the network key is fixed when the network begins",
    }),
  )
  .prefault({})
  .describe("The network of the farm's nodes, begun once with keys of its own.");

const repair = z
  .strictObject(
    {
      delaySeconds: wholeNumber(1, 86_400)
        .default(300)
        .describe(
          "Seconds that a silent node is waited for before its copies are made elsewhere, while chunks have copies.min or more; a tenth with one less, a hundredth with fewer. Short delays are for trying out: each restart then moves data.",
        ),
      lostAfterSeconds: wholeNumber(60, 2_592_000)
        .default(1800)
        .describe(
          "Seconds after which a node whose pod cannot run again is given up and replaced by a new one, one at a time. On a local farm: after which one that leaves and does not come up any more is given up.",
        ),
    },
    anObject,
  )
  .prefault({})
  .describe("How long missing nodes are waited for.");

const topology = z
  .strictObject(
    {
      zones: listOf(label(63), "zone names", 64)
        .default([])
        .describe(
          "Zones that nodes are dealt out to in turn; copies are spread over them. Empty: the zones of the cluster's nodes, or none on a local farm.",
        ),
      zoneKey: labelKey()
        .default("topology.kubernetes.io/zone")
        .describe("Label of a cluster node that names its zone. In a cluster only."),
      hostKey: labelKey().default("kubernetes.io/hostname").describe("Label of a cluster node that names its machine. In a cluster only."),
      spread: oneOf(spreads)
        .default("Preferred")
        .describe("Whether vault nodes must run on machines of their own, or only should. In a cluster only."),
    },
    anObject,
  )
  .prefault({})
  .describe("Failure domains that copies are spread over.");

const update = z
  .strictObject(
    {
      behaviourVersion: wholeNumber(1, behaviourVersionMax)
        .default(1)
        .meta(
          celRules({
            rule: "self >= oldSelf",
            message: "behaviourVersion is only raised: each higher number takes what the operator comes with",
          }),
        )
        .describe(
          "A new operator restarts no pod: those of this farm run what they ran until this is raised, by any amount; then they are started anew one by one with what the operator came with. In a cluster only.",
        ),
    },
    anObject,
  )
  .prefault({})
  .describe("When vault nodes are restarted for something new.");

const fixedVaults = { rule: "self == oldSelf", message: "vaultsPerNode is fixed once the farm exists; make another farm instead" };

const spec = z
  .strictObject(
    {
      replicas: wholeNumber(0, replicasMax)
        .describe(
          "Vault nodes: processes here, pods in a cluster. Nodes are added at any time; in a cluster one is taken away once its copies are proven to exist elsewhere, and 0 hibernates the farm: its volumes stay.",
        )
        .meta({ format: "int32" }),
      vaultsPerNode: wholeNumber(1, vaultsPerNodeMax)
        .default(1)
        .meta(celRules(fixedVaults))
        .describe("Vaults in each node. Fixed once the farm exists."),
      vaultCapacity: byteQuantity(vaultCapacityMin, vaultCapacityMax).describe(
        "What each vault declares. Higher: volumes grow, then nodes are started anew one by one. Lower, in a cluster only: nodes are rebuilt one by one, where what is stored fits.",
      ),
      copies,
      gateway,
      network,
      repair,
      storage: storage(vaultCapacityMin, vaultCapacityMax),
      topology,
      pod,
      update,
      monitoring,
      paused: z
        .boolean({ error: "true or false" })
        .default(false)
        .describe("Leaves everything as it is until false: nothing is made, changed or removed. In a cluster only."),
    },
    anObject,
  )
  .describe("The farm as it is wanted.");

const farm = z.strictObject(
  {
    apiVersion: oneOf([apiVersion]),
    kind: oneOf(["VaultFarm"]),
    metadata: z.strictObject(
      {
        name: label(farmNameMax).describe("The farm's name: also the name of its folder."),
        namespace: z.exactOptional(label(63)).describe("The farm's namespace. In a cluster only."),
        labels: z.exactOptional(textMap("labels", 64, 63)).describe("Labels of the farm. In a cluster only."),
        annotations: z.exactOptional(textMap("annotations", 64, 65_536)).describe("Annotations of the farm. In a cluster only."),
      },
      anObject,
    ),
    spec,
  },
  { error: "a VaultFarm manifest: apiVersion, kind, metadata, spec" },
);

/** Reads a `VaultFarm`: quantities become bytes, defaults are filled in. */
export const vaultFarmSchema: z.ZodType<VaultFarm> = farm;

/** Reads the `spec` of one. */
export const vaultFarmSpecSchema: z.ZodType<VaultFarmSpec> = spec;

/** The JSON schema of the manifest as a person writes it, with what only an API server understands (`x-kubernetes-…`). */
export function vaultFarmJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(farm, { io: "input" }) as Record<string, unknown>;
}
