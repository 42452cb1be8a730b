// What is seen of a farm, in the terms of the plan: processes or pods, folders or volumes, and what the nodes say. What is
// not known is absent, and what is absent never allows anything to be taken away.
import type { Address } from "../../protocol/address.ts";
import type { LowCopies } from "../../protocol/node-figures.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { StopPurpose } from "../../protocol/safe-to-stop.ts";
import type { DesiredState } from "../../protocol/states.ts";
import type { StopObstacle, StopPair } from "../../protocol/stop-decision.ts";
import type { AssignedSpec, DesiredNodeState } from "../api/vault-node.ts";

/**
 * A process or pod as it is seen. `failures` in a row: ends that nobody asked for; `sinceMs` by the clock of `now`: of one that is not
 * ready, since when it is not, however long it ran well before.
 */
export type MemberState = DownState | { readonly kind: "starting" | "ready" | "stopping"; readonly sinceMs: number };
export type DownState = { readonly kind: "down"; readonly failures: number; readonly sinceMs: number };

/**
 * absent: there is none · unbound: it was never used, so nothing is on it · terminating: it goes as soon as nobody uses it ·
 * foreign: there is one of its name of which nothing says that it was made for the node.
 */
export type VolumeState = "absent" | "unbound" | "bound" | "terminating" | "foreign";

/** The machine that a node runs on. leaving: it is being drained or taken away · gone: it is not there, or does not answer. */
export type HostState = "fine" | "leaving" | "gone";

/**
 * What a node says of itself now. Bytes; `declared`: of each vault; `score`: lowest of its vaults as others see it;
 * `confirmed`: members that it knows to be confirmed; `partitioned`: that it sees too few of them, in words;
 * `atRiskIfStopped`: chunks that would have too few copies without it; `fillPerHour`: bytes that it gains, see `fillPerHour`.
 */
export type NodeReport = {
  readonly admin: DesiredState;
  readonly joined: boolean;
  /** Of the software that it runs, as it says itself. */
  readonly version?: string;
  readonly declared: number;
  readonly used: number;
  readonly chunks: number;
  readonly score?: number;
  readonly confirmed?: number;
  readonly partitioned?: string;
  readonly atRiskIfStopped?: number;
  readonly fillPerHour?: number;
};

/**
 * The looks at whether a node may be stopped, for one purpose; `among`: the nodes that served and stayed, as the action that
 * asked for the first one named them; `problem`: why there is none, or how far a drain is; `obstacle`: what the node's own statement
 * has against it; `unfinished`: nobody said anything yet, and the look is to be taken again.
 */
export type StopEvidence = {
  readonly purpose: StopPurpose;
  readonly among: readonly string[];
  readonly first?: StopPair;
  readonly second?: StopPair;
  readonly problem?: StopProblem;
};

export type StopProblem = {
  readonly why: string;
  readonly obstacle?: StopObstacle;
  readonly unfinished?: true;
  readonly short?: number;
  readonly bytesLeft?: number;
};

/** A node that exists (its record or volume does). `peerId` is known once it ran; `addressed`: others can be told where it listens; `peersTold`: the nodes it was told of, at its start or since. */
export type ObservedNode = {
  readonly name: string;
  readonly state: MemberState;
  readonly peerId?: PeerId;
  readonly addressed: boolean;
  readonly granted: boolean;
  readonly peersTold: readonly string[];
  readonly zone: string;
  /** The machine it runs on; empty where it is not known or not told apart. */
  readonly host: string;
  readonly hostState: HostState;
  /** When it was made, by any clock that orders nodes. */
  readonly createdMs: number;
  /** Whether a person made it. */
  readonly byHand: boolean;
  /** What a person wants of it; `deleting`: its record was deleted, which means: drain it and take it away. */
  readonly desired: DesiredNodeState;
  readonly deleting: boolean;
  /** A person had it hand over what it holds, and will stop it, if at all: it runs on and is counted, but nothing is built on it. */
  readonly handsOver?: boolean;
  readonly assigned: AssignedSpec;
  readonly volume: VolumeState;
  /** Bytes of its volume; infinite where it has no size of its own. */
  readonly volumeBytes: number;
  /** The template it was started with, and what its vaults were started to declare each; absent while it does not run. */
  readonly runsWith?: { readonly template: string; readonly capacity: number };
  /** Since when it cannot run (no machine takes it, its disk fails, its machine is gone), by the clock of `now`; absent while it runs or starts. */
  readonly awaySinceMs?: number;
  /** No process of it runs, nor will by itself soon: no machine took it, or its container waits. */
  readonly runsNothing?: true;
  /** Since when it does not answer, as far as anybody knows who asked; absent while it answers. */
  readonly silentSinceMs?: number;
  /** The identity that it had before, where the volume now holds another. */
  readonly formerPeerId?: PeerId;
  /** Absent: it does not answer. */
  readonly report?: NodeReport;
  /** What its process reported before it fell silent: to be shown, not to be decided by. */
  readonly lastReport?: NodeReport;
  readonly evidence?: StopEvidence;
};

export type ObservedGateway = { readonly name: string; readonly state: MemberState };

/** Copies as all nodes together count them: the fewest of any chunk, and since when the same ones, `by`, always counted so many or more. */
export type CopiesCount = LowCopies & { readonly sinceMs: number; readonly by?: string };

/**
 * Live members of the network that are not nodes of the farm. `uncounted` of them have not counted all of their chunks, as far as is
 * known, `named`: some of those; `taking` of them take new chunks.
 */
export type OtherMembers = {
  readonly live: number;
  readonly uncounted: number;
  readonly named: readonly string[];
  readonly taking: number;
};

export type ObservedFarm = {
  /** Whether everything below was read after the last change by our hand; false allows nothing. */
  readonly complete: boolean;
  /** The network, once it has begun. */
  readonly networkId?: Address;
  /** Whether its first members are confirmed by certificate; true also where a node that could tell does not answer. */
  readonly founded: boolean;
  /** Other farms of the operator, namespace/name, that are replacing a lost node: one at a time. */
  readonly replacingElsewhere: readonly string[];
  /** Zones that new nodes can go to. */
  readonly zones: readonly string[];
  /** Absent where not all nodes have counted. With what other members count, where they have. */
  readonly copies?: CopiesCount;
  /** Absent where there are none. */
  readonly others?: OtherMembers;
  readonly nodes: readonly ObservedNode[];
  readonly gateways: readonly ObservedGateway[];
  /** Names of pods that its selectors choose and that are not its own; absent where there are no selectors. */
  readonly strangers?: readonly string[];
  /** Kinds and names of other objects that are not its own and have a name that it needs, or its label. */
  readonly foreign?: readonly string[];
  /** Claims that were deleted and hang, each with what holds it. */
  readonly held?: readonly string[];
};
