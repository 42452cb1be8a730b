// What putting and getting need of the world: peers, the directory, time, and whom to tell.
import type { Directory } from "../network/directory.ts";
import type { Certificates } from "../network/membership/certificates/certificates.ts";
import type { Peers } from "../network/peers.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { ClientLimits } from "./client-limits.ts";
import type { ClientMetrics } from "./client-metrics.ts";

/** What the client asks of membership. */
export type CustomerMembership = {
  readonly directory: Directory;
  /** Who is confirmed; undefined where this client follows no certificates. */
  readonly certificates?: Pick<Certificates, "status" | "onChange"> | undefined;
  /** A request to a node failed or timed out. */
  reportFailure(peer: PeerId): void;
};

export type CustomerParts = {
  readonly peers: Pick<Peers, "request">;
  readonly membership: CustomerMembership;
  readonly genesis: Genesis;
  /** Whether a node is to be asked last: most nodes saw that it does not show what it claims. */
  distrusts(peer: PeerId): boolean;
  /** Shown at each put; null for a client that only reads. */
  readonly grant: Uint8Array | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ClientMetrics;
  readonly limits: ClientLimits;
};
