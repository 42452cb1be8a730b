// A soak: eight nodes in the cluster profile, a client that writes and reads all the time, and nothing dies. What the
// detector says falsely must cost nothing: no failed read, no confirmed death, no repair. First idle but for the client,
// then beside busy programs; half the time each. It begins two minutes after the start: before, nobody confirms anybody.
import { setTimeout as sleep } from "node:timers/promises";
import { connectClient } from "../src/client/connect.ts";
import type { FarmClient } from "../src/client/farm-client.ts";
import { membershipLimits } from "../src/network/membership/membership-limits.ts";
import { chunkAddress } from "../src/protocol/address.ts";
import { createGrant } from "../src/protocol/grant.ts";
import { signingKeyFromSeed } from "../src/protocol/keys.ts";
import { peerIdFromPublicKey } from "../src/protocol/peer-id.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import { systemRandom } from "../src/runtime/random.ts";
import { type NodeGroup, startNodeGroup } from "../test/support/node-group.ts";
import { startBusyProgram } from "./busy-program.ts";
import type { Bench, Result } from "./result.ts";

const count = 8;
const minutesUsual = 2;
const busyPrograms = 4;
const chunkBytes = 64 * 1024;
/** Chunks read again and again. */
const keptMax = 200;
/** New chunks in each of the two stretches, spread over it: with five copies each they half fill the eight vaults of 64 MiB. */
const putsMax = 400;
/** Between two rounds: a farm in use, not a farm at its limit. */
const pauseMs = 20;

const failuresSaid = 5;

type Totals = { reads: number; puts: number; failedReads: number; failedPuts: number; confirmed: number };

export const bench: Bench = {
  name: "soak",
  run: async ({ minutes = minutesUsual }) => {
    const group = await startNodeGroup({ count, profile: "cluster" });
    try {
      const client = await startClient(group);
      await sleep(membershipLimits.confirmQuietMs);
      try {
        const idle = await soak(group, client, { minutes: minutes / 2, load: "idle" });
        const load = Array.from({ length: busyPrograms }, startBusyProgram);
        const loaded = await soak(group, client, { minutes: minutes / 2, load: "under load" }).finally(() => {
          for (const program of load) program.kill("SIGKILL");
        });
        return [...idle, ...loaded];
      } finally {
        await client.stop();
      }
    } finally {
      await group.remove();
    }
  },
};

async function startClient(group: NodeGroup): Promise<FarmClient> {
  const seed = systemRandom.bytes(32);
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);
  const client = await connectClient({
    ...{ seed, genesis: group.genesis, networkKey: group.networkKey },
    grant: createGrant(group.genesis, group.owner, { peerId, notAfterMs: 0 }),
    bootstrap: () => group.nodes.flatMap(({ addresses }) => addresses),
    listen: { ip: "127.0.0.1", libp2p: 0, lane: 0, heartbeat: 0 },
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
  });
  while (!client.ready()) await sleep(100);
  return client;
}

type Stretch = { readonly minutes: number; readonly load: string };

async function soak(group: NodeGroup, client: FarmClient, { minutes, load }: Stretch): Promise<readonly Result[]> {
  const before = await counters(group);
  const untilMs = performance.now() + minutes * 60_000;
  const totals: Totals = { reads: 0, puts: 0, failedReads: 0, failedPuts: 0, confirmed: 0 };
  await Promise.all([use(client, untilMs, totals), watchDeaths(group, untilMs, totals)]);
  const after = await counters(group);
  const nodeHours = (count * minutes) / 60;
  console.log(`  ${load}, ${minutes} min: ${totals.reads} reads, ${totals.failedReads} failed; ${totals.confirmed} deaths confirmed`);
  const row = (what: string, unit: string, value: number): Result => ({
    ...{ bench: "soak", what: `${what}, ${load}, ${minutes} min`, unit },
    ...{ median: value, min: value, max: value, runs: 1 },
  });
  const rate = (name: string): number => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / nodeHours;
  const copies = 'vaultfarm_copies_made_total{why="repair"}';
  return [
    row("reads", "reads", totals.reads),
    row("failed reads", "reads", totals.failedReads),
    row("puts", "puts", totals.puts),
    row("failed puts", "puts", totals.failedPuts),
    row("confirmed deaths", "deaths", totals.confirmed),
    row("copies made by repair", "copies", (after.get(copies) ?? 0) - (before.get(copies) ?? 0)),
    row("false suspicions", "a node-hour", rate("vaultfarm_suspicions_total")),
    row("self late", "a node-hour", rate("vaultfarm_self_late_total")),
  ];
}

/** Reads ten chunks that were written before, again and again, and writes one more each time it is due. */
async function use(client: FarmClient, untilMs: number, totals: Totals): Promise<void> {
  const kept: Uint8Array[] = [];
  let nextPutMs = performance.now();
  const putEveryMs = (untilMs - nextPutMs) / putsMax;
  while (performance.now() < untilMs) {
    if (performance.now() >= nextPutMs) {
      nextPutMs += putEveryMs;
      const bytes = systemRandom.bytes(chunkBytes);
      if ((await write(client, bytes, totals)) && kept.length < keptMax) kept.push(bytes);
    }
    const wanted = Array.from({ length: Math.min(10, kept.length) }, () => kept[Math.floor(systemRandom.fraction() * kept.length)]);
    await Promise.all(wanted.map((chunk) => chunk && readBack(client, chunk, totals)));
    await sleep(pauseMs);
  }
}

async function write(client: FarmClient, bytes: Uint8Array, totals: Totals): Promise<boolean> {
  totals.puts += 1;
  try {
    await client.putChunk(chunkAddress(bytes), bytes);
    return true;
  } catch (error) {
    totals.failedPuts += 1;
    say("a put failed", totals.failedPuts, error);
    return false;
  }
}

/** The first failures of a kind say why. */
function say(what: string, failures: number, error: unknown): void {
  if (failures <= failuresSaid) console.log(`  ${what}: ${error instanceof Error ? error.message : String(error)}`);
}

async function readBack(client: FarmClient, chunk: Uint8Array, totals: Totals): Promise<void> {
  totals.reads += 1;
  try {
    const read = await client.getChunk(chunkAddress(chunk));
    if (Buffer.compare(read, chunk) !== 0) throw new Error("other bytes than were written");
  } catch (error) {
    totals.failedReads += 1;
    say("a read failed", totals.failedReads, error);
  }
}

/** Looks every second at what each node has confirmed; nothing died, so each is an error. */
async function watchDeaths(group: NodeGroup, untilMs: number, totals: Totals): Promise<void> {
  while (performance.now() < untilMs) {
    const seen = await Promise.all(group.nodes.map((node) => group.views(node).catch(() => [])));
    totals.confirmed += seen.flat().filter(({ confirmed, state }) => confirmed && state === "suspected").length;
    await sleep(1_000);
  }
}

/** Counters of all nodes, added up by name and labels. */
async function counters(group: NodeGroup): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  for (const node of group.nodes)
    for (const [, name = "", value] of (await group.metrics(node)).matchAll(/^(vaultfarm_\w+_total(?:\{[^}]*\})?) (\d+)/gm))
      sums.set(name, (sums.get(name) ?? 0) + Number(value));
  return sums;
}
