// `spec.pod` of a farm: what the pods of its vault nodes ask of the cluster. Nothing of it has an effect on a local farm.
import { z } from "zod";
import { type AffinitySpec, affinity } from "./affinity-spec.ts";
import {
  anObject,
  celRules,
  cpuQuantity,
  labelKey,
  listOf,
  objectName,
  oneOf,
  quantityLengthMax,
  textMap,
  textOf,
  wholeNumber,
} from "./fields.ts";
import { imageUser, type PodSecuritySpec, podSecurityContext } from "./pod-security-spec.ts";
import { quantityPattern } from "./quantity.ts";

/** Requests, and the most memory: there is no limit of processor time, for a throttled node is a silent one. */
export type ResourcesSpec = {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly memory?: string };
};

export type TolerationSpec = {
  readonly key?: string;
  readonly operator: "Equal" | "Exists";
  readonly value?: string;
  readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  readonly tolerationSeconds?: number;
};

export type PodSpec = {
  readonly resources: ResourcesSpec;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly affinity?: AffinitySpec;
  readonly tolerations: readonly TolerationSpec[];
  readonly priorityClassName?: string;
  readonly securityContext?: PodSecuritySpec;
  readonly annotations: Readonly<Record<string, string>>;
};

const memory = (): z.ZodType<string> => textOf('an amount of memory such as "256Mi"', quantityPattern, quantityLengthMax);

/** The schema of a pod's resources with these requests where nothing is said. */
export function resources(fallback: { readonly cpu: string; readonly memory: string }): z.ZodType<ResourcesSpec> {
  return z.strictObject(
    {
      requests: z
        .strictObject(
          {
            cpu: cpuQuantity().default(fallback.cpu).describe("Processor time that is kept for each pod."),
            memory: memory().default(fallback.memory).describe("Memory that is kept for each pod."),
          },
          anObject,
        )
        .prefault({})
        .describe("What is kept for each pod."),
      limits: z
        .strictObject({ memory: z.exactOptional(memory()).describe("Most memory of each pod. Absent: no limit.") }, anObject)
        .prefault({})
        .describe("Most that each pod may take. There is no limit of processor time: a throttled node would be taken for a dead one."),
    },
    anObject,
  );
}

const toleration: z.ZodType<TolerationSpec> = z.strictObject(
  {
    key: z.exactOptional(labelKey()).describe("The taint's key. Absent: every key, with operator Exists."),
    operator: oneOf(["Equal", "Exists"]).default("Equal").describe("Whether the value must be equal, or the key only exist."),
    value: z.exactOptional(textOf("a taint's value", /^[A-Za-z0-9_.-]*$/, 63)).describe("The taint's value, with operator Equal."),
    effect: z.exactOptional(oneOf(["NoSchedule", "PreferNoSchedule", "NoExecute"])).describe("The taint's effect. Absent: every effect."),
    tolerationSeconds: z
      .exactOptional(wholeNumber(0, 2_592_000))
      .describe("Seconds that a pod stays on a node tainted NoExecute. Absent: for ever."),
  },
  anObject,
);

const userOf = (pod: string): string =>
  `(has(${pod}.securityContext) && has(${pod}.securityContext.runAsUser) ? ${pod}.securityContext.runAsUser : ${imageUser})`;
const userFixed = {
  rule: `${userOf("self")} == ${userOf("oldSelf")}`,
  message:
    "securityContext.runAsUser is fixed once the farm exists: what is on its volumes belongs to that user; make another farm instead",
};

/** The schema of `spec.pod`. */
export const pod: z.ZodType<PodSpec> = z
  .strictObject(
    {
      resources: resources({ cpu: "100m", memory: "256Mi" })
        .prefault({})
        .describe("What each vault node's pod asks for, and the memory it may take."),
      nodeSelector: textMap("labels", 64, 63).default({}).describe("Labels that a cluster node must have to run a vault node."),
      affinity: z.exactOptional(affinity),
      tolerations: listOf(toleration, "tolerations", 32).default([]).describe("Taints of cluster nodes that vault nodes bear."),
      priorityClassName: z.exactOptional(objectName()).describe("PriorityClass of the vault nodes' pods."),
      securityContext: z.exactOptional(podSecurityContext),
      annotations: textMap("annotations", 64, 4096).default({}).describe("Further annotations of the vault nodes' pods."),
    },
    anObject,
  )
  .meta(celRules(userFixed))
  .prefault({})
  .describe("What the pods of vault nodes ask of the cluster. In a cluster only.");
