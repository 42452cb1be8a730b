// `kubectl vaultfarm plan`: what the operator does next with a farm and why, how long each step has waited, and what the nodes
// themselves count as still to be copied.
import type { StatusCondition } from "../../operator/api/status-fields.ts";
import type { CommandWorld } from "../command-world.ts";
import type { Output } from "../output.ts";
import { listNodes, readFarm, withCluster } from "./cluster.ts";
import { type CopiesLeft, copiesLeft } from "./copies-left.ts";
import { conditionOf, type FarmSeen, farmSeen, type NodeSeen, planOf } from "./farm-seen.ts";
import { askFarm, type LiveAnswers, unseenText } from "./live-farm.ts";
import { type FarmPlan, planText, type SeenStep } from "./plan-text.ts";
import { rightsText } from "./rights.ts";
import type { ShowOptions } from "./show.ts";

/** Shows the next steps of a farm. Rejects with a `CommandError`. */
export async function plan(world: CommandWorld, output: Output, name: string, options: ShowOptions): Promise<void> {
  await withCluster(world, options, "plan", async (cluster) => {
    const farm = await readFarm(cluster, name);
    const seen = farmSeen(farm, await listNodes(cluster, farm));
    const live = await askFarm(cluster, world.clock, seen, "metrics");
    const made = planNow(seen, live);
    output.json(made);
    output.line(planText(made, { wide: options.output === "wide", nowMs: world.clock.wallMs() }));
    if (output.isJson) return;
    if (live.forbidden !== null) output.note(`no live numbers: ${live.forbidden}; plan uses the rights: ${rightsText("plan")}`);
    else if (live.unseen.length > 0) output.note(`no live numbers of ${unseenText(live)}`);
  });
}

/** The plan as it is shown: the operator's, and beside it what the nodes say (`live`: their metrics). Pure. */
export function planNow(seen: FarmSeen, live: LiveAnswers): FarmPlan {
  const { name: farm, namespace, seenAt, status, nodes } = seen;
  const steps = planOf(seen).map((step): SeenStep => ({ ...step, ...sinceOf(nodes.find((node) => node.name === step.node)) }));
  const copying: CopiesLeft = copiesLeft(live.texts);
  const accepted = conditionOf(status, "SpecAccepted");
  return {
    farm,
    namespace,
    seenAt,
    refused: accepted?.status === "False" ? (accepted.message ?? null) : null,
    progressing: conditionOf(status, "Progressing") ?? null,
    written: status.plan !== undefined,
    next: steps.find(({ waiting }) => !waiting) ?? null,
    steps,
    draining: nodes.flatMap(drainOf),
    copying: copying.nodes.length === 0 ? null : copying,
    unseen: live.unseen,
  };
}

/** Since when the step's node is as it is: what a step about it waits for began no earlier. */
function sinceOf(node: NodeSeen | undefined): Pick<SeenStep, "state" | "since"> {
  const draining = conditionOf(node?.status ?? {}, "Draining");
  if (draining?.status === "True") return { state: "draining", since: timeOf(draining) };
  const ready = conditionOf(node?.status ?? {}, "Ready");
  return ready?.status === "False" ? { state: "not ready", since: timeOf(ready) } : { state: null, since: null };
}

function drainOf({ name, status }: NodeSeen): FarmPlan["draining"] {
  const draining = conditionOf(status, "Draining");
  if (status.drain === undefined && draining?.status !== "True") return [];
  return [{ node: name, left: status.drain?.left ?? null, since: timeOf(draining), message: draining?.message ?? null }];
}

function timeOf(condition: StatusCondition | undefined): string | null {
  return condition?.lastTransitionTime ?? null;
}
