// Peers and chunks as both processes of the lane bench make them.
import { randomBytes } from "node:crypto";
import { createLibp2pPeers } from "../src/network/libp2p/libp2p-peers.ts";
import type { Peers } from "../src/network/peers.ts";
import { chunkAddress } from "../src/protocol/address.ts";
import { textBytes } from "../src/protocol/bytes.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";

export const chunkMax: number = 4 * 1024 * 1024;

/** A peer of the bench's network, on loopback where it listens. */
export function benchPeers(listens: boolean): Peers {
  return createLibp2pPeers({
    seed: new Uint8Array(randomBytes(32)),
    networkKey: new Uint8Array(32).fill(7),
    networkId: chunkAddress(textBytes("bench")),
    clock: systemClock,
    log: silentLog,
    ...(listens ? { listen: { ip: "127.0.0.1", libp2p: 0, lane: 0 } } : {}),
  });
}

/** Random bytes in shared memory, as a chunk store or a cipher would hand them over. */
export function sharedContent(): Uint8Array {
  const content = new Uint8Array(new SharedArrayBuffer(chunkMax));
  content.set(randomBytes(chunkMax));
  return content;
}
