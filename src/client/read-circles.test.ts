// Proves over a real directory that a reader asks whoever had a chunk before many nodes joined at once, though the wider
// circle holds none of them, and that a farm in which nobody joins is asked as ever.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews } from "../network/membership/node-views.ts";
import { addressFromBytes } from "../protocol/address.ts";
import { textBytes } from "../protocol/bytes.ts";
import { createGenesis } from "../protocol/genesis.ts";
import { hash } from "../protocol/hash.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { createNodeRecord, type NodeRecord } from "../protocol/node-record.ts";
import { clientLimits } from "./client-limits.ts";
import { readCircles, readCounts, readOrder } from "./read-decision.ts";

const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const copies = { min: 4, target: 5, max: 8 };
const counts = readCounts(copies, clientLimits);
const genesis = createGenesis({ name: "joined", copies, placeUnit: 2 ** 20, createdAt: 0 }, keyOf(250));
const chunks = Array.from({ length: 300 }, (_, i) => addressFromBytes(hash(textBytes(`chunk ${i}`))));
const believing = { cost: () => 0, distrusts: () => false };

function recordOf(n: number, state: "active" | "joining"): NodeRecord {
  return createNodeRecord(genesis.networkId, keyOf(n), {
    addresses: [],
    domain: { region: "", zone: "", host: `host ${n}` },
    software: "",
    startCounter: 1,
    sequence: 1,
    signedAtMs: 0,
    vaults: [{ key: keyOf(n + 100), capacity: 32 * 2 ** 20, used: 0, chunks: 0, state, wallet: null }],
  });
}

test("from 8 nodes to 60 at once every chunk is asked of all that had it, before those that have it only if it has come to them", () => {
  const views = createNodeViews(genesis, () => 0);
  for (let n = 1; n <= 8; n += 1) views.putRecord(recordOf(n, "active"), "live");
  const had = chunks.map((chunk) => views.directory.closest(chunk, copies.target, "read").holders.map(({ peer }) => peer));
  for (let n = 9; n <= 60; n += 1) views.putRecord(recordOf(n, "joining"), "live");
  let beyond = 0;
  for (const [i, chunk] of chunks.entries()) {
    const circles = readCircles(views.directory, chunk, counts);
    const holders = had[i] ?? [];
    const order = readOrder(circles, believing).map(({ peer }) => peer);
    assert.ok(holders.every((peer) => order.slice(0, 2 * copies.target).includes(peer)));
    if (!circles.wide.some(({ peer }) => holders.includes(peer))) beyond += 1;
  }
  assert.ok(beyond > chunks.length / 20, `${beyond} chunks are on no node of the wider circle`);
});

test("and so it is while some of those that join have all that is theirs and others do not", () => {
  const views = createNodeViews(genesis, () => 0);
  for (let n = 1; n <= 8; n += 1) views.putRecord(recordOf(n, "active"), "live");
  const had = chunks.map((chunk) => views.directory.closest(chunk, copies.target, "read").holders.map(({ peer }) => peer));
  for (let n = 9; n <= 60; n += 1) views.putRecord(recordOf(n, n % 2 === 0 ? "active" : "joining"), "live");
  let beyond = 0;
  let asked = 0;
  for (const [i, chunk] of chunks.entries()) {
    const circles = readCircles(views.directory, chunk, counts);
    // A chunk that is owed to one that joins may be with its old holders alone.
    if (!circles.close.some(({ entry }) => entry.state === "joining")) continue;
    const holders = had[i] ?? [];
    const order = readOrder(circles, believing).map(({ peer }) => peer);
    assert.ok(holders.every((peer) => order.includes(peer)));
    if (![...circles.before, ...circles.wide].some(({ peer }) => holders.includes(peer))) beyond += 1;
    asked += 1;
  }
  assert.ok(beyond > asked / 50, `${beyond} of ${asked} chunks are with nobody that does not join and is near`);
});

test("where nobody joins the directory is asked for no circle more", () => {
  const views = createNodeViews(genesis, () => 0);
  for (let n = 1; n <= 20; n += 1) views.putRecord(recordOf(n, "active"), "live");
  for (const chunk of chunks) {
    const { before, far } = readCircles(views.directory, chunk, counts);
    assert.deepEqual([...before, ...far], []);
  }
});
