// What a person sees while a farm is brought to another number of nodes, until it has them, somebody wants another number, the farm
// is stopped, or nothing has moved for minutes. The work itself is the running farm's and goes on without whoever watches.
import { CommandError } from "./command-error.ts";
import type { CommandWorld } from "./command-world.ts";
import { exitCodes } from "./exit-code.ts";
import { leavingLines } from "./farm-text.ts";
import { staysHere } from "./local-farm/farm-state.ts";
import { type FarmGlance, viewFarm } from "./local-farm/farm-view.ts";
import { findFarm } from "./local-farm/find-farm.ts";
import { readScaleWish } from "./local-farm/scale-wish.ts";
import type { Bar, Output } from "./output.ts";

/** The number of nodes that was asked for. */
export type ScaleGoal = { readonly dataDir: string; readonly name: string; readonly nodes: number };

/** Between looks, and without any change for so long it is given up here, milliseconds: longer than the first start of a farm takes. */
const lookEveryMs = 500;
const stuckAfterMs = 300_000;

/** How far it is. `staying`: nodes that are not to leave; `leaving`: what is done about each that is. */
export type ScaleProgress = {
  readonly nodes: number;
  readonly staying: number;
  readonly ready: number;
  readonly leaving: readonly string[];
};

/** Waits until the farm has the nodes, all ready. Rejects with a `FarmError` or `CommandError`. */
export async function watchScale(world: CommandWorld, output: Output, goal: ScaleGoal): Promise<void> {
  const { clock, interrupted } = world;
  const say = createTeller(output, goal.nodes);
  let [mark, markedMs] = ["", clock.monotonicMs()];
  try {
    for (;;) {
      const progress = await lookOnce(goal);
      say.progress(progress);
      if (isThere(progress, goal.nodes)) return;
      const now = JSON.stringify(progress);
      if (now !== mark) [mark, markedMs] = [now, clock.monotonicMs()];
      else if (clock.monotonicMs() - markedMs > stuckAfterMs) throw stuck(goal, progress);
      await clock.sleep(lookEveryMs, interrupted);
    }
  } catch (error) {
    if (!interrupted.aborted) throw error;
    const how = "vaultfarm status shows how far it is, and another vaultfarm scale changes it";
    throw new CommandError(exitCodes.interrupted, "interrupted", `${goal.name} goes on towards ${goal.nodes} nodes; ${how}`, error);
  } finally {
    say.end();
  }
}

/** Whether nothing is left to do. Pure. */
export function isThere({ nodes, staying, ready, leaving }: ScaleProgress, wanted: number): boolean {
  return nodes === wanted && staying === wanted && ready === wanted && leaving.length === 0;
}

async function lookOnce({ dataDir, name, nodes }: ScaleGoal): Promise<ScaleProgress> {
  const { folder, state } = await findFarm(dataDir, name);
  const [glance, wish] = [await viewFarm(folder, state), await readScaleWish(folder)];
  if (wish !== undefined && wish.nodes !== nodes)
    throw new CommandError(exitCodes.refused, "changed", `${wish.nodes} nodes were asked for meanwhile; ${name} goes on towards those`);
  if (!isRun(glance)) {
    const when = "it goes on at its next start";
    throw new CommandError(exitCodes.unreachable, "not-running", `${name} was stopped before it had ${nodes} nodes; ${when}`);
  }
  const { view } = glance;
  return {
    nodes: view.nodes.length,
    staying: state.nodes.filter(staysHere).length,
    ready: view.nodes.filter((node) => node.state === "ready").length,
    leaving: leavingLines(view.plan),
  };
}

function isRun({ runBy }: FarmGlance): boolean {
  return runBy !== undefined && runBy.stopping !== true;
}

function stuck({ nodes }: ScaleGoal, { ready, leaving }: ScaleProgress): CommandError {
  const minutes = stuckAfterMs / 60_000;
  if (leaving.length === 0)
    return new CommandError(
      exitCodes.cannotStart,
      "not-ready",
      `${ready} of ${nodes} nodes are ready, and nothing has moved for ${minutes} minutes; vaultfarm status shows which are not, and vaultfarm scale changes it`,
    );
  const why = leaving.join("; ");
  return new CommandError(
    exitCodes.refused,
    "stuck",
    `nothing has moved for ${minutes} minutes: ${why}; it is tried on, and vaultfarm scale takes it back`,
  );
}

// A bar on a terminal; elsewhere a line whenever something else is to be said of a node that leaves.
function createTeller(output: Output, wanted: number): { progress(at: ScaleProgress): void; end(): void } {
  let bar: Bar | undefined;
  let said = "";
  return {
    progress: (at) => {
      const text = at.leaving.join("; ");
      bar ??= output.bar({ format: "scaling {bar} {value} nodes ready of {total} {note}", total: Math.max(wanted, at.nodes) });
      bar.set(at.ready, text);
      if (text !== said && text !== "" && !output.isJson) output.note(text);
      said = text;
    },
    end: () => bar?.stop(),
  };
}
