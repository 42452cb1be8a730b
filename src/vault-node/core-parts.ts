// What the core of a vault node is made of, and what it leaves out where a part is absent.
import type { Membership } from "../network/membership/membership.ts";
import type { Peers } from "../network/peers.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { SigningKey } from "../protocol/keys.ts";
import type { FailureDomain } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { DesiredState } from "../protocol/states.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { AnnouncerLimits } from "./announcer.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import type { HostedVault } from "./hosted-vault.ts";
import type { NodeEvents } from "./node-events.ts";
import type { ShareLimits } from "./peer-shares.ts";
import type { PointerLimits } from "./pointers/pointer-looks.ts";
import type { PointerBooks } from "./pointers/pointers.ts";
import type { ReconciliationLimits } from "./reconciliation/reconciliation-limits.ts";
import type { ReplicationEvents } from "./replication/replication-events.ts";
import type { ReplicationLimits } from "./replication/replication-limits.ts";
import type { ScoreMemory } from "./scores/scoreboard.ts";

/** Who this node is and where it stands; `software` is its version. */
export type NodeIdentity = {
  readonly genesis: Genesis;
  readonly peerId: PeerId;
  readonly vaults: readonly HostedVault[];
  readonly domain: FailureDomain;
  readonly software: string;
};

/** What the core asks of membership. */
export type CoreMembership = Pick<Membership, "announce" | "joined" | "directory">;

export type CoreParts = {
  readonly identity: NodeIdentity;
  readonly peers: Peers;
  readonly store: ChunkStore;
  readonly membership: CoreMembership;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The state wanted of the node at the start. */
  readonly desired: DesiredState;
  readonly events?: NodeEvents;
  readonly shares?: ShareLimits;
  /** Where scores outlive the process; absent: they do not. */
  readonly scoreMemory?: ScoreMemory;
  /** Where pointers to chunks that found no room here are kept; absent: there are none. */
  readonly pointerBooks?: PointerBooks;
  /** Other limits of looking who took refused chunks than the usual; a simulation of many days looks less often. */
  readonly pointers?: Partial<PointerLimits>;
  /** Other limits of reconciliation than the usual. */
  readonly reconciliation?: Partial<ReconciliationLimits>;
  /** Other limits of announcing than the usual. */
  readonly announcer?: AnnouncerLimits;
  /** Absent: the node makes no copies of its own accord. */
  readonly replication?: ReplicationPart;
  /** Absent: the node makes no statements that it, or another, may be stopped. */
  readonly stopping?: StoppingPart;
};

/** Who signs statements that a node may be stopped, and in which start of it. */
export type StoppingPart = { readonly key: SigningKey; readonly startCounter: number };

/** What keeping copies needs beside the core's own parts. */
export type ReplicationPart = {
  readonly limits: ReplicationLimits;
  /** This node's grant; null where it has none yet. */
  grant(): Uint8Array | null;
  readonly events?: ReplicationEvents;
};
