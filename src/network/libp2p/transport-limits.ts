// The transport's own limits: what one process allows its peers, with the reason beside each number.
import { strict as assert } from "node:assert";
import { messageBodyMax, messageChunkBytesMax } from "../../protocol/limits.ts";

const mib = 1024 * 1024;

export type TransportLimits = {
  readonly connectionsMax: number;
  readonly inboundConnectionsPerSecond: number;
  readonly pendingConnectionsMax: number;
  /** Time for a stranger to finish the handshake, and again to say hello. */
  readonly upgradeMs: number;
  readonly dialMs: number;
  /** A connection on which nothing was heard. Control streams are quiet between reconciliations. */
  readonly socketIdleMs: number;
  /** Offences (malformed frames, wrong networks) after which a peer is blocked, and for how long. */
  readonly offencesMax: number;
  readonly blockMs: number;
  /** Streams a peer may hold open towards us: for requests and for opening lanes, and their successors while two connections become one. */
  readonly inboundStreamsMax: number;
  /** Requests of one peer in work here: enough to keep a disk and a lane busy; more would only wait in memory instead of at the asker. */
  readonly requestsInWorkMax: number;
  /** Bytes of requests and answers in work here, for one peer's streams together, for each of its lanes, and for all peers. */
  readonly bytesInWorkMax: number;
  readonly allBytesInWorkMax: number;
  /** Requests a second of one peer, and how many it may save up. Above, its stream is read more slowly. */
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  /** This side's requests that wait for one peer's answer. */
  readonly pendingMax: number;
  /** Bytes of this side's requests in flight, to one peer and to all. */
  readonly bytesOutMax: number;
  readonly allBytesOutMax: number;
  /** How long a second connection to the same peer may live on for the requests it carries. */
  readonly pruneMs: number;
  /** How long a one-time secret of a lane holds. */
  readonly laneTokenMs: number;
  /** How long chunks wait for the receiver to open a lane. */
  readonly laneOpenMs: number;
  /**
   * Bytes of requests without an answer that a peer may have on a lane: with their chunks (eight of 1 MiB and their frames), or
   * asking for chunks. And on all lanes together, beside `allBytesInWorkMax`: eight peers both ways; with more peers their requests
   * go by the control streams.
   */
  readonly lanePutsMax: number;
  readonly laneAsksMax: number;
  readonly allLaneRequestsMax: number;
  /** Lanes end after this without work; with work under way but no byte moving; and a peer without lanes is asked again after the last. */
  readonly laneIdleMs: number;
  readonly laneStallMs: number;
  readonly laneAvoidMs: number;
};

export const transportLimits: TransportLimits = {
  connectionsMax: 1000,
  inboundConnectionsPerSecond: 200,
  pendingConnectionsMax: 100,
  upgradeMs: 10_000,
  dialMs: 5_000,
  socketIdleMs: 600_000,
  offencesMax: 5,
  blockMs: 60_000,
  inboundStreamsMax: 4,
  requestsInWorkMax: 64,
  bytesInWorkMax: 32 * mib,
  allBytesInWorkMax: 96 * mib,
  requestsPerSecond: 4_000,
  requestsBurst: 8_000,
  pendingMax: 1_024,
  bytesOutMax: 32 * mib,
  allBytesOutMax: 128 * mib,
  pruneMs: 2_000,
  laneTokenMs: 10_000,
  laneOpenMs: 10_000,
  lanePutsMax: 9 * mib,
  laneAsksMax: mib,
  allLaneRequestsMax: 80 * mib,
  laneIdleMs: 60_000,
  laneStallMs: 30_000,
  laneAvoidMs: 60_000,
};

assert(messageChunkBytesMax + messageBodyMax < transportLimits.bytesInWorkMax, "a largest message must fit the work of a peer");
