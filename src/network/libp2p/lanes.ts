// Lanes: TLS connections of their own for bulk bytes, in a worker thread.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Bulk } from "./bulk.ts";
import { LaneError } from "./failure.ts";

export type LanesParts = {
  ask(peer: PeerId, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  remoteIp(peer: PeerId): string | undefined;
};
export type Lanes = Bulk & {
  answer(from: PeerId, body: Uint8Array): Promise<Uint8Array>;
  port(): number;
  drop(peer: PeerId): void;
  start(): Promise<void>;
  stop(): Promise<void>;
};

export function createLanes(_parts: LanesParts): Lanes {
  return {
    reaches: () => false,
    send: () => ({ transfer: 1, done: Promise.reject(new LaneError("none", "no lanes")), cancel: () => {} }),
    receive: () => Promise.reject(new LaneError("none", "no lanes")),
    avoid: () => {},
    answer: () => Promise.reject(new LaneError("none", "no lanes")),
    port: () => 0,
    drop: () => {},
    start: async () => {},
    stop: async () => {},
  };
}
