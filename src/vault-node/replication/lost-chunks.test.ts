// Proves that chunks which nobody has hold up none that others have, and that what fails is tried again and said once a round.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, addressFromBytes } from "../../protocol/address.ts";
import { silentLog } from "../../runtime/log.ts";
import { broughtBackPerTick, createLostChunks } from "./lost-chunks.ts";

const chunk = (n: number): Address => addressFromBytes(new Uint8Array(32).fill(n));

test("more chunks that nobody has than are fetched in a round: the one that others have comes back all the same", async () => {
  const back = chunk(200);
  const asked: Address[] = [];
  const fetch = async (address: Address): Promise<boolean> => {
    asked.push(address);
    return address === back;
  };
  const lost = createLostChunks({ fetch, log: silentLog, chunksMax: 100, signal: new AbortController().signal });
  for (let n = 0; n < broughtBackPerTick; n += 1) lost.add(chunk(n));
  lost.add(back);
  for (let round = 0; round < 3; round += 1) {
    lost.begin();
    await lost.idle();
  }
  assert.equal(asked.filter((address) => address === back).length, 1, "asked for until it is back");
  assert.equal(asked.length, 3 * broughtBackPerTick);
});

test("a round that fails is said and the next one goes on; no more are remembered than allowed", async () => {
  const said: string[] = [];
  let isBroken = true;
  const fetched: Address[] = [];
  const fetch = async (address: Address): Promise<boolean> => {
    if (isBroken) throw new Error("the store fails");
    fetched.push(address);
    return true;
  };
  const log = { error: (sentence: string) => void said.push(sentence) };
  const lost = createLostChunks({ fetch, log, chunksMax: 2, signal: new AbortController().signal });
  for (const n of [1, 2, 3]) lost.add(chunk(n));
  lost.begin();
  lost.begin();
  await lost.idle();
  assert.equal(said.length, 1);
  isBroken = false;
  lost.begin();
  await lost.idle();
  assert.deepEqual(fetched, [chunk(1), chunk(2)]);
});
