// The other process of the lane bench: a node that gives and takes chunks, the plain TCP reference, and, when asked, a
// crowd of peers that connect to the bench. Told what to do over the process channel.
import { randomBytes } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { NodeAddress } from "../src/protocol/node-record.ts";
import type { PeerId } from "../src/protocol/peer-id.ts";
import { benchPeers, chunkMax, sharedContent } from "./lane-peers.ts";
import { servePlain } from "./plain-tcp.ts";

export type Ask =
  | { readonly type: "cpu" }
  | {
      readonly type: "crowd";
      readonly size: number;
      readonly peer: PeerId;
      readonly addresses: readonly NodeAddress[];
      readonly lane: boolean;
    };
export type Told =
  | { readonly type: "ready"; readonly peer: PeerId; readonly addresses: readonly NodeAddress[]; readonly plainPort: number }
  /** CPU of all threads, µs; p99 delay of the main loop since the last question, milliseconds. */
  | { readonly type: "cpu"; readonly cpuUs: number; readonly delayMs: number }
  | { readonly type: "crowd" };

const tell = (told: Told): void => void process.send?.(told);
const content = sharedContent();
const peers = benchPeers(true);
peers.handle("put-chunks", async (_from, delivery) => {
  delivery.release();
  return { body: new Uint8Array(4), chunks: [] };
});
// The first four bytes of a request say how many bytes are wanted.
peers.handle("get-chunks", async (_from, { body }) => {
  const size = Buffer.from(body).readUInt32BE(0);
  return { body: new Uint8Array(4), chunks: [content.subarray(0, Math.min(size, chunkMax))] };
});
await peers.start();
const { port } = await servePlain(new Uint8Array(randomBytes(chunkMax)));
const delay = monitorEventLoopDelay({ resolution: 2 });
delay.enable();

async function crowd({ size, peer, addresses, lane }: Extract<Ask, { type: "crowd" }>): Promise<void> {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(1, 0);
  for (let i = 0; i < size; i += 1) {
    const one = benchPeers(false);
    await one.start();
    one.learn(peer, addresses);
    const chunks = lane ? [content.subarray(0, 128 * 1024)] : [];
    (await one.request(peer, "put-chunks", { body, chunks }, { timeoutMs: 20_000 })).release();
  }
  tell({ type: "crowd" });
}

process.on("message", (ask: Ask) => {
  if (ask.type === "crowd") return void crowd(ask);
  const { user, system } = process.cpuUsage();
  tell({ type: "cpu", cpuUs: user + system, delayMs: delay.percentile(99) / 1e6 });
  delay.reset();
});
tell({ type: "ready", peer: peers.self, addresses: peers.addresses(), plainPort: port });
