// The small bench: 1,000 objects of 4 KiB into a real farm, 16 at a time, and out again through the other gateway; beside
// plain node:http with a synced file each, in the same rounds.
import { type BenchFarm, type Cost, startBenchFarm } from "./farm-under-load.ts";
import { download, inParallel, keptConnections, upload } from "./http-load.ts";
import { type ReferenceStore, startReferenceStore } from "./reference-store.ts";
import { type Bench, type BenchOptions, median, percentile, type Result, summarise } from "./result.ts";

const length = 4096;
const count = 1000;
const parallel = 16;
const agent = keptConnections(parallel);

type Timed = Cost & { readonly tookMs: readonly number[] };
type Round = Readonly<Record<"put" | "get" | "plainPut" | "plainGet", Timed>>;
type Measure = BenchFarm["measure"];

async function timed(measure: Measure, one: (index: number) => Promise<void>): Promise<Timed> {
  let tookMs: number[] = [];
  const cost = await measure(async () => {
    tookMs = await inParallel(count, parallel, one);
  });
  return { ...cost, tookMs };
}

type Place = { readonly measure: Measure; readonly into: string; from(address: string): string };

async function both({ measure, into, from }: Place, seed: number): Promise<readonly [put: Timed, get: Timed]> {
  const addresses: string[] = [];
  const put = await timed(measure, async (index) => {
    addresses[index] = (JSON.parse(await upload(into, length, seed * count + index, agent)) as { address: string }).address;
  });
  return [put, await timed(measure, (index) => download(from(addresses[index] ?? ""), length, agent))];
}

async function round({ farm, measure }: BenchFarm, plain: ReferenceStore, seed: number): Promise<Round> {
  const here = { measure, into: `${farm.gateway(0)}/v1/objects`, from: (address: string) => `${farm.gateway(1)}/v1/objects/${address}` };
  const [put, get] = await both(here, seed);
  const [plainPut, plainGet] = await both({ measure: plain.measure, into: plain.url, from: (address) => `${plain.url}/${address}` }, seed);
  return { put, get, plainPut, plainGet };
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const farm = await startBenchFarm();
  const plain = await startReferenceStore();
  try {
    // The first round compiles and opens connections, and is not counted.
    await round(farm, plain, 0);
    const rounds: Round[] = [];
    for (let i = 1; i <= runs; i += 1) rounds.push(await round(farm, plain, i));
    return [...rows(rounds, "put"), ...rows(rounds, "get")];
  } finally {
    await plain.stop();
    await farm.farm.remove();
    agent.destroy();
  }
}

function rows(rounds: readonly Round[], which: "put" | "get"): readonly Result[] {
  const plain = which === "put" ? "plainPut" : "plainGet";
  const values = (read: (one: Timed) => number, name: keyof Round = which): number[] => rounds.map((one) => read(one[name]));
  const row = (what: string, unit: string, read: (one: Timed) => number): Result =>
    summarise({ bench: "small", what: `${which} 4 KiB × ${parallel}${what}`, unit }, values(read), {
      reference: { what: "node:http with a file each", median: median(values(read, plain)) },
      ratio: median(values(read)) / median(values(read, plain)),
    });
  return [
    row("", "objects/s", ({ wallS }) => count / wallS),
    row(", p50", "ms", ({ tookMs }) => percentile(tookMs, 0.5)),
    row(", p99", "ms", ({ tookMs }) => percentile(tookMs, 0.99)),
    row(", all processes", "CPU-ms an object", ({ cpuS }) => (cpuS * 1000) / count),
  ];
}

export const bench: Bench = { name: "small", run };
