// The lane bench: bulk between two processes over lanes beside plain TCP in the same rounds, small requests on the kept
// stream, the delay of the main loops meanwhile, and the memory of a peer.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Message, Peers, RequestKind } from "../src/network/peers.ts";
import { chunkAddress } from "../src/protocol/address.ts";
import type { Ask, Told } from "./lane-other-side.ts";
import { benchPeers, sharedContent } from "./lane-peers.ts";
import { fetchPlain } from "./plain-tcp.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const mib = 1024 * 1024;
const parallel = 8;
const bulkBytes = 384 * mib;
// The marks are of a steady state: by the third round the code of a request is compiled for good.
const warmRounds = 2;
const smallRequests = 6_000;
const crowdSize = 16;

type Other = { readonly child: ChildProcess; readonly ready: Extract<Told, { type: "ready" }> };
type Scene = { readonly other: Other; readonly peers: Peers; readonly content: Uint8Array };
/** CPU of both processes in seconds, wall seconds, p99 delay of both main loops in milliseconds. */
type Cost = { readonly cpuS: number; readonly wallS: number; readonly delayMs: readonly [here: number, there: number] };

async function told<T extends Told["type"]>(child: ChildProcess, type: T): Promise<Extract<Told, { type: T }>> {
  for (;;) {
    const [message] = (await once(child, "message")) as [Told];
    if (message.type === type) return message as Extract<Told, { type: T }>;
  }
}

async function ask<T extends Told["type"]>(child: ChildProcess, question: Ask, type: T): Promise<Extract<Told, { type: T }>> {
  const answer = told(child, type);
  child.send(question);
  return answer;
}

async function cost(child: ChildProcess, work: () => Promise<void>): Promise<Cost> {
  const before = await ask(child, { type: "cpu" }, "cpu");
  const delay = monitorEventLoopDelay({ resolution: 2 });
  delay.enable();
  const ownBefore = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const wallS = (performance.now() - startMs) / 1000;
  const own = process.cpuUsage(ownBefore);
  delay.disable();
  const after = await ask(child, { type: "cpu" }, "cpu");
  return { cpuS: (own.user + own.system + after.cpuUs - before.cpuUs) / 1e6, wallS, delayMs: [delay.percentile(99) / 1e6, after.delayMs] };
}

async function many(count: number, one: () => Promise<void>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    for (; left > 0; ) {
      left -= 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

function request({ peers, other }: Scene, kind: RequestKind, message: Message): () => Promise<void> {
  return async () => (await peers.request(other.ready.peer, kind, message, { timeoutMs: 60_000 })).release();
}

const wanted = (size: number): Message => {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(size, 0);
  return { body, chunks: [] };
};

type Round = Readonly<Record<"plain" | "hash" | "get" | "put" | "large" | "plainSmall" | "small", Cost>>;

async function round(scene: Scene): Promise<Round> {
  const { other, content } = scene;
  const { child } = other;
  const count = bulkBytes / mib;
  const put = { body: new Uint8Array(4), chunks: [content.subarray(0, mib)] };
  return {
    plain: await cost(child, () => fetchPlain(other.ready.plainPort, mib, { count, parallel })),
    hash: await cost(child, () => many(count, async () => void chunkAddress(content.subarray(0, mib)))),
    get: await cost(child, () => many(count, request(scene, "get-chunks", wanted(mib)))),
    put: await cost(child, () => many(count, request(scene, "put-chunks", put))),
    large: await cost(child, () => many(count / 4, request(scene, "get-chunks", wanted(4 * mib)))),
    plainSmall: await cost(child, () => fetchPlain(other.ready.plainPort, 4096, { count: smallRequests, parallel })),
    small: await cost(child, () => many(smallRequests, request(scene, "get-chunks", wanted(4096)))),
  };
}

/** Anonymous memory of this process after collection, KiB. */
function memoryKiB(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return Number(/Anonymous:\s+(\d+)/.exec(readFileSync("/proc/self/smaps_rollup", "utf8"))?.[1] ?? Number.NaN);
}

async function memoryOfPeers(peers: Peers, lane: boolean): Promise<number> {
  const crowd = await startOther();
  const before = memoryKiB();
  const question: Ask = { type: "crowd", size: crowdSize, peer: peers.self, addresses: peers.addresses(), lane };
  await ask(crowd.child, question, "crowd");
  const grown = memoryKiB() - before;
  await end(crowd.child);
  return grown / crowdSize;
}

async function startOther(): Promise<Other> {
  const child = fork(new URL("./lane-other-side.ts", import.meta.url), { serialization: "advanced" });
  return { child, ready: await told(child, "ready") };
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const peers = benchPeers(true);
  peers.handle("put-chunks", async (_from, delivery) => {
    delivery.release();
    return { body: new Uint8Array(4), chunks: [] };
  });
  await peers.start();
  // The lane worker starts with the first lane; a peer is not to pay for it.
  await memoryOfPeers(peers, true);
  const memory = { kept: await memoryOfPeers(peers, false), lane: await memoryOfPeers(peers, true) };
  const other = await startOther();
  const scene: Scene = { other, peers, content: sharedContent() };
  peers.learn(other.ready.peer, other.ready.addresses);
  for (let i = 0; i < warmRounds; i += 1) await round(scene);
  const rounds: Round[] = [];
  for (let i = 0; i < runs; i += 1) rounds.push(await round(scene));
  await peers.stop();
  await end(other.child);
  return report(rounds, memory);
}

function report(rounds: readonly Round[], memory: { readonly kept: number; readonly lane: number }): readonly Result[] {
  const gib = (cpuS: number): number => (cpuS * 1024) / (bulkBytes / mib);
  const perGiB = (name: keyof Round): number[] => rounds.map((one) => gib(one[name].cpuS));
  const plain = { what: "plain TCP with onread, CPU-s/GiB", median: median(perGiB("plain")) };
  const speed = (name: keyof Round): number[] => rounds.map((one) => bulkBytes / mib / one[name].wallS);
  const plainSpeed = { what: "plain TCP with onread, MiB/s", median: median(speed("plain")) };
  const bulk = (name: "get" | "put" | "large", what: string): Result[] => {
    const cpu = median(perGiB(name));
    const ratio = median(rounds.map((one) => one[name].cpuS / one.plain.cpuS));
    const wire = rounds.map((one) => one[name].cpuS - one.hash.cpuS);
    return [
      summarise({ bench: "lane", what: `${what}, CPU with every chunk hashed`, unit: "CPU-s/GiB" }, perGiB(name), {
        cpuSecondsPerGiB: cpu,
        reference: plain,
        ratio,
      }),
      summarise({ bench: "lane", what: `${what}, CPU less the hashing`, unit: "CPU-s/GiB" }, wire.map(gib), {
        reference: plain,
        ratio: median(rounds.map((one, i) => (wire[i] ?? Number.NaN) / one.plain.cpuS)),
      }),
      summarise({ bench: "lane", what: `${what}, speed`, unit: "MiB/s" }, speed(name), {
        reference: plainSpeed,
        ratio: median(rounds.map((one) => one.plain.wallS / one[name].wallS)),
      }),
    ];
  };
  const delays = (side: 0 | 1): number[] => rounds.map((one) => one.large.delayMs[side]);
  return [
    ...bulk("get", `get 1 MiB × ${parallel}`),
    ...bulk("put", `put 1 MiB × ${parallel}`),
    ...bulk("large", `get 4 MiB × ${parallel}`),
    summarise({ bench: "lane", what: "main loop p99 delay of the asker, 4 MiB × 8", unit: "ms" }, delays(0)),
    summarise({ bench: "lane", what: "main loop p99 delay of the node, 4 MiB × 8", unit: "ms" }, delays(1)),
    summarise(
      { bench: "lane", what: "4 KiB × 8 on the kept stream, CPU a request", unit: "µs" },
      rounds.map((one) => (one.small.cpuS * 1e6) / smallRequests),
      {
        reference: { what: "plain TCP, µs", median: median(rounds.map((one) => (one.plainSmall.cpuS * 1e6) / smallRequests)) },
        ratio: median(rounds.map((one) => one.small.cpuS / one.plainSmall.cpuS)),
      },
    ),
    summarise(
      { bench: "lane", what: "4 KiB × 8 on the kept stream", unit: "requests/s" },
      rounds.map((one) => smallRequests / one.small.wallS),
    ),
    summarise({ bench: "lane", what: "memory of a peer without lane", unit: "KiB" }, [memory.kept]),
    summarise({ bench: "lane", what: "memory of a peer with one lane", unit: "KiB" }, [memory.lane]),
  ];
}

/** Needs `--expose-gc` for the memory figures. */
export const bench: Bench = { name: "lane", run };
