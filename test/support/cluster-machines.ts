// The machines of a cluster under test: which one carries most of a farm, and their power, which is cut and given back by
// shell commands that the environment names.
import { strict as assert } from "node:assert";
import type { Release } from "./cluster-farm.ts";
import { kubectl, runTool } from "./cluster-tools.ts";
import type { PodView } from "./cluster-views.ts";

export type Power = {
  /** Like a pulled plug: nobody on it says goodbye. */
  cut(machine: string): Promise<void>;
  /** Starts it again with the disk that it had, and waits until the cluster counts on it. */
  restore(machine: string): Promise<void>;
};

/** The machine with most vault pods, and they. Fails where the cluster has only one machine. */
export async function busiestMachine({
  views,
  namespace,
  name,
}: Release): Promise<{ readonly machine: string; readonly pods: readonly PodView[] }> {
  const pods = await views.pods(namespace, name);
  const on = (machine: string): readonly PodView[] => pods.filter(({ spec }) => spec.nodeName === machine);
  const machines = [...new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []))];
  const [machine] = machines.sort((a, b) => on(b).length - on(a).length);
  assert.ok(machine !== undefined && machines.length > 1, "these scenarios want a cluster of two machines or more");
  return { machine, pods: on(machine) };
}

/** Why nothing can be shown of machines that lose their power where `power` is undefined. */
export const powerless = "no VAULTFARM_E2E_KILL_NODE and VAULTFARM_E2E_START_NODE name commands";

/** Undefined where VAULTFARM_E2E_KILL_NODE and VAULTFARM_E2E_START_NODE do not both name a command, to which a machine's name is added. */
export const power: Power | undefined = powerOf(process.env);

function powerOf({ VAULTFARM_E2E_KILL_NODE: kill, VAULTFARM_E2E_START_NODE: start }: NodeJS.ProcessEnv): Power | undefined {
  if (kill === undefined || start === undefined) return undefined;
  return {
    cut: async (machine) => {
      await runTool("sh", ["-c", `${kill} "$0"`, machine]);
    },
    restore: async (machine) => {
      await runTool("sh", ["-c", `${start} "$0"`, machine]);
      await kubectl("wait", "node", machine, "--for=condition=Ready", "--timeout=90s");
    },
  };
}
