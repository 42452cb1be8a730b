// Proves that the death of lanes fails nothing but what was on them, and that this is asked for again: the real lane
// worker of one peer is ended while chunks are on their way, in either direction and at either end.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import type { Peers } from "../peers.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";

const mib = 1 << 20;
const networkId = chunkAddress(textBytes("lane death"));
const chunk = new Uint8Array(randomBytes(2 * mib));
const started: Peers[] = [];
const workers: Worker[] = [];
const onWorker = (worker: Worker): void => void workers.push(worker);
process.on("worker", onWorker);
after(async () => {
  process.off("worker", onWorker);
  for (const peers of started) await peers.stop();
});

async function start(onAsked: (from: string) => void): Promise<Peers> {
  const listen = { ip: "127.0.0.1", libp2p: 0, lane: 0 };
  const seed = new Uint8Array(randomBytes(32));
  const peers = createLibp2pPeers({ seed, networkId, listen, clock: systemClock, log: silentLog });
  peers.handle("get-chunks", async (from, delivery) => {
    delivery.release();
    onAsked(from);
    return { body: new Uint8Array(1), chunks: [chunk] };
  });
  await peers.start();
  started.push(peers);
  return peers;
}

/** How often each of a holder's puts was begun there, and the addresses that arrived whole. */
type Taken = { begun: number; readonly whole: Set<string> };

async function startHolder(onPut: () => void): Promise<{ readonly holder: Peers; readonly taken: Taken }> {
  const taken: Taken = { begun: 0, whole: new Set() };
  const holder = await start(() => {});
  holder.handle("put-chunks", async (_from, delivery) => {
    taken.begun += 1;
    for (const hash of delivery.hashes) taken.whole.add(hash);
    delivery.release();
    onPut();
    return { body: new Uint8Array(1), chunks: [] };
  });
  return { holder, taken };
}

async function put(from: Peers, to: Peers, bytes: Uint8Array): Promise<void> {
  from.learn(to.self, to.addresses());
  (await from.request(to.self, "put-chunks", { body: textBytes("x"), chunks: [bytes] }, { timeoutMs: 60_000 })).release();
}

async function get(from: Peers, to: Peers): Promise<void> {
  from.learn(to.self, to.addresses());
  const answer = await from.request(to.self, "get-chunks", { body: textBytes("x"), chunks: [] }, { timeoutMs: 60_000 });
  assert.equal(answer.hashes[0], chunkAddress(chunk));
  answer.release();
}

test("requests whose lane dies are answered all the same, those of others and small ones are asked once", async () => {
  const asked = new Map<string, number>();
  const countOf = (peers: Peers): number => asked.get(peers.self) ?? 0;
  let kill: (() => void) | undefined;
  const holder = await start((from) => {
    asked.set(from, (asked.get(from) ?? 0) + 1);
    kill?.();
  });
  // The worker of a peer starts with its first lane, so the order tells whose is whose: the unlucky's, then the holder's.
  const unlucky = await start(() => {});
  await get(unlucky, holder);
  const [lanesOfUnlucky] = workers;
  assert.ok(lanesOfUnlucky);
  const lucky = await start(() => {});
  await get(lucky, holder);
  asked.clear();
  // Ended while the answers to the fourth of the unlucky's requests are on their way.
  kill = () => {
    if (countOf(unlucky) !== 4) return;
    kill = undefined;
    void lanesOfUnlucky.terminate();
  };
  await Promise.all([...Array.from({ length: 12 }, () => get(unlucky, holder)), ...Array.from({ length: 12 }, () => get(lucky, holder))]);
  assert.ok(countOf(unlucky) > 12, `${countOf(unlucky)} times for 12 requests: what was lost was asked for again`);
  assert.equal(countOf(lucky), 12, "nobody else's lane is concerned");
  // A fresh worker takes over.
  await get(unlucky, holder);
  assert.equal(workers.length, 4);
});

for (const end of ["sending", "storing"] as const)
  test(`puts whose lane dies at the ${end} end arrive whole all the same, and the next go by a fresh lane`, async () => {
    const before = workers.length;
    let kill: (() => void) | undefined;
    const { holder, taken } = await startHolder(() => kill?.());
    const customer = await start(() => {});
    // Who receives opens the lane, so the storing end's worker starts first.
    await put(customer, holder, chunk);
    const [storing, sending] = workers.slice(before);
    assert.ok(storing && sending);
    const dying = end === "sending" ? sending : storing;
    const began = taken.begun;
    kill = () => {
      if (taken.begun - began !== 3) return;
      kill = undefined;
      void dying.terminate();
    };
    const chunks = Array.from({ length: 12 }, () => new Uint8Array(randomBytes(2 * mib)));
    await Promise.all(chunks.map((bytes) => put(customer, holder, bytes)));
    assert.equal(kill, undefined, "the lane died on the way");
    for (const bytes of chunks) assert.ok(taken.whole.has(chunkAddress(bytes)), "every chunk arrived whole");
    await put(customer, holder, chunk);
    assert.equal(workers.length, before + 3, "a fresh worker took over at the end that lost its own");
  });
