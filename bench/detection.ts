// How fast every live node routes round one that was killed, frozen or cut off: eight real nodes in the cluster profile.
// A sample is one event at one live node: from the signal, or the command to the link, to the moment at which the board
// that its router reads says so, both on the host's monotonic clock. Idle first, then beside busy programs.
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { hostMonotonicMs } from "../src/runtime/clock.ts";
import { type GroupNode, type NodeGroup, startNodeGroup } from "../test/support/node-group.ts";
import { createLinks, type Links, linksRefused } from "../test/support/node-links.ts";
import { startBusyProgram } from "./busy-program.ts";
import { readNodeFigures } from "./detection-figures.ts";
import { type Bench, percentile, type Result } from "./result.ts";
import { type StallWitness, startStallWitness } from "./stall-witness.ts";

const count = 8;
/** Events of each kind at the usual five runs, idle; a fifth of it under load. */
const events = { SIGKILL: 50, SIGSTOP: 100, "cut link": 100 } as const;
const runsUsual = 5;
const loadedPart = 0.2;
type Kind = keyof typeof events;

/** By then the last node has noticed, or it is counted as missed. */
const noticeMs = 200;
/** Between events all must be as before: a restarted node is watched from its first heartbeat, but its start keeps the machine busy for a while. */
const calmMs = { SIGKILL: 1_500, SIGSTOP: 300, "cut link": 300 } as const satisfies Record<Kind, number>;
const quietMs = 20_000;
const busyPrograms = 4;

/** An event is judged with what the machine did so long before and after it, milliseconds: a window and the goal. */
const stallLookMs = 20;
/** The goal: events with a later sample are printed one by one. */
const goalMs = 20;

type Scene = { readonly group: NodeGroup; readonly links: Links; readonly witness: StallWitness };
/**
 * `closed`: routed round on a closed connection, which was there before the silence was long enough and is not timed. `stalled`:
 * events during which the machine itself stood still; `undisturbed`: the samples of all others.
 */
type Tally = {
  readonly samples: number[];
  /** From when a node could be heard again until a live one routed to it, and those that did not by then. */
  readonly back: number[];
  missedBack: number;
  readonly undisturbed: number[];
  missed: number;
  before: number;
  closed: number;
  stalled: number;
};

export const bench: Bench = {
  name: "detection",
  run: async ({ runs }) => {
    const share = runs / runsUsual;
    const refused = linksRefused();
    if (refused !== undefined) {
      console.log(`  not measured: ${refused}`);
      return [];
    }
    const links = await createLinks(count);
    const group = await startNodeGroup({ count, profile: "cluster", seat: links.seat }).catch(async (error: unknown) => {
      await links.remove();
      throw error;
    });
    const witness = startStallWitness();
    try {
      const scene = { group, links, witness };
      const idle = await series(scene, "idle", share);
      const load = Array.from({ length: busyPrograms }, startBusyProgram);
      const loaded = await series(scene, "under load", share * loadedPart).finally(() => {
        for (const program of load) program.kill("SIGKILL");
      });
      return [...idle, ...loaded];
    } finally {
      await witness.stop();
      await group.remove();
      await links.remove();
    }
  },
};

async function series(scene: Scene, load: string, share: number): Promise<readonly Result[]> {
  const rows = [...(await quietFigures(scene, load))];
  for (const kind of Object.keys(events) as Kind[]) {
    const tally: Tally = { samples: [], back: [], undisturbed: [], missed: 0, missedBack: 0, before: 0, closed: 0, stalled: 0 };
    const startMs = hostMonotonicMs();
    for (let number = 0; number < Math.ceil(events[kind] * share); number += 1) await oneEvent(scene, kind, number, tally);
    rows.push(...rowsOf(`${kind}, ${load}`, tally.samples), ...rowsOf(`served again after ${kind}, ${load}`, tally.back));
    const [p50, p99] = [0.5, 0.99].map((fraction) => percentile(tally.samples, fraction).toFixed(1));
    const counted = `${tally.samples.length} samples, ${tally.missed} missed, ${tally.before} suspected before, ${tally.closed} by a closed connection`;
    const quiet = `p99 ${percentile(tally.undisturbed, 0.99).toFixed(1)} ms without the ${tally.stalled} events during which the machine stood still`;
    const tookS = ((hostMonotonicMs() - startMs) / 1000).toFixed(0);
    console.log(
      `  ${kind}, ${load}: p50 ${p50} ms, p99 ${p99} ms, ${quiet}, ${counted}, in ${tookS} s, load average ${loadavg()[0]?.toFixed(1)}`,
    );
    if (kind !== "SIGKILL")
      console.log(`  back after ${kind}, ${load}: ${tally.back.length} samples, ${tally.missedBack} not within ${noticeMs} ms`);
  }
  return rows;
}

async function oneEvent({ group, links, witness }: Scene, kind: Kind, number: number, tally: Tally): Promise<void> {
  const victim = group.nodes[number % count];
  if (victim === undefined) return;
  const others = group.nodes.filter((node) => node !== victim);
  // Not in step with any timer.
  await sleep(calmMs[kind] + Math.random() * 20);
  const atMs = hostMonotonicMs();
  if (kind === "cut link") links.set(victim.number, "down");
  else victim.process.child.kill(kind);
  await sleep(noticeMs);
  const first = tally.samples.length;
  await Promise.all(others.map((node) => collect(group, { node, victim, atMs }, tally)));
  const samples = tally.samples.slice(first);
  const stallMs = witness.longestMs(atMs - stallLookMs, atMs + stallLookMs);
  if (stallMs > 0) tally.stalled += 1;
  else tally.undisturbed.push(...samples);
  if (Math.max(...samples) > goalMs)
    console.log(
      `  ${kind}, event ${number}: ${samples.map((ms) => ms.toFixed(1)).join(" ")} ms; the machine stood still for ${stallMs.toFixed(1)} ms`,
    );
  const backMs = hostMonotonicMs();
  if (kind === "cut link") links.set(victim.number, "up");
  else if (kind === "SIGSTOP") victim.process.child.kill("SIGCONT");
  else await group.restart(victim);
  if (kind !== "SIGKILL") {
    await sleep(noticeMs);
    await Promise.all(others.map((node) => collectBack(group, { node, victim, atMs: backMs }, tally)));
  }
  await group.settled();
}

async function collectBack(group: NodeGroup, { node, victim, atMs }: Look, tally: Tally): Promise<void> {
  const entry = (await group.views(node)).find(({ peerId }) => peerId === victim.peerId);
  const routesTo = entry?.state === "live" && entry.hint !== "silent" && entry.hint !== "told";
  if (!routesTo) tally.missedBack += 1;
  else if (entry.hostMs >= atMs) tally.back.push(entry.hostMs - atMs);
}

type Look = { readonly node: GroupNode; readonly victim: GroupNode; readonly atMs: number };

async function collect(group: NodeGroup, { node, victim, atMs }: Look, tally: Tally): Promise<void> {
  const entry = (await group.views(node)).find(({ peerId }) => peerId === victim.peerId);
  const routesRound = entry?.hint === "silent" || entry?.hint === "told";
  if (entry?.state === "suspected" && !routesRound) tally.closed += 1;
  else if (entry === undefined || !routesRound) tally.missed += 1;
  else if (entry.hostMs < atMs) tally.before += 1;
  else tally.samples.push(entry.hostMs - atMs);
}

function rowsOf(what: string, samples: readonly number[]): readonly Result[] {
  if (samples.length === 0) return [];
  const [min, max] = [Math.min(...samples), Math.max(...samples)];
  const row = (name: string, fraction: number): Result => ({
    ...{ bench: "detection", what: `${what} ${name}`, unit: "ms", min, max, runs: samples.length },
    median: percentile(samples, fraction),
  });
  return [row("p50", 0.5), row("p99", 0.99)];
}

/** What the heartbeats cost, and how often a stall of the machine looked like a death, while nothing dies. */
async function quietFigures({ group }: Scene, load: string): Promise<readonly Result[]> {
  const before = await Promise.all(group.nodes.map((node) => readNodeFigures(group, node)));
  const startMs = hostMonotonicMs();
  await sleep(quietMs);
  const seconds = (hostMonotonicMs() - startMs) / 1000;
  const after = await Promise.all(group.nodes.map((node) => readNodeFigures(group, node)));
  const row = (what: string, unit: string, read: (figures: Readonly<Record<string, number>>) => number, scale: number): Result => {
    const values = after.map((now, index) => ((read(now) - read(before[index] ?? {})) / seconds) * scale);
    const [min, max] = [Math.min(...values), Math.max(...values)];
    return { bench: "detection", what: `${what}, ${load}`, unit, median: percentile(values, 0.5), min, max, runs: values.length };
  };
  const hour = 3600;
  return [
    row("CPU of the heartbeat thread", "% of a core", (figures) => figures["thread"] ?? 0, 100),
    row("CPU of an idle node", "% of a core", (figures) => figures["process"] ?? 0, 100),
    ...["stalled", "lost", "delayed", "self-late"].map((cause) =>
      row(`false suspicions, ${cause}`, "a node-hour", (figures) => figures[cause] ?? 0, hour),
    ),
  ];
}
