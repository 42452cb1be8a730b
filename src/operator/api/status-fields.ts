// Fields that the status of both kinds has: conditions as Kubernetes has them, and texts and counts with their bounds.
import { z } from "zod";

/** A condition as it stands in a status. */
export type StatusCondition = {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
};

/** A count that a status tells. */
export function count(): z.ZodType<number> {
  return z.int().min(0);
}

/** A text that a status tells. */
export function statusText(lengthMax: number): z.ZodType<string> {
  return z.string().max(lengthMax);
}

const condition: z.ZodType<StatusCondition> = z
  .object({
    type: z.string().max(64).describe("What the condition is about, such as Ready."),
    status: z.enum(["True", "False", "Unknown"]).describe("Whether it holds."),
    reason: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe("Why, in one word that programs compare."),
    message: z.string().max(32_768).describe("Why, in a sentence that a person can act on."),
    observedGeneration: z.int().min(0).describe("The generation of the object that this speaks of."),
    lastTransitionTime: z.string().meta({ format: "date-time" }).describe("When the status last changed."),
  })
  .describe("One aspect of the object's state.");

/** The conditions of a status, one a type. */
export function conditions(): z.ZodType<readonly StatusCondition[]> {
  return z
    .array(condition)
    .max(32)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
    .describe("Aspects of the object's state, one a type.");
}
