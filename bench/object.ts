// The object bench: 256 MiB into a real farm of 8 nodes with at least four durable copies, and out again through the other
// gateway, which has none of it in memory; beside plain node:http with one synced file, in the same rounds.

import { systemClock } from "../src/runtime/clock.ts";
import { type BenchFarm, type Cost, mib, startBenchFarm } from "./farm-under-load.ts";
import { download, keptConnections, upload } from "./http-load.ts";
import { cpuSeconds } from "./process-cost.ts";
import { type ReferenceStore, startReferenceStore } from "./reference-store.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const length = 256 * mib;
const idleSeconds = 5;
const agent = keptConnections(1);

type Round = Readonly<Record<"put" | "get" | "plainPut" | "plainGet", Cost>>;

async function round({ farm, measure }: BenchFarm, plain: ReferenceStore, seed: number): Promise<Round> {
  let [address, name] = ["", ""];
  const put = await measure(async () => {
    address = (JSON.parse(await upload(`${farm.gateway(0)}/v1/objects`, length, seed, agent)) as { address: string }).address;
  });
  const plainPut = await plain.measure(async () => {
    name = (JSON.parse(await upload(plain.url, length, seed, agent)) as { address: string }).address;
  });
  const get = await measure(() => download(`${farm.gateway(1)}/v1/objects/${address}`, length, agent));
  const plainGet = await plain.measure(() => download(`${plain.url}/${name}`, length, agent));
  return { put, plainPut, get, plainGet };
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const farm = await startBenchFarm();
  const plain = await startReferenceStore();
  try {
    // The first round compiles and opens connections, and is not counted.
    await round(farm, plain, 0);
    const idle = await pulse(farm);
    const rounds: Round[] = [];
    for (let i = 1; i <= runs; i += 1) rounds.push(await round(farm, plain, i));
    return [...rows(rounds, "put", "put 256 MiB"), ...rows(rounds, "get", "get 256 MiB cold"), idle];
  } finally {
    await plain.stop();
    await farm.farm.remove();
    agent.destroy();
  }
}

/** What the farm takes a second while nobody asks for anything: part of the figures above, the more the longer they take. */
async function pulse({ pids }: BenchFarm): Promise<Result> {
  const shares: number[] = [];
  for (let second = 0; second < idleSeconds; second += 1) {
    const before = cpuSeconds(pids);
    await systemClock.sleep(1_000);
    shares.push(cpuSeconds(pids) - before);
  }
  return summarise({ bench: "object", what: "the farm idle, all processes", unit: "CPU-s a second" }, shares);
}

function rows(rounds: readonly Round[], which: "put" | "get", what: string): readonly Result[] {
  const plain = which === "put" ? "plainPut" : "plainGet";
  const speed = (name: keyof Round): number[] => rounds.map((one) => length / mib / one[name].wallS);
  const cpu = (name: keyof Round): number[] => rounds.map((one) => (one[name].cpuS * 1024 * mib) / length);
  const reference = which === "put" ? "node:http to one synced file" : "node:http from a file";
  return [
    summarise({ bench: "object", what, unit: "MiB/s" }, speed(which), {
      cpuSecondsPerGiB: median(cpu(which)),
      reference: { what: reference, median: median(speed(plain)) },
      ratio: median(rounds.map((one) => one[plain].wallS / one[which].wallS)),
    }),
    summarise({ bench: "object", what: `${what}, all processes`, unit: "CPU-s/GiB" }, cpu(which), {
      reference: { what: `${reference}, CPU`, median: median(cpu(plain)) },
      ratio: median(rounds.map((one) => one[which].cpuS / Math.max(0.01, one[plain].cpuS))),
    }),
  ];
}

export const bench: Bench = { name: "object", run };
