// Proves that a put ends when it has to, whatever its source does meanwhile: one that stands still holds up no failure and no
// giving up. Scripted vaults over the in-memory network.
import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { systemClock } from "../runtime/clock.ts";
import { ClientError } from "./errors.ts";
import { type ScriptedFarm, startScriptedFarm } from "./scripted-farm.ts";

const mib = 1024 * 1024;
const farms: ScriptedFarm[] = [];
after(() => Promise.all(farms.map((farm) => farm.stop())));

async function startFarm(): Promise<ScriptedFarm> {
  const farm = await startScriptedFarm({ nodes: 8, clock: systemClock });
  farms.push(farm);
  return farm;
}

/** Gives `bytes` bytes, then nothing more, and no end. */
async function* standingStill(bytes: number): AsyncGenerator<Uint8Array> {
  for (let given = 0; given < bytes; given += mib) yield new Uint8Array(mib).fill(given / mib);
  await new Promise(() => {});
}

const soon = (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([
    work.then(
      () => assert.fail("nothing was stored"),
      (error: unknown) => error,
    ),
    new Promise((resolve) => setTimeout(() => resolve("still waiting"), 5_000)),
  ]);

test("a chunk that no vault takes fails the put though its source stands still", async () => {
  const farm = await startFarm();
  for (const vault of farm.vaults) vault.behaviour.refuses = "full";
  const error = await soon(farm.client.putObject(standingStill(14 * mib), { size: 64 * mib }));
  assert.ok(error instanceof ClientError, String(error));
  assert.equal(error.code, "insufficient-copies");
});

test("a put of unknown size is given up though its source stands still", async () => {
  const farm = await startFarm();
  const gone = new AbortController();
  const ended = soon(farm.client.putObject(standingStill(mib), { signal: gone.signal }));
  setTimeout(() => gone.abort(), 50);
  const error = await ended;
  assert.ok(error instanceof ClientError, String(error));
  assert.equal(error.code, "aborted");
});

test("a client that stops ends a put of unknown size whose source stands still", async () => {
  const farm = await startFarm();
  const ended = soon(farm.client.putObject(standingStill(3 * mib)));
  setTimeout(() => void farm.client.stop(), 500);
  const error = await ended;
  assert.ok(error instanceof ClientError, String(error));
  assert.equal(error.code, "stopped");
});
