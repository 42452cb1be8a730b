// The memory bench: the anonymous memory of every process of a real farm while 4 GiB go in and come out again through the
// other gateway, sampled all the while. Flat means: the last GiB needs no more than the first.
import { type BenchFarm, mib, startBenchFarm } from "./farm-under-load.ts";
import { download, keptConnections, upload } from "./http-load.ts";
import { anonymousMiB } from "./process-cost.ts";
import { type Bench, type Result, summarise } from "./result.ts";

const length = 4096 * mib;
const sampleEveryMs = 200;
const agent = keptConnections(1);

type Group = "gateway that works" | "other gateway" | "fullest node";
type Sample = { readonly atMs: number; readonly values: Readonly<Record<Group, number>> };

function sampler({ gatewayPids, nodePids }: BenchFarm, works: 0 | 1): { stop(): readonly Sample[] } {
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    const gateway = (index: number): number => anonymousMiB(gatewayPids[index] ?? 0);
    const values = {
      "gateway that works": gateway(works),
      "other gateway": gateway(1 - works),
      "fullest node": Math.max(...nodePids.map(anonymousMiB)),
    };
    samples.push({ atMs: performance.now(), values });
  }, sampleEveryMs);
  return {
    stop: () => {
      clearInterval(timer);
      return samples;
    },
  };
}

async function sampled(farm: BenchFarm, works: 0 | 1, action: () => Promise<void>): Promise<readonly Sample[]> {
  const sampling = sampler(farm, works);
  await farm.measure(action);
  return sampling.stop();
}

async function run(): Promise<readonly Result[]> {
  const farm = await startBenchFarm();
  try {
    let address = "";
    const put = await sampled(farm, 0, async () => {
      const answer = await upload(`${farm.farm.gateway(0)}/v1/objects`, length, 1, agent);
      address = (JSON.parse(answer) as { address: string }).address;
    });
    const get = await sampled(farm, 1, () => download(`${farm.farm.gateway(1)}/v1/objects/${address}`, length, agent));
    return [...rows("put", put), ...rows("get", get)];
  } finally {
    await farm.farm.remove();
    agent.destroy();
  }
}

function rows(which: "put" | "get", samples: readonly Sample[]): readonly Result[] {
  const peak = (part: readonly Sample[], group: Group): number => Math.max(...part.map(({ values }) => values[group]));
  const quarter = Math.ceil(samples.length / 4);
  const groups: readonly Group[] = ["gateway that works", "other gateway", "fullest node"];
  return groups.map((group) => {
    const what = `${which} 4 GiB, peak anonymous memory, ${group}`;
    const first = peak(samples.slice(0, quarter), group);
    const last = peak(samples.slice(-quarter), group);
    return summarise({ bench: "memory-4gib", what, unit: "MiB" }, [peak(samples, group)], {
      reference: { what: "peak in the first quarter", median: first },
      ratio: last / first,
    });
  });
}

export const bench: Bench = { name: "memory-4gib", run };
