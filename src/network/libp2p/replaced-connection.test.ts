// Proves that a peer which dials anew, since its machine or address is another, is reached over the connection that it made then,
// and met anew, although the one from before was never closed: as after a power cut, or a change of network. Method: two
// processes of one identity, of which the first answers nothing any more.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import type { Peers } from "../peers.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";

const networkId = chunkAddress(textBytes("ours"));
const options = { timeoutMs: 3_000 };
const started: Peers[] = [];
after(async () => {
  for (const peers of started) await peers.stop();
});

/** `say`: what it answers; nothing where it is undefined. */
async function peer(seed: Uint8Array, say: string | undefined): Promise<Peers> {
  const listen = { ip: "127.0.0.1", libp2p: 0, lane: 0 };
  const peers = createLibp2pPeers({ seed, networkId, listen, limits: { dialMs: 500 }, clock: systemClock, log: silentLog });
  peers.handle("goodbye", async (_from, { release }) => {
    release();
    return say === undefined ? new Promise(() => {}) : { body: textBytes(say), chunks: [] };
  });
  await peers.start();
  started.push(peers);
  return peers;
}

const ask = async (from: Peers, to: Peers): Promise<string> => {
  from.learn(to.self, to.addresses());
  const answer = await from.request(to.self, "goodbye", { body: textBytes("x"), chunks: [] }, options);
  answer.release();
  return Buffer.from(answer.body).toString();
};

for (const by of ["the one that died", "the other"] as const)
  for (const order of ["smaller", "larger"] as const)
    test(`a connection that ${by} dialled gives way to the one a peer with the ${order} PeerId makes anew`, async () => {
      const seed = new Uint8Array(randomBytes(32));
      const dead = await peer(seed, undefined);
      let staying = await peer(new Uint8Array(randomBytes(32)), "here");
      while (dead.self < staying.self !== (order === "smaller")) staying = await peer(new Uint8Array(randomBytes(32)), "here");
      const events: string[] = [];
      staying.onEvent(({ kind }) => void events.push(kind));
      if (by === "the one that died") await ask(dead, staying);
      else await ask(staying, dead).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 700));
      const anew = await peer(seed, "anew");
      await ask(anew, staying);
      assert.equal(await ask(staying, anew), "anew");
      assert.deepEqual(events, ["connected", "connected"]);
    });
