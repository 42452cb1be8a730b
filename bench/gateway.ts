// The gateway bench: a small object out of the cache beside plain Fastify sending the same bytes in the same rounds, and
// the time to the first byte of a cold object on a real farm beside a cold chunk, which is one round trip.
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { chunkAddress } from "../src/protocol/address.ts";
import { chunkSizeMax } from "../src/protocol/limits.ts";
import { type BenchFarm, mib, startBenchFarm } from "./farm-under-load.ts";
import { objectBytes, type Serving } from "./gateway-server.ts";
import { keptConnections, upload } from "./http-load.ts";
import { cpuSeconds } from "./process-cost.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const connections = 16;
const requests = 8_000;
/** Large enough for a map of its own below the root: every object from 13 MiB to some GiB takes the same steps. */
const coldBytes = 64 * mib;

/** Asks `count` times over one kept connection, one request after the other; rejects where the connection ends. */
function askInTurn(url: string, path: string, count: number): Promise<void> {
  const { hostname, port } = new URL(url);
  const question = `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let left = count;
    let expected = 0;
    const ask = (): void => {
      expected = 0;
      socket.write(question);
    };
    socket.on("connect", ask);
    socket.on("data", (piece) => {
      if (expected === 0) expected = piece.indexOf("\r\n\r\n") + 4 + objectBytes;
      expected -= piece.length;
      if (expected > 0) return;
      left -= 1;
      if (left > 0) return ask();
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
    socket.on("end", () => reject(new Error(`${url} ended the connection`)));
  });
}

type Load = { readonly perSecond: number; readonly cpuUs: number };

async function load(pid: number, url: string, path: string): Promise<Load> {
  const cpuBefore = cpuSeconds([pid]);
  const begun = performance.now();
  await Promise.all(Array.from({ length: connections }, () => askInTurn(url, path, requests / connections)));
  const seconds = (performance.now() - begun) / 1000;
  return { perSecond: requests / seconds, cpuUs: ((cpuSeconds([pid]) - cpuBefore) * 1e6) / requests };
}

async function cached(runs: number): Promise<readonly Result[]> {
  const child: ChildProcess = fork(new URL("./gateway-server.ts", import.meta.url));
  const [{ plain, gateway, path }] = (await once(child, "message")) as [Serving];
  const pid = child.pid ?? 0;
  const rounds: { readonly plain: Load; readonly gateway: Load }[] = [];
  // The first round only warms both up.
  for (let round = 0; round <= runs; round += 1) {
    const one = { plain: await load(pid, plain, path), gateway: await load(pid, gateway, path) };
    if (round > 0) rounds.push(one);
  }
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  const row = (what: string, unit: string, figure: (one: Load) => number): Result =>
    summarise(
      { bench: "gateway", what: `64 KiB object from the cache, ${what}`, unit },
      rounds.map((one) => figure(one.gateway)),
      {
        reference: { what: "plain Fastify", median: median(rounds.map((one) => figure(one.plain))) },
        ratio: median(rounds.map((one) => figure(one.gateway) / figure(one.plain))),
      },
    );
  return [row(`${connections} connections`, "requests/s", (one) => one.perSecond), row("CPU a request", "µs", (one) => one.cpuUs)];
}

/** Milliseconds until the first byte of the body; the rest is not waited for. */
async function firstByteMs(url: string): Promise<number> {
  const leaving = new AbortController();
  const begun = performance.now();
  const answer = await fetch(url, { signal: leaving.signal });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  await answer.body?.getReader().read();
  const tookMs = performance.now() - begun;
  leaving.abort();
  return tookMs;
}

type Cold = { readonly objectMs: number; readonly chunkMs: number };

/** Both are stored through one gateway and read through the other, which has never heard of them. */
async function coldRound({ farm }: BenchFarm, seed: number): Promise<Cold> {
  const agent = keptConnections(1);
  const stored = await upload(`${farm.gateway(0)}/v1/objects`, coldBytes, seed, agent);
  agent.destroy();
  const chunk = randomBytes(chunkSizeMax);
  const chunkPath = `/v1/chunks/${chunkAddress(chunk)}`;
  await fetch(`${farm.gateway(0)}${chunkPath}`, { method: "PUT", body: chunk });
  const { address } = JSON.parse(stored) as { address: string };
  return {
    objectMs: await firstByteMs(`${farm.gateway(1)}/v1/objects/${address}`),
    chunkMs: await firstByteMs(`${farm.gateway(1)}${chunkPath}`),
  };
}

async function cold(runs: number): Promise<readonly Result[]> {
  const farm = await startBenchFarm();
  const rounds: Cold[] = [];
  try {
    for (let round = 0; round <= runs; round += 1) {
      const one = await coldRound(farm, round);
      if (round > 0) rounds.push(one);
    }
  } finally {
    await farm.farm.remove();
  }
  const head = { bench: "gateway", what: "cold object of 64 MiB, time to the first byte", unit: "ms" };
  const reference = { what: "cold chunk of 4 MiB", median: median(rounds.map(({ chunkMs }) => chunkMs)) };
  const ratio = median(rounds.map(({ objectMs, chunkMs }) => objectMs / chunkMs));
  return [
    summarise(
      head,
      rounds.map(({ objectMs }) => objectMs),
      { reference, ratio },
    ),
  ];
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  return [...(await cached(runs)), ...(await cold(runs))];
}

export const bench: Bench = { name: "gateway", run };
