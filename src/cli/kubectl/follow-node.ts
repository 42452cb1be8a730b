// Follows a node that leaves until its record is gone, saying what changes on the way; where it stays blocked it says why.
// The operator does the work and goes on without anybody who looks.
import { type NodeRecord, nodeRecords } from "../../operator/cluster/resources.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import type { Output } from "../output.ts";
import { type Cluster, valueIfThere } from "./cluster.ts";
import { conditionOf, nodeSeen } from "./farm-seen.ts";

/** Between looks, milliseconds. */
const lookEveryMs = 2000;
/** A drain is blocked for moments at its beginning and whenever a node restarts: one that stays so this long is told, milliseconds. */
const blockedMaxMs = 120_000;

/** `cancel`: how the drain is cancelled, where it can be. */
export type Followed = { readonly node: NodeRecord; readonly cancel?: string };

function refused(code: string, message: string): CommandError {
  return new CommandError(exitCodes.refused, code, message);
}

/** Resolves once the node is gone. Rejects with a `CommandError` where it stays blocked, stays after all, or nobody wants to wait. */
export async function followNode(world: CommandWorld, output: Output, cluster: Cluster, { node, cancel }: Followed): Promise<void> {
  const { clock, interrupted } = world;
  const { name, uid } = node.metadata;
  const how = cancel === undefined ? "" : `; ${cancel} cancels it`;
  let said = "";
  let blockedMs: number | undefined;
  for (;;) {
    const now = valueIfThere(await cluster.client.get(nodeRecords, { namespace: cluster.namespace, name }));
    if (now === undefined || now.metadata.uid !== uid) break;
    const { status, desired, deleting } = nodeSeen(now);
    if (!deleting && desired !== "Drained") throw refused("cancelled", `${name} stays: somebody cancelled the drain`);
    const draining = conditionOf(status, "Draining");
    const text = draining?.status === "True" ? draining.message : "The operator has not begun yet.";
    if (text !== said && !output.isJson) output.note(`${name}: ${text}`);
    said = text;
    const hasBegun = draining?.status === "True";
    blockedMs = !hasBegun || draining.reason === "Blocked" ? (blockedMs ?? clock.monotonicMs()) : undefined;
    if (blockedMs !== undefined && clock.monotonicMs() - blockedMs >= blockedMaxMs)
      throw hasBegun
        ? refused("blocked", `${name} cannot leave. ${text} The operator goes on trying${how}`)
        : refused(
            "not-begun",
            `${name} does not leave. The operator has not begun yet: does it run, and is the farm paused? The wish stays${how}`,
          );
    await clock.sleep(lookEveryMs, interrupted).catch((cause: unknown) => {
      throw new CommandError(exitCodes.interrupted, "interrupted", `${name} goes on draining${how}`, cause);
    });
  }
  output.json({ node: name, namespace: cluster.namespace, gone: true });
  output.line(`${name} is gone; what it held is on other nodes`);
}
