// What both directions of lanes are made of.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { Way } from "./answering.ts";
import type { AnnouncedTransfer } from "./bulk.ts";
import type { ListenOptions } from "./host.ts";
import type { LaneService } from "./lane-service.ts";
import type { Grants } from "./lane-window.ts";
import type { TrafficListener } from "./traffic.ts";
import type { TransportLimits } from "./transport-limits.ts";
import type { LaneThread } from "./worker-thread.ts";

export type LanesParts = {
  readonly listen?: ListenOptions;
  readonly networkKey?: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly limits: TransportLimits;
  readonly onTraffic: TrafficListener;
  /** The lanes' question to a peer over its control stream. */
  ask(peer: PeerId, body: Uint8Array): Promise<Uint8Array>;
  remoteIp(peer: PeerId): string | undefined;
  /** Who serves a peer's requests on one lane, answering by `way`. */
  serve(peer: PeerId, way: Way): LaneService;
};

/** What both directions need. */
export type LaneBase = LanesParts & {
  readonly thread: LaneThread;
  readonly grants: Grants;
  nextLane(): number;
  discard(announced: AnnouncedTransfer): void;
};
