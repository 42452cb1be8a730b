// What a vault costs as its network grows: real vault nodes at rest on this machine, as many as it bears, and beyond that
// simulated ones, the same code in virtual time, by what an hour of failures, drains and joins takes of this machine's CPU.
import { systemClock } from "../src/runtime/clock.ts";
import { daysOptions } from "../test/sim/days.ts";
import { simulate } from "../test/sim/simulate.ts";
import { startNodeGroup } from "../test/support/node-group.ts";
import { anonymousMiB, cpuSeconds } from "./process-cost.ts";
import { type Bench, type Result, summarise } from "./result.ts";

const realNodes = [8, 12, 16] as const;
/** Nodes of eight vaults: 64, 256 and 1,000 vaults. */
const simulatedNodes = [8, 32, 125] as const;
const vaultsPerNode = 8;
/** Left alone before it is measured: what coming together took is over by then. */
const settleMs = 20_000;
const measureMs = 30_000;
/** A short and a long simulation of the same seed: their difference is hours alone, without the coming together and the end. */
const steps = { short: 1, long: 7 } as const;
const seed = 1;

export const bench: Bench = {
  name: "growth",
  onlyNamed: true,
  run: async (): Promise<readonly Result[]> => {
    const rows: Result[] = [];
    for (const nodes of realNodes) rows.push(...(await atRest(nodes)));
    for (const nodes of simulatedNodes) rows.push(...(await anHour(nodes)));
    return compared(rows);
  },
};

/** CPU and memory of each node of a network in which nothing happens; its vaults share it, so this is the cost of its one vault. */
async function atRest(nodes: number): Promise<readonly Result[]> {
  const group = await startNodeGroup({ count: nodes, profile: "lan" });
  try {
    await systemClock.sleep(settleMs);
    const pids = group.nodes.map(({ process: { child } }) => child.pid ?? 0);
    const look = (): readonly number[] => pids.map((pid) => cpuSeconds([pid]));
    const [before, startMs] = [look(), systemClock.monotonicMs()];
    await systemClock.sleep(measureMs);
    const [after, seconds] = [look(), (systemClock.monotonicMs() - startMs) / 1000];
    const shares = after.map((now, index) => ((now - (before[index] ?? now)) / seconds) * 100);
    const what = (figure: string): string => `${figure}, ${nodes} real nodes at rest`;
    return [
      summarise({ bench: "growth", what: what("CPU a node"), unit: "% of a core" }, shares),
      summarise({ bench: "growth", what: what("memory a node"), unit: "MiB anonymous" }, pids.map(anonymousMiB)),
    ];
  } finally {
    await group.remove();
  }
}

/** What an hour of *days* costs a vault, and what coming together and four quiet hours at the end do. */
async function anHour(nodes: number): Promise<readonly Result[]> {
  const vaults = nodes * vaultsPerNode;
  const [short, long] = [await simulated(nodes, steps.short), await simulated(nodes, steps.long)];
  const hours = steps.long - steps.short;
  const row = (what: string, unit: string, value: number): Result =>
    summarise({ bench: "growth", what: `${what}, ${vaults} simulated vaults`, unit }, [value]);
  return [
    row("CPU a vault, coming together and a quiet end", "ms", short.cpuMs / vaults),
    row("CPU a vault and hour", "ms", (long.cpuMs - short.cpuMs) / hours / vaults),
    row("timers a vault and hour", "", (long.events - short.events) / hours / vaults),
  ];
}

async function simulated(nodes: number, hours: number): Promise<{ readonly cpuMs: number; readonly events: number }> {
  // What the rules of the simulator cost is not the farm's.
  const options = { ...daysOptions(seed, { nodes, vaultsPerNode }, 1), steps: hours, rules: [] };
  const before = process.cpuUsage();
  const { events } = await simulate(options);
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, events };
}

/** Each row beside the one of the smallest network of its kind. */
function compared(rows: readonly Result[]): readonly Result[] {
  const kindOf = ({ what }: Result): string => what.replace(/\d+/, "N");
  return rows.map((row) => {
    const first = rows.find((one) => kindOf(one) === kindOf(row)) ?? row;
    return first === row ? row : { ...row, reference: { what: "smallest", median: first.median }, ratio: row.median / first.median };
  });
}
