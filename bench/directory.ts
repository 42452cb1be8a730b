// The directory bench: 10,000 nodes with 100,000 vaults at 32 places each, as one node knows them. Bytes of the packed
// places, memory in all, time of look-ups and of updates of every kind, the slowest too (collections of garbage count). The
// reference is a plain map of as many records: what it costs to replace one without any order among them.
import { readFileSync } from "node:fs";
import { createNodeViews, type NodeViews } from "../src/network/membership/node-views.ts";
import { type Address, addressFromBytes } from "../src/protocol/address.ts";
import { textBytes } from "../src/protocol/bytes.ts";
import { createPlaceIndex } from "../src/protocol/closest.ts";
import { hash } from "../src/protocol/hash.ts";
import { parsePublicKey, vaultName } from "../src/protocol/keys.ts";
import type { NodeRecord, VaultEntry } from "../src/protocol/node-record.ts";
import { peerIdFromPublicKey } from "../src/protocol/peer-id.ts";
import { seededRandom } from "../src/runtime/random.ts";
import { type Bench, type BenchOptions, median, type Result, summarise } from "./result.ts";

const nodeCount = 10_000;
const vaultsPerNode = 10;
const placesPerVault = 32;
const lookUps = 20_000;
const updates = 500;
const copies = 5;
const placeUnit = 1;

const named = (text: string): Address => addressFromBytes(hash(textBytes(text)));

function keyOf(text: string): VaultEntry["publicKey"] {
  const key = parsePublicKey(named(text));
  if (key === undefined) throw new Error("every hash has the shape of a public key");
  return key;
}

function vaultOf(node: number, vault: number): VaultEntry {
  const publicKey = keyOf(`vault ${node} ${vault}`);
  const capacity = placesPerVault * placeUnit;
  return { name: vaultName(publicKey), publicKey, capacity, used: 0, chunks: 0, state: "active", wallet: null };
}

/** A record as the directory keeps it; nobody signed it, since signatures are checked before. */
function recordOf(node: number): NodeRecord {
  return {
    peerId: peerIdFromPublicKey(keyOf(`node ${node}`)),
    addresses: [{ ip: "10.0.0.1", libp2p: 4001, lane: 4002, heartbeat: 4003 }],
    domain: { region: "", zone: `zone ${node % 5}`, host: `host ${node >> 2}` },
    software: "bench",
    startCounter: 1,
    sequence: 1,
    signedAtMs: 0,
    vaults: Array.from({ length: vaultsPerNode }, (_, vault) => vaultOf(node, vault)),
    bytes: new Uint8Array(0),
  };
}

/** Microseconds this thread was ready but had no processor, since it began. */
function waitedUs(): number {
  return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1000;
}

/**
 * Microseconds of each of `count` calls but those in which this thread had to wait for a processor: what others do on this
 * machine meanwhile does not count. CPU times of a thread are kept to some milliseconds only, too coarse for a slowest call.
 */
function timed(count: number, call: (i: number) => void): readonly number[] {
  const undisturbed: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const waitedBefore = waitedUs();
    const startMs = performance.now();
    call(i);
    const us = (performance.now() - startMs) * 1000;
    if (waitedUs() === waitedBefore) undisturbed.push(us);
  }
  return undisturbed;
}

async function memoryMiB(): Promise<number> {
  // What was just left is found by the second collection.
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}

type Kind = "figures" | "state" | "vault" | "goes" | "comes";
type Round = { readonly lookUp: readonly number[]; readonly plain: readonly number[] } & Readonly<Record<Kind, readonly number[]>>;

function round(views: NodeViews, records: readonly NodeRecord[], pick: () => NodeRecord): Round {
  const addresses = Array.from({ length: lookUps }, (_, i) => named(`chunk ${i} ${pick().peerId}`));
  const plainMap = new Map(records.map((record) => [record.peerId, record]));
  const change = (vaults: (record: NodeRecord) => readonly VaultEntry[]): readonly number[] =>
    timed(updates, () => {
      const record = pick();
      views.putRecord({ ...record, vaults: vaults(record) }, "live");
    });
  const grown = (record: NodeRecord): readonly VaultEntry[] =>
    record.vaults.map((vault, i) => (i === 0 ? { ...vault, capacity: 2 * vault.capacity } : vault));
  const start = records.indexOf(pick()) % (records.length - updates);
  const some = records.slice(start, start + updates);
  const measured = {
    lookUp: timed(lookUps, (i) => views.directory.closest(addresses[i] ?? named(""), copies, "write")),
    plain: timed(lookUps, () => plainMap.set(pick().peerId, pick())),
    figures: change(({ vaults }) => vaults.map((vault) => ({ ...vault, used: 1 }))),
    state: timed(updates, (i) => views.setState(pick().peerId, i % 2 === 0 ? "suspected" : "live")),
    vault: change(grown),
    goes: timed(updates, (i) => views.remove((some[i] ?? pick()).peerId)),
    comes: timed(updates, (i) => views.putRecord(some[i] ?? pick(), "live")),
  };
  for (const record of records) {
    views.putRecord(record, "live");
    views.setState(record.peerId, "live");
  }
  return measured;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function report(rounds: readonly Round[]): readonly Result[] {
  const row = (what: string, unit: string, of: (one: Round) => number): Result =>
    summarise({ bench: "directory", what, unit }, rounds.map(of), {
      reference: { what: "plain map, replace one, µs", median: median(rounds.map(({ plain }) => mean(plain))) },
    });
  const update = (kind: Kind, what: string): Result[] => [
    row(`${what}, mean`, "µs", (one) => mean(one[kind])),
    row(`${what}, slowest of ${updates}`, "µs", (one) => Math.max(...one[kind])),
  ];
  return [
    row("look-up of 5 holders, mean", "µs", ({ lookUp }) => mean(lookUp)),
    ...update("figures", "update, a node's figures change"),
    ...update("state", "update, a node is seen otherwise"),
    ...update("vault", "update, a vault's capacity changes"),
    ...update("goes", "update, a node with 10 vaults goes"),
    ...update("comes", "update, a node with 10 vaults comes"),
  ];
}

function packedMiB(records: readonly NodeRecord[]): number {
  const index = createPlaceIndex({ placeUnit });
  for (const { peerId, domain, vaults } of records)
    for (const { name, capacity } of vaults)
      index.add({ vault: name, node: peerId, zone: domain.zone, host: domain.host, capacity, purposes: 7 });
  return index.size().placeBytes / 2 ** 20;
}

async function run({ runs }: BenchOptions): Promise<readonly Result[]> {
  const random = seededRandom(1);
  const records = Array.from({ length: nodeCount }, (_, node) => recordOf(node));
  const first = records[0];
  if (first === undefined) throw new Error("a directory of nobody");
  const pick = (): NodeRecord => records[Math.floor(random.fraction() * records.length)] ?? first;
  const packed = packedMiB(records);
  const before = await memoryMiB();
  const views = createNodeViews({ placeUnit }, () => 0);
  const filled = timed(records.length, (i) => views.putRecord(records[i] ?? first, "live"));
  const memory = (await memoryMiB()) - before;
  const rounds = Array.from({ length: runs }, () => round(views, records, pick));
  return [
    summarise({ bench: "directory", what: "100,000 vaults at 32 places, packed", unit: "MiB" }, [packed]),
    summarise({ bench: "directory", what: "index and views in memory, records apart", unit: "MiB" }, [memory]),
    summarise({ bench: "directory", what: "filling it, a node, mean", unit: "µs" }, [mean(filled)]),
    ...report(rounds),
  ];
}

/** Needs `--expose-gc` for the memory figure. */
export const bench: Bench = { name: "directory", run };
