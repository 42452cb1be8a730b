// `spec.storage` of a farm: the volumes of its vault nodes. Of a local farm, whose nodes have folders, only reclaimPolicy speaks.
import { z } from "zod";
import { anObject, byteQuantity, listOf, objectName, oneOf, wholeNumber } from "./fields.ts";

/** What becomes of the volume of a node that was drained, proven and removed. */
export const reclaimPolicies = ["Retain", "Delete"] as const;
export type ReclaimPolicy = (typeof reclaimPolicies)[number];

/** How a volume may be mounted: by the pods of one cluster node, or by one pod. A vault node's volume has one user. */
export const accessModes = ["ReadWriteOnce", "ReadWriteOncePod"] as const;
export type AccessMode = (typeof accessModes)[number];

/** `whenUsedAbove` and `step` in percent, `max` in bytes of each vault. */
export type AutogrowSpec = { readonly whenUsedAbove: number; readonly step: number; readonly max: number };

export type StorageSpec = {
  /** Absent: the cluster's default class. */
  readonly storageClassName?: string;
  /** One; absent: ReadWriteOnce. */
  readonly accessModes?: readonly AccessMode[];
  readonly reclaimPolicy: ReclaimPolicy;
  readonly autogrow?: AutogrowSpec;
};

/** The schema of `spec.storage`, for vaults of `min` to `max` bytes. */
export function storage(min: number, max: number): z.ZodType<StorageSpec> {
  const autogrow: z.ZodType<AutogrowSpec> = z.strictObject(
    {
      whenUsedAbove: wholeNumber(10, 94).default(80).describe("Percent of a vault's capacity in use at which it grows."),
      step: wholeNumber(1, 100).default(20).describe("Percent of its capacity by which a vault grows at a time."),
      max: byteQuantity(min, max).describe("Capacity of each vault that growing ends at."),
    },
    anObject,
  );
  return z
    .strictObject(
      {
        storageClassName: z
          .exactOptional(objectName())
          .describe(
            "StorageClass of new volumes; it must allow expansion for volumes to grow. Absent: the cluster's default. In a cluster only.",
          ),
        accessModes: z
          .exactOptional(listOf(oneOf(accessModes), "access modes, of which there is exactly one", 1, 1))
          .describe(
            "How new volumes may be mounted: ReadWriteOnce, or ReadWriteOncePod where the storage knows it (CSI), so that no second pod can ever open one. Those that there are stay as they are. Absent: ReadWriteOnce. In a cluster only.",
          ),
        reclaimPolicy: oneOf(reclaimPolicies)
          .default("Retain")
          .describe(
            "What becomes of the volume (in a local farm: the folder) of a node that was drained, proven to be dispensable, and removed.",
          ),
        autogrow: z
          .exactOptional(autogrow)
          .describe(
            "Growing of vaults before they are full: first the volume, then what the vault declares. Absent: no growing. In a cluster only.",
          ),
      },
      anObject,
    )
    .prefault({})
    .describe("The volumes of vault nodes.");
}
