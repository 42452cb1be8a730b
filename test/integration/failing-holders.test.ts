// Proves that a read goes on whatever becomes of the nodes it reads from: some freeze before it begins, so that requests to
// them are in flight, and are killed without warning while it waits for them. No error reaches the reader, no wrong byte.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { type Farm, startFarm } from "../support/farm.ts";
import { noise, type Stored, store } from "../support/objects.ts";

const bytes = noise(48 * 2 ** 20, 12);
let farm: Farm;
let stored: Stored;
before(async () => {
  farm = await startFarm({ vaultCapacity: "128Mi", args: ["--no-restart"] });
  stored = await store(farm.gateway(0), bytes);
});
after(() => farm?.remove());

const pidOf = (node: number): number => farm.view.nodes[node]?.pid ?? assert.fail();

/** Reads the object through gateway 1, which has none of it in memory, calling `midway` once after `afterBytes`. */
async function readWith(afterBytes: number, midway: () => void): Promise<Buffer> {
  const answer = await fetch(`${farm.gateway(1)}/v1/objects/${stored.address}`, { signal: AbortSignal.timeout(120_000) });
  assert.equal(answer.status, 200);
  const pieces: Uint8Array[] = [];
  let read = 0;
  let done = false;
  for await (const piece of answer.body ?? assert.fail()) {
    pieces.push(piece);
    read += piece.length;
    if (read < afterBytes || done) continue;
    done = true;
    midway();
  }
  assert.ok(done, "the read was long enough");
  return Buffer.concat(pieces);
}

test("nodes freeze before the read and die in the middle of it", async () => {
  const [dies, freezes] = [pidOf(1), pidOf(4)];
  for (const pid of [dies, freezes]) process.kill(pid, "SIGSTOP");
  try {
    const body = await readWith(2 ** 20, () => process.kill(dies, "SIGKILL"));
    assert.ok(body.equals(bytes), "every byte is as it was stored");
  } finally {
    process.kill(freezes, "SIGCONT");
  }
});

test("a node killed in the middle of a read that is held back by its reader", async () => {
  const body = await readWith(2 ** 20, () => process.kill(pidOf(6), "SIGKILL"));
  assert.ok(body.equals(bytes), "every byte is as it was stored");
});
