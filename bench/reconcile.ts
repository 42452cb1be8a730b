// Two nodes that should hold the same chunks compare them: what it costs in bytes, messages and CPU with 10 differences
// among 100,000, with none, and among a tenth of the chunks; beside plain lists of all addresses. And what the inventory takes.
import { createMemoryNetwork } from "../src/network/in-memory/memory-network.ts";
import { createNodeViews, type NodeViews } from "../src/network/membership/node-views.ts";
import type { Peers } from "../src/network/peers.ts";
import { type Address, addressFromBytes } from "../src/protocol/address.ts";
import { createGenesis } from "../src/protocol/genesis.ts";
import { hash } from "../src/protocol/hash.ts";
import { signingKeyFromSeed } from "../src/protocol/keys.ts";
import { createNodeRecord } from "../src/protocol/node-record.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { seededRandom } from "../src/runtime/random.ts";
import { type CompareOutcome, createCompareHandler, createComparer } from "../src/vault-node/reconciliation/comparer.ts";
import { reconciliationLimits } from "../src/vault-node/reconciliation/reconciliation-limits.ts";
import { createSharedChunks, type SharedChunks } from "../src/vault-node/reconciliation/shared-chunks.ts";
import { type Bench, type BenchOptions, type Result, summarise } from "./result.ts";

const chunkCount = 100_000;
const differences = 10;
const addressLength = 32;
const placeUnit = 2 ** 30;
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const owner = signingKeyFromSeed(seed(1));
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "bench", copies, placeUnit, createdAt: 0 }, owner);
const addresses = Array.from({ length: chunkCount + differences }, (_, number) => addressFromBytes(hash(Buffer.from(`chunk ${number}`))));
// The pauses between pages are for the other work of a node, of which there is none here.
const limits = { ...reconciliationLimits, pageRestMs: 0, burstPerPeer: 1e6, ratePerPeer: 1e6 };

/** Five nodes, so that with a target of five all of them should hold every chunk; the first two are compared. */
function fiveNodes(): NodeViews {
  const views = createNodeViews(genesis, () => 0);
  for (let node = 0; node < 5; node += 1) {
    const vault = {
      key: signingKeyFromSeed(seed(50 + node)),
      capacity: 32 * placeUnit,
      used: 0,
      chunks: 0,
      state: "active",
      wallet: null,
    } as const;
    const domain = { region: "", zone: "", host: `host-${node}` };
    const draft = { addresses: [], domain, software: "", startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [vault] };
    views.putRecord(createNodeRecord(genesis.networkId, signingKeyFromSeed(seed(10 + node)), draft), "live");
  }
  return views;
}

type Side = { readonly peers: Peers; readonly shared: SharedChunks };

async function startSide(peers: Peers, views: NodeViews, held: readonly Address[]): Promise<Side> {
  const store = { addresses: () => held, info: () => undefined };
  const shared = createSharedChunks({ self: peers.self, store, directory: views.directory, copies, clock: systemClock }, limits);
  peers.handle("compare-chunks", createCompareHandler({ shared, clock: systemClock, isNode: () => true }, limits));
  await peers.start();
  shared.start();
  // The clock's timers do not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  await shared.whenReady(AbortSignal.timeout(120_000)).finally(() => clearInterval(alive));
  return { peers, shared };
}

type Compared = Extract<CompareOutcome, { kind: "compared" }> & { readonly cpuMs: number };

async function compare(from: Side, to: Side): Promise<Compared> {
  const comparer = createComparer({ peers: from.peers, shared: from.shared, clock: systemClock, random: seededRandom(1) }, limits);
  const before = process.cpuUsage();
  const outcome = await comparer.compare(to.peers.self, AbortSignal.timeout(60_000));
  const { user, system } = process.cpuUsage(before);
  if (outcome.kind !== "compared") throw new Error(outcome.why);
  return { ...outcome, cpuMs: (user + system) / 1000 };
}

function memoryBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function rows(what: string, compared: readonly Compared[]): readonly Result[] {
  const reference = { what: "all addresses, once", median: chunkCount * addressLength };
  const bytes = compared.map((one) => one.bytes);
  return [
    summarise({ bench: "reconcile", what: `${what}, both ways`, unit: "bytes" }, bytes, {
      reference,
      ratio: (bytes[0] ?? 0) / reference.median,
    }),
    summarise(
      { bench: "reconcile", what: `${what}, requests`, unit: "messages" },
      compared.map(({ messages }) => messages),
    ),
    summarise(
      { bench: "reconcile", what: `${what}, CPU of both`, unit: "ms" },
      compared.map(({ cpuMs }) => cpuMs),
    ),
  ];
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1) });
  const [first, second] = [network.createPeers(seed(10)), network.createPeers(seed(11))];
  const views = fiveNodes();
  const memoryBefore = memoryBytes();
  const cpuBefore = process.cpuUsage();
  const mine = await startSide(first, views, addresses.slice(0, chunkCount));
  const loading = process.cpuUsage(cpuBefore);
  const theirs = await startSide(second, views, addresses.slice(0, chunkCount));
  first.learn(second.self, second.addresses());
  const equal: Compared[] = [];
  for (let i = 0; i <= runs; i += 1) equal.push(await compare(mine, theirs));
  const memory = (memoryBytes() - memoryBefore) / 2 / chunkCount;

  // The first five of mine are missing there, five others here.
  for (const address of addresses.slice(0, differences / 2)) theirs.shared.remove(address);
  for (const address of addresses.slice(chunkCount, chunkCount + differences / 2)) theirs.shared.add(address);
  const few: Compared[] = [];
  for (let i = 0; i < runs; i += 1) few.push(await compare(mine, theirs));
  if (few.some((one) => one.onlyMine.length + one.onlyTheirs.length !== differences)) throw new Error("not all differences were found");

  for (const address of addresses.slice(0, 5_000)) theirs.shared.remove(address);
  const many: Compared[] = [];
  for (let i = 0; i < runs; i += 1) many.push(await compare(mine, theirs));
  for (const { peers, shared } of [mine, theirs]) {
    shared.stop();
    await peers.stop();
  }
  const perChunk = (usage: NodeJS.CpuUsage): number => (usage.user + usage.system) / chunkCount;
  return [
    ...rows("10 differences among 100,000", few),
    ...rows("no difference among 100,000", equal.slice(1)),
    ...rows("5,005 differences among 100,000", many),
    summarise({ bench: "reconcile", what: "memory of the inventory", unit: "bytes a chunk" }, [memory]),
    summarise({ bench: "reconcile", what: "reading the inventory and its holders at the start", unit: "CPU-µs a chunk" }, [
      perChunk(loading),
    ]),
  ];
}

export const bench: Bench = { name: "reconcile", run };
