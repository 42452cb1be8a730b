// `spec.pod.securityContext` of a farm: as whom vault nodes run, within what the restricted Pod Security standard admits. What
// would loosen it has no field: non-root, no privileges, RuntimeDefault and a read-only root stay.
import { z } from "zod";
import { anObject, listOf, oneOf, textOf, wholeNumber } from "./fields.ts";

export type PodSecuritySpec = {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly fsGroupChangePolicy?: "OnRootMismatch" | "Always";
  readonly supplementalGroups?: readonly number[];
  readonly seLinuxOptions?: { readonly type?: string; readonly level?: string };
};

/** The user of the image (Dockerfile). */
export const imageUser = 10001;

const id = (): z.ZodType<number> => wholeNumber(1, 2 ** 31 - 1);

/** The types that the standard admits; user and role must stay the system's. */
const seLinuxTypes = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"] as const;

const seLinuxOptions = z.strictObject(
  {
    type: z.exactOptional(oneOf(seLinuxTypes)).describe("Type of the label."),
    level: z.exactOptional(textOf('a level such as "s0:c123,c456"', /^[a-z0-9:.,-]+$/, 128)).describe("Level of the label."),
  },
  anObject,
);

/** The schema of `spec.pod.securityContext`. */
export const podSecurityContext: z.ZodType<PodSecuritySpec> = z
  .strictObject(
    {
      runAsUser: z
        .exactOptional(id())
        .describe("User of the vault nodes, never root. Absent: 10001. Fixed once the farm exists: what is on its volumes belongs to it."),
      runAsGroup: z.exactOptional(id()).describe("Their group. Absent: 10001."),
      fsGroup: z.exactOptional(id()).describe("Group that volumes are given to. Absent: 10001."),
      fsGroupChangePolicy: z
        .exactOptional(oneOf(["OnRootMismatch", "Always"]))
        .describe(
          "When a volume is given to that group. Absent: OnRootMismatch, so that a large volume is not walked through at every start.",
        ),
      supplementalGroups: z.exactOptional(listOf(id(), "groups", 16)).describe("Further groups, for volumes that ask for them."),
      seLinuxOptions: z.exactOptional(seLinuxOptions).describe("SELinux label. Absent: the one that the machine gives."),
    },
    anObject,
  )
  .describe(
    "As whom vault nodes run, where a cluster hands out users and groups. Only what the restricted Pod Security standard admits; its other rules stay as they are.",
  );
