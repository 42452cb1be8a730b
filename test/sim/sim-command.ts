// The arguments of `npm run sim`, and the command that replays a run: each the other's way back.
import { parseArgs } from "node:util";
import { type DaysFarm, daysOptions } from "./days.ts";
import { detectionOptions } from "./detection.ts";
import { historyOptions } from "./history.ts";
import { type Bug, bugs, defaultSimOptions, type ScenarioName, type SimOptions, scenarioNames } from "./sim-options.ts";

export type SimWish = {
  readonly options: (seed: number) => SimOptions;
  readonly seed: number;
  readonly runs: number;
  readonly trace: boolean;
};

/** Nodes that a put needs. */
const copiesMin = 4;
const daysNodes = 60;

/** Where each bug shows: the scenario that is played unless another is asked for, and how many vault nodes lie. */
const stages: Readonly<Record<Exclude<Bug, "none">, { readonly scenario: ScenarioName; readonly liars?: number }>> = {
  "lost-acknowledgement": { scenario: "storm" },
  "accept-unverified": { scenario: "storm", liars: 1 },
  "trim-without-proof": { scenario: "keeping", liars: 0 },
  "repair-trusts-suspicion": { scenario: "keeping" },
  "gone-still-counts": { scenario: "keeping" },
  "inventory-forgets-fresh": { scenario: "keeping" },
  "vaults-count-as-nodes": { scenario: "keeping" },
  "hearsay-confirms": { scenario: "detector" },
};

/** The options of a scenario as it is usually played. */
export function scenarioOptions(scenario: ScenarioName, seed: number): SimOptions {
  if (scenario === "keeping") return historyOptions(seed);
  if (scenario === "detector") return detectionOptions(seed);
  if (scenario === "days") return daysOptions(seed, daysFarm(undefined, undefined), 1);
  return { ...defaultSimOptions, seed };
}

/** A farm of so many nodes and vaults in all; where only one is said, four vaults a node, or eight in a farm said by its vaults. */
function daysFarm(nodes: number | undefined, vaults: number | undefined): DaysFarm {
  if (vaults === undefined) return { nodes: nodes ?? daysNodes, vaultsPerNode: 4 };
  const count = nodes ?? Math.max(copiesMin + 1, Math.ceil(vaults / 8));
  return { nodes: count, vaultsPerNode: Math.ceil(vaults / count) };
}

/** The options under which a bug shows. */
export function bugOptions(bug: Exclude<Bug, "none">, seed: number): SimOptions {
  const { scenario, ...more } = stages[bug];
  return { ...scenarioOptions(scenario, seed), ...more, bug };
}

/** What the arguments ask for; `anySeed` where they name none. Throws with a sentence where they are wrong. */
export function readSimCommand(args: readonly string[], anySeed: number): SimWish {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: "string" },
      bug: { type: "string" },
      seed: { type: "string", default: String(anySeed) },
      nodes: { type: "string" },
      steps: { type: "string" },
      days: { type: "string" },
      vaults: { type: "string" },
      liars: { type: "string" },
      runs: { type: "string", default: "1" },
      trace: { type: "boolean", default: false },
    },
  });
  const bug = values.bug === undefined ? undefined : oneOf("bug", bugs, values.bug);
  const scenario = values.scenario === undefined ? undefined : oneOf("scenario", scenarioNames, values.scenario);
  const days = optional("days", values.days, 1);
  const nodes = optional("nodes", values.nodes, copiesMin + 1);
  const vaults = optional("vaults", values.vaults, copiesMin + 1);
  const steps = optional("steps", values.steps, 1);
  const liars = optional("liars", values.liars, 0);
  const base = (seed: number): SimOptions => {
    if (days !== undefined || scenario === "days") return daysOptions(seed, daysFarm(nodes, vaults), days ?? 1);
    if (bug !== undefined && scenario === undefined) return bugOptions(bug, seed);
    return scenarioOptions(scenario ?? "storm", seed);
  };
  const options = (seed: number): SimOptions => {
    const chosen = { ...base(seed), ...defined({ nodes, steps, liars, bug }) };
    // As many stay up as a put needs: in a small farm fewer are down at once.
    return { ...chosen, downMax: Math.min(chosen.downMax, chosen.nodes - copiesMin) };
  };
  return { options, seed: whole("seed", values.seed, 0), runs: whole("runs", values.runs, 1), trace: values.trace };
}

/** The command that plays these options again. */
export function replayCommand({ scenario, seed, nodes, vaultsPerNode, steps, liars, bug }: SimOptions): string {
  const vaults = scenario === "days" ? { vaults: nodes * vaultsPerNode } : {};
  const said = { scenario, seed, nodes, ...vaults, steps, liars, ...(bug === "none" ? {} : { bug }) };
  const words = Object.entries(said).map(([name, value]) => `--${name} ${value}`);
  return `npm run sim -- ${words.join(" ")} --trace`;
}

function defined<T extends object>(values: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<typeof defined<T>>;
}

function oneOf<T extends string>(name: string, allowed: readonly T[], text: string): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw new Error(`--${name}: expected one of ${allowed.join(", ")}, got ${text}`);
  return found;
}

function optional(name: string, text: string | undefined, least: number): number | undefined {
  return text === undefined ? undefined : whole(name, text, least);
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name}: expected a whole number of at least ${least}, got ${text}`);
  return value;
}
