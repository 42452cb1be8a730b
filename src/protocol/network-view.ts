// The network as a customer sees it: what the client library knows, what GET /v1/network and its events carry, and what the
// page and the command line show. One shape for all of them; plain data, so that a browser can read it.
import type { SeenFaults } from "./peer-faults.ts";
import type { SpreadShort } from "./spread.ts";
import type { Standing } from "./standing.ts";
import type { NodeViewState, VaultState } from "./states.ts";

/** A vault as the middle one of the nodes that publish it sees it; `score` and `conduct`: 0 to 1; null where nobody has seen it yet. */
export type VaultStanding = {
  readonly score: number | null;
  readonly conduct: number | null;
  readonly standing: Standing | null;
  /** The steps of its age. */
  readonly age: number | null;
};

/** `name`: 64 hexadecimal digits; `capacity` and `used` in bytes. */
export type VaultView = {
  readonly name: string;
  readonly state: VaultState;
  readonly capacity: number;
  readonly used: number;
  readonly chunks: number;
} & VaultStanding;

export type NodeSummary = {
  /** A PeerId, as all ids of nodes here. */
  readonly peerId: string;
  readonly address: string;
  readonly zone: string;
  readonly state: NodeViewState;
  /** Whether its silence is certain enough to move data: its own goodbye, or two watchers that agree. */
  readonly confirmed: boolean;
  /** The nodes that publish that they have not heard of it for seconds. */
  readonly suspectedBy: readonly string[];
  /** What nodes that publish counted against it since their start; absent where nothing. */
  readonly faults?: SeenFaults | undefined;
  readonly vaults: readonly VaultView[];
};

/**
 * The copies of the farm's chunks, out of what nodes publish (up to ten seconds old), each chunk counted by one node; as long as
 * they publish nothing, of the chunks that this client put or counted. A chunk without any live holder is known only to who
 * put it or asked for it.
 */
export type CopiesSummary = {
  readonly policy: { readonly min: number; readonly target: number; readonly max: number };
  /** Fewest live copies of any chunk; null = none known yet. */
  readonly lowest: number | null;
  readonly belowMin: number;
  readonly belowTarget: number;
  /** Chunks by their live copies; the last: `target` or more. */
  readonly histogram: readonly number[];
  /** Where copies cannot be spread as they should now; absent where they can. */
  readonly spread?: SpreadShort | undefined;
  /** How many of the live nodes have counted all their chunks. */
  readonly reporting: { readonly nodes: number; readonly of: number };
  readonly repair: {
    /** Chunks that are being copied again, bytes still to go, and how long that takes. */
    readonly chunks: number;
    readonly bytesLeft: number;
    readonly etaMs: number;
    /** Chunks below target that are copied again unless a silent node returns, and when the first of them are (wall time); null = nobody can tell. */
    readonly waiting: number;
    readonly dueAtMs: number | null;
  };
};

/** unfounded: no certificate yet · whole: enough confirmed nodes are reachable for one · partitioned: too few are. */
export const membershipStates = ["unfounded", "whole", "partitioned"] as const;

/** Who is confirmed by certificate, as the one who says it sees it. */
export type MembershipSummary = {
  readonly state: (typeof membershipStates)[number];
  /** Number and id (64 hexadecimal digits) of the newest certificate. */
  readonly sequence: number;
  readonly head: string;
  readonly confirmed: number;
  readonly reachable: number;
  /** Signatures that a certificate needs. */
  readonly needed: number;
  /** Of a group for records: its holders, how many must take a write, how many may lie, how many may be lost. */
  readonly group: { readonly holders: number; readonly writes: number; readonly liars: number; readonly losses: number };
  /** In words: `partitioned (4 of 8 reachable, 5 needed)`. */
  readonly text: string;
};

/** `networkId`: 64 hexadecimal digits. `membership`: null where the client does not follow the certificates. */
export type NetworkView = {
  readonly networkId: string;
  readonly name: string;
  readonly nodes: readonly NodeSummary[];
  readonly copies: CopiesSummary;
  readonly membership: MembershipSummary | null;
};
