// Proves that a lane worker which could not listen is started anew once it can: the real worker, first given an address that is
// not this machine's.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { silentLog } from "../../runtime/log.ts";
import { NetworkError } from "../errors.ts";
import { createLaneThread } from "./worker-thread.ts";

test("lanes that cannot be had now are had later", async (context) => {
  const listen = { ip: "127.0.0.1", lane: 0 };
  const warned: string[] = [];
  const log = { ...silentLog, warn: (sentence: string) => void warned.push(sentence) };
  let deaths = 0;
  const onDeath = (): void => {
    deaths += 1;
  };
  const thread = createLaneThread({ listen, times: { idleMs: 60_000, stallMs: 30_000 }, log, onMessage: () => {}, onDeath });
  context.after(() => thread.stop());
  await thread.start();
  listen.ip = "203.0.113.1";
  await assert.rejects(thread.ready(), (error: unknown) => error instanceof NetworkError && error.code === "unreachable");
  assert.equal(warned.length, 1);
  listen.ip = "127.0.0.1";
  await thread.ready();
  assert.deepEqual([warned.length, deaths], [1, 0]);
});
