// The machines of a cluster under test: which one carries most of a farm, their zones, and their power, which is cut and given
// back by shell commands that the environment names.
import type { Release } from "./cluster-farm.ts";
import { kubectl, runTool } from "./cluster-tools.ts";
import type { PodView } from "./cluster-views.ts";

/** Kubernetes' own label, which farms go by unless they name another. */
const zoneKey = "topology.kubernetes.io/zone";

export type Power = {
  /** Like a pulled plug: nobody on it says goodbye. */
  cut(machine: string): Promise<void>;
  /** Starts it again with the disk that it had, and waits until the cluster counts on it. */
  restore(machine: string): Promise<void>;
};

export type MachineLoad = { readonly machine: string; readonly pods: readonly PodView[] };

/** Why nothing can be shown of one machine of several where `busiestMachine` finds none. */
export const onlyMachine = "all vault pods are on one machine, and this wants others for their nodes to go to";

/** The machine with most vault pods, and they; undefined where no other machine has any. */
export async function busiestMachine({ views, namespace, name }: Release): Promise<MachineLoad | undefined> {
  const pods = await views.pods(namespace, name);
  const on = (machine: string): readonly PodView[] => pods.filter(({ spec }) => spec.nodeName === machine);
  const machines = [...new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []))];
  const [machine] = machines.sort((a, b) => on(b).length - on(a).length);
  return machine === undefined || machines.length === 1 ? undefined : { machine, pods: on(machine) };
}

type Machine = {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly unschedulable?: boolean };
};

/** Zones of the machines that take pods, by their label, and how many of the farm's vault pods run in each; empty where no machine has one. */
export async function podsInZones({ views, namespace, name }: Release): Promise<ReadonlyMap<string, number>> {
  const machines = (await views.get<{ readonly items: readonly Machine[] }>("/api/v1/nodes"))?.items ?? [];
  const zoneOf = new Map(
    machines.flatMap(({ metadata, spec }) => {
      const zone = metadata.labels?.[zoneKey];
      return zone === undefined || spec.unschedulable === true ? [] : [[metadata.name, zone] as const];
    }),
  );
  const pods = await views.pods(namespace, name);
  const inZone = (zone: string): number => pods.filter(({ spec }) => zoneOf.get(spec.nodeName ?? "") === zone).length;
  return new Map([...new Set(zoneOf.values())].map((zone) => [zone, inZone(zone)]));
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
