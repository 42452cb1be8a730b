// What a node answers on GET /v1/status of its health port: the JSON that the command line, the local farm and the
// operator read. Plain text and numbers only; bytes are counts.
import { z } from "zod";
import type { MembershipSummary } from "./network-view.ts";
import { membershipFields } from "./network-view-schema.ts";
import type { CopyFigures, LowCopies } from "./node-figures.ts";
import { type NodeAddress, nodeAddress } from "./node-record.ts";
import { type DesiredState, desiredStates, type VaultState, vaultStates } from "./states.ts";

/** Of the process, not of its vaults: `ready` = store open, and joined or founder. */
export const nodePhases = ["starting", "joining", "ready", "stopping"] as const;
export type NodePhase = (typeof nodePhases)[number];

export type VaultStatus = {
  /** 64 hexadecimal digits each. */
  readonly name: string;
  readonly publicKey: string;
  readonly state: VaultState;
  readonly capacity: number;
  readonly used: number;
  readonly chunks: number;
};

/** What the answering node has seen of another node's vault. `score` and `conduct`: 0 to 1, the second without regard to age. */
export type SeenVault = {
  readonly peerId: string;
  readonly vault: string;
  readonly score: number;
  readonly conduct: number;
  readonly goodDays: number;
  /** Each step takes twice as long as the one before. */
  readonly age: number;
  /** Faults of its node by kind. */
  readonly faults: Readonly<Record<string, number>>;
};

/** `cause` as in network/membership/suspicion.ts; `confirmed`: others agree, so that data may move. */
export type SuspectStatus = { readonly peerId: string; readonly cause: string; readonly confirmed: boolean };

/** A live member of the network as the answering node sees it. */
export type MemberSeen = {
  readonly peerId: string;
  /** Of the chunks that it counts, as it published last; null where it has not counted all of them, or publishes no figures. */
  readonly counted: LowCopies | null;
  /** Whether it takes new chunks. */
  readonly takes: boolean;
};

/** The live members of the network, as the answering node sees them: how many with itself, and those that follow it in the order of PeerIds. */
export type MembersStatus = { readonly live: number; readonly next: readonly MemberSeen[] };

/** Members told of by one node at most: those of a farm tell of all others together. About 110 bytes each. */
export const membersToldMax = 32;

/** Who is confirmed by certificate, as the answering node sees it. */
export type MembershipStatus = MembershipSummary & {
  /** Whether the answering node is confirmed itself. */
  readonly isConfirmed: boolean;
};

export type NodeStatus = {
  readonly peerId: string;
  readonly networkId: string;
  readonly version: string;
  readonly startCounter: number;
  readonly state: NodePhase;
  /** What a person or the operator wants of this node; kept on its volume. */
  readonly admin: DesiredState;
  /** Whether another node of the network was met since the start. */
  readonly joined: boolean;
  /** Whether the node holds a grant, so that others take its puts. */
  readonly granted: boolean;
  readonly addresses: readonly NodeAddress[];
  /** Labels of its failure domain, empty where there are none; `host` is empty for older nodes. */
  readonly zone: string;
  readonly host: string;
  readonly vaults: readonly VaultStatus[];
  readonly disk: { readonly live: number; readonly dead: number; readonly overhead: number; readonly free: number; readonly total: number };
  readonly store: { readonly mode: "writable" } | { readonly mode: "read-only"; readonly why: string };
  /** Vaults of other nodes, worst conduct first, at most 64; absent from older nodes. */
  readonly seen?: readonly SeenVault[] | undefined;
  /** Nodes that the answering one routes round, and why (`closed`, `failed`, `silent`, `unseen`, `told`); absent from older nodes. */
  readonly suspects?: readonly SuspectStatus[] | undefined;
  /** The chunks that this node counts for the farm, see `CopyFigures`; absent from older nodes and from those that do not look after copies. */
  readonly copies?: Pick<CopyFigures, "live" | "partial" | "onLeavers"> | undefined;
  /** Absent from older nodes. */
  readonly members?: MembersStatus | undefined;
  /** Absent from older nodes. */
  readonly membership?: MembershipStatus | undefined;
  /** Real ports, where the configuration said 0 too. */
  readonly ports: { readonly health: number; readonly admin: number };
};

const count = z.number().min(0);
const vaultStatus: z.ZodType<VaultStatus> = z.object({
  name: z.string(),
  publicKey: z.string(),
  state: z.enum(vaultStates),
  capacity: count,
  used: count,
  chunks: count,
});

const seenVault: z.ZodType<SeenVault> = z.object({
  peerId: z.string(),
  vault: z.string(),
  score: count.max(1),
  conduct: count.max(1),
  goodDays: count,
  age: count,
  faults: z.record(z.string(), count),
});

const memberSeen: z.ZodType<MemberSeen> = z.object({
  peerId: z.string(),
  counted: z.object({ belowMin: count, lowest: count }).nullable(),
  takes: z.boolean(),
});
const membersStatus: z.ZodType<MembersStatus> = z.object({ live: count, next: z.array(memberSeen) });

const membershipStatus: z.ZodType<MembershipStatus> = z.object({ ...membershipFields, isConfirmed: z.boolean() });

export const nodeStatus: z.ZodType<NodeStatus> = z.object({
  peerId: z.string(),
  networkId: z.string(),
  version: z.string(),
  startCounter: count,
  state: z.enum(nodePhases),
  admin: z.enum(desiredStates),
  joined: z.boolean(),
  granted: z.boolean(),
  addresses: z.array(nodeAddress),
  zone: z.string(),
  host: z.string().default(""),
  vaults: z.array(vaultStatus),
  disk: z.object({ live: count, dead: count, overhead: count, free: count, total: count }),
  store: z.discriminatedUnion("mode", [
    z.object({ mode: z.literal("writable") }),
    z.object({ mode: z.literal("read-only"), why: z.string() }),
  ]),
  seen: z.array(seenVault).optional(),
  suspects: z.array(z.object({ peerId: z.string(), cause: z.string(), confirmed: z.boolean() })).optional(),
  copies: z.object({ live: z.array(count), partial: z.boolean(), onLeavers: count.optional() }).optional(),
  members: membersStatus.optional(),
  membership: membershipStatus.optional(),
  ports: z.object({ health: count, admin: count }),
});
