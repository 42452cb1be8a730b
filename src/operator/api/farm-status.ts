// `status` of a `VaultFarm`: counts and conditions for people, columns and autoscalers, and what comes next and why.
import { z } from "zod";
import { conditions, count, type StatusCondition, statusText } from "./status-fields.ts";

/** A next action: what, on which node, why, and since when it waits for what. */
export type PlanStep = { readonly action: string; readonly node?: string; readonly why: string; readonly waiting: boolean };

export type VaultFarmStatus = {
  readonly observedGeneration?: number;
  /** Nodes that exist, of which so many are ready. */
  readonly nodes?: number;
  readonly readyNodes?: number;
  readonly vaults?: number;
  /** Selects the farm's vault pods; autoscalers read it. */
  readonly selector?: string;
  /** Quantities, rounded to two significant digits. */
  readonly capacity?: string;
  readonly used?: string;
  /** Chunks with fewer copies than `copies.min`. */
  readonly chunksBelowMin?: number;
  /** Of the farm's pods, also while they are being started anew with it. */
  readonly image?: string;
  readonly networkId?: string;
  /** Nodes that other farms' and this farm's nodes see. */
  readonly networkSize?: number;
  readonly conditions?: readonly StatusCondition[];
  readonly plan?: readonly PlanStep[];
};

/** Most steps of the plan that a status tells. */
export const planStepsMax = 16;

const step: z.ZodType<PlanStep> = z
  .object({
    action: statusText(64).describe("What is done or waited for, such as drain-node."),
    node: z.exactOptional(statusText(63)).describe("The node that it is done to."),
    why: statusText(512).describe("Why it is done, or what it waits for."),
    waiting: z.boolean().describe("Whether it waits."),
  })
  .describe("A next action.");

/** The schema of a farm's status. */
export const vaultFarmStatusSchema: z.ZodType<VaultFarmStatus> = z
  .object({
    observedGeneration: z.exactOptional(count()).describe("The generation of the spec that this status speaks of."),
    nodes: z.exactOptional(count().meta({ format: "int32" })).describe("Vault nodes that exist, running or not."),
    readyNodes: z.exactOptional(count()).describe("Vault nodes that are ready."),
    vaults: z.exactOptional(count()).describe("Vaults in all nodes."),
    selector: z.exactOptional(statusText(256)).describe("Label selector of the vault nodes' pods, for autoscalers."),
    capacity: z.exactOptional(statusText(32)).describe("What all vaults together declare, rounded."),
    used: z.exactOptional(statusText(32)).describe("What all vaults together hold, rounded."),
    chunksBelowMin: z.exactOptional(count()).describe("Chunks with fewer copies than spec.copies.min, rounded."),
    image: z.exactOptional(statusText(1024)).describe("Image of the farm's pods; see spec.update.behaviourVersion."),
    networkId: z.exactOptional(statusText(64)).describe("Id of the farm's network: the hash of its genesis."),
    networkSize: z.exactOptional(count()).describe("Nodes that are confirmed members of the network."),
    conditions: z.exactOptional(conditions()),
    plan: z.exactOptional(
      z.array(step).max(planStepsMax).meta({ "x-kubernetes-list-type": "atomic" }).describe("The next actions, each with its reason."),
    ),
  })
  .describe("The farm as it is.");
