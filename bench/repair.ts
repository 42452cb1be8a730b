// Repair: how long eight real nodes take to have four and five copies of everything again after one is killed for good, and then
// after two more at once; and how many bytes move for each byte that was lost. The delay before (copies would come back) is set
// to two seconds and counted apart; so is the time until two watchers agree. `--gib N`: what is stored, before copies (2 is a farm
// of 10 GiB on its disks); it lies in the system's folder for temporary files.
import { type Address, chunkAddress } from "../src/protocol/address.ts";
import { until } from "../test/support/deadline.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../test/support/node-farm.ts";
import { noise } from "../test/support/objects.ts";
import { type Bench, type BenchOptions, type Result, summarise } from "./result.ts";

const mib = 1024 * 1024;
const chunkBytes = 4 * mib;
const gibUsual = 0.5;
const nodeCount = 8;
const repairDelayMs = 2_000;
const withinMs = 3_600_000;
// Nobody confirms anybody in the first two minutes after a start.
const quietMs = 125_000;

/** Since copies began to be made: seconds, bytes sent, those of them that the receiver had not, and those that it did not want when it was told. */
type Moment = { readonly seconds: number } & Moved;
type Moved = { readonly movedMiB: number; readonly newMiB: number; readonly sparedMiB: number };
type Loss = { readonly lostMiB: number; readonly begunAfterSeconds: number; readonly four: Moment; readonly five: Moment };
type Run = { readonly one: Loss; readonly two: Loss };

async function sum(nodes: readonly FarmNode[], metric: string): Promise<number> {
  const values = await Promise.all(nodes.map((node) => node.metric(metric)));
  return values.reduce((total, value) => total + value, 0);
}

async function movedBy(nodes: readonly FarmNode[]): Promise<Moved> {
  const inMib = async (metric: string): Promise<number> => (await sum(nodes, metric)) / mib;
  return {
    movedMiB: await inMib("vaultfarm_copies_made_bytes_total"),
    newMiB: await inMib("vaultfarm_put_bytes_total"),
    sparedMiB: await inMib("vaultfarm_copies_spared_bytes_total"),
  };
}

async function fill(farm: NodeFarm, { round, count }: { readonly round: number; readonly count: number }): Promise<readonly Address[]> {
  const addresses: Address[] = [];
  for (let i = 0; i < count; i += 1) {
    const bytes = new Uint8Array(noise(chunkBytes, round * count + i));
    const address = chunkAddress(bytes);
    await farm.client.putChunk(address, bytes);
    addresses.push(address);
  }
  return addresses;
}

async function fewestCopies(nodes: readonly FarmNode[], addresses: readonly Address[]): Promise<number> {
  const copies = new Map<string, number>();
  for (const node of nodes)
    for (let after: string | null = ""; after !== null; ) {
      const { body } = await node.command("GET", `/v1/inventory?limit=10000${after === "" ? "" : `&after=${after}`}`);
      const page = body as { readonly addresses: readonly string[]; readonly next: string | null };
      for (const address of page.addresses) copies.set(address, (copies.get(address) ?? 0) + 1);
      after = page.next;
    }
  return Math.min(...addresses.map((address) => copies.get(address) ?? 0));
}

/** Kills nodes for good and watches the others make their copies again. */
async function lose(victims: readonly FarmNode[], others: readonly FarmNode[], addresses: readonly Address[]): Promise<Loss> {
  const lost = await sum(victims, "vaultfarm_vault_chunks");
  const before = await movedBy(others);
  const killedMs = performance.now();
  await Promise.all(victims.map((victim) => victim.kill()));
  await until(
    "repair has begun",
    async () => (await movedBy(others)).movedMiB > before.movedMiB || (await sum(others, "vaultfarm_copies_waiting_bytes")) > 0,
    withinMs,
  );
  const begunMs = performance.now();
  const momentOf = async (copies: number): Promise<Moment> => {
    await until(`${copies} copies`, async () => (await fewestCopies(others, addresses)) >= copies, withinMs);
    const seconds = (performance.now() - begunMs) / 1000;
    const { movedMiB, newMiB, sparedMiB } = await movedBy(others);
    return {
      seconds,
      movedMiB: movedMiB - before.movedMiB,
      newMiB: newMiB - before.newMiB,
      sparedMiB: sparedMiB - before.sparedMiB,
    };
  };
  const four = await momentOf(4);
  const five = await momentOf(5);
  return { lostMiB: (lost * chunkBytes) / mib, begunAfterSeconds: (begunMs - killedMs) / 1000, four, five };
}

async function measure(round: number, gib: number): Promise<Run> {
  const startedMs = performance.now();
  // Twice what each of the five that are left in the end holds: all of it.
  const vaultCapacity = Math.max(2048 * mib, Math.ceil(gib * 2 * 1024) * mib);
  const farm = await startNodeFarm({ nodes: nodeCount, repairDelayMs, vaultCapacity });
  try {
    const addresses = await fill(farm, { round, count: Math.round((gib * 1024 * mib) / chunkBytes) });
    await until("the first two minutes are over", () => performance.now() - startedMs > quietMs, withinMs);
    const [first, second, third, ...rest] = farm.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error("a farm without nodes");
    await until("five copies", async () => (await fewestCopies(farm.nodes, addresses)) >= 5, withinMs);
    const one = await lose([first], [second, third, ...rest], addresses);
    const two = await lose([second, third], rest, addresses);
    return { one, two };
  } finally {
    await farm.remove();
  }
}

async function run({ runs, gib = gibUsual }: BenchOptions): Promise<readonly Result[]> {
  const all: Run[] = [];
  // A run takes minutes, most of it waiting.
  for (let round = 0; round < Math.min(runs, 3); round += 1) all.push(await measure(round, gib));
  const row = (what: string, unit: string, value: (one: Run) => number): Result =>
    summarise({ bench: "repair", what, unit }, all.map(value));
  const rows = (who: string, of: (one: Run) => Loss): readonly Result[] => [
    row(`${who}: held, of ${gib} GiB in chunks of 4 MiB, five copies each, on ${nodeCount} nodes`, "MiB", (one) => of(one).lostMiB),
    row(
      `${who}: from the kill to the first copy queued (two watchers agree, two seconds of delay)`,
      "s",
      (one) => of(one).begunAfterSeconds,
    ),
    row(`${who}: from there until all have at least four copies`, "s", (one) => of(one).four.seconds),
    row(`${who}: moved until then`, "MiB", (one) => of(one).four.movedMiB),
    row(`${who}: from there until all have five copies`, "s", (one) => of(one).five.seconds),
    row(`${who}: moved until then`, "MiB", (one) => of(one).five.movedMiB),
    row(`${who}: of these, what the receiver had already when it came`, "MiB", (one) => of(one).five.movedMiB - of(one).five.newMiB),
    row(`${who}: not sent, since the receiver had it or was being sent it`, "MiB", (one) => of(one).five.sparedMiB),
    row(`${who}: pace of repair, all nodes together`, "MiB/s", (one) => of(one).five.movedMiB / of(one).five.seconds),
    row(`${who}: bytes moved for each byte lost (must be at most 1.1)`, "×", (one) => of(one).five.movedMiB / of(one).lostMiB),
  ];
  return [...rows("one node lost", ({ one }) => one), ...rows("then two at once", ({ two }) => two)];
}

export const bench: Bench = { name: "repair", run };
