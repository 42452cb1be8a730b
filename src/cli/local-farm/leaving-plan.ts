// What a running farm does about nodes that leave, each step with what it waits for: written by `up` when it changes, read by
// `status` and `scale`.
import { z } from "zod";
import type { PlanStep } from "../../operator/api/farm-status.ts";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import { planSteps } from "../../operator/vault-farm/status.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { type FarmState, staysHere } from "./farm-state.ts";

const stepsSchema: z.ZodType<readonly PlanStep[]> = z.array(
  z.object({ action: z.string(), node: z.exactOptional(z.string()), why: z.string(), waiting: z.boolean() }),
);

/** The steps on nodes that leave, out of all that was planned. Pure. */
export function leavingSteps(actions: readonly FarmAction[], { nodes }: Pick<FarmState, "nodes">): readonly PlanStep[] {
  const leaving = new Set(nodes.filter((node) => !staysHere(node)).map(({ name }) => name));
  return planSteps(actions).filter(({ node }) => node !== undefined && leaving.has(node));
}

/** Writes the steps down where they changed; the first time in any case. */
export function createPlanWriter(folder: FarmFolder): (actions: readonly FarmAction[], state: FarmState) => Promise<void> {
  let written = "";
  return async (actions, state) => {
    const text = JSON.stringify(leavingSteps(actions, state));
    if (text !== written) await writeFileAtomic(folder.plan, text);
    written = text;
  };
}

/** The steps written last; where the farm does not run, that of the nodes which are to leave each goes on once it does. */
export async function readLeavingSteps(
  folder: FarmFolder,
  { nodes }: Pick<FarmState, "nodes">,
  runs: boolean,
): Promise<readonly PlanStep[]> {
  const leaving = nodes.filter((node) => !staysHere(node));
  if (!runs)
    return leaving.map(({ name }) => ({
      action: "wait",
      node: name,
      why: "it is to leave, which goes on once the farm runs",
      waiting: true,
    }));
  const parsed = stepsSchema.safeParse(parseJson(await readFileIfThere(folder.plan)));
  return parsed.success ? parsed.data : [];
}

function parseJson(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(bytes ?? []).toString());
  } catch {
    return undefined;
  }
}
