// What a simulation is given: everything it does follows from these, so that the same options give the same run.
import type { MembershipLimits } from "../../src/network/membership/membership-limits.ts";
import type { ProfileName } from "../../src/protocol/network-profile.ts";
import type { AnnouncerLimits } from "../../src/vault-node/announcer.ts";
import type { PointerLimits } from "../../src/vault-node/pointers/pointer-looks.ts";
import type { ReconciliationLimits } from "../../src/vault-node/reconciliation/reconciliation-limits.ts";
import { type ReplicationLimits, replicationLimits } from "../../src/vault-node/replication/replication-limits.ts";

/**
 * storm: everything at once, for seconds · keeping: copies through losses, absences, drains and joins · days: many nodes, for days ·
 * detector: nodes that die, stand still, are cut off or late, and who notices when.
 */
export const scenarioNames = ["storm", "keeping", "days", "detector"] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export type SimOptions = {
  readonly scenario: ScenarioName;
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  readonly vaultsPerNode: number;
  /** Bytes of each vault; small ones fill up on the way. */
  readonly vaultCapacity: number;
  /** Bytes of each vault of one node, where it has others. */
  readonly capacityOf?: (node: number) => number | undefined;
  /** Places of each vault; fewer spread less evenly, and cost less to compute. */
  readonly placesPerVault: number;
  /** How long a sync takes, milliseconds: the window in which a crash loses what was not acknowledged yet. */
  readonly syncMs: number;
  /** How copies are kept: delays above all. */
  readonly replication: ReplicationLimits;
  /** Most nodes down at once. */
  readonly downMax: number;
  /** The first so many nodes after the founder lie: they acknowledge, keep nothing, and serve other bytes. */
  readonly liars: number;
  /** Whether a node puts off now what others ask it to show; absent: none does. */
  readonly putsOff?: (node: number) => boolean;
  /** Whether a node refuses every copy now, against its own record. */
  readonly refuses?: (node: number) => boolean;
  /** A mistake put back on purpose, to prove that it is found. */
  readonly bug: Bug;
  /** The profile of the failure detector that each node runs; absent: they learn of deaths by closed connections. */
  readonly detector?: ProfileName;
  /** How long after the one before each node starts, milliseconds: large farms do not come together all at once. */
  readonly startApartMs: number;
  /** Other limits than the usual: of comparing and auditing, of membership, of announcements, of pointers. */
  readonly reconciliation?: Partial<ReconciliationLimits>;
  readonly membership?: MembershipLimits;
  readonly announcer?: AnnouncerLimits;
  readonly pointers?: Partial<PointerLimits>;
  /** The rules that are checked; a rule left out shows what the others find alone. */
  readonly rules: readonly Rule[];
};

/**
 * Mistakes that are put back at the ports of the code under test (bug-ports.ts).
 * lost-acknowledgement: a node says "stored" before the bytes are synced · accept-unverified: a reader takes whatever bytes
 * come · trim-without-proof: a copy too many is dropped on the mere word of others that they have theirs ·
 * repair-trusts-suspicion: one watcher's suspicion counts as a confirmed death · gone-still-counts: a silent node is waited
 * for without end · inventory-forgets-fresh: looking through all chunks misses those stored since the start ·
 * vaults-count-as-nodes: two vaults of one node are counted as two copies · hearsay-confirms: a node that is told of a silent one says that
 * it misses it too, without having looked.
 */
export const bugs = [
  "lost-acknowledgement",
  "accept-unverified",
  "trim-without-proof",
  "repair-trusts-suspicion",
  "gone-still-counts",
  "inventory-forgets-fresh",
  "vaults-count-as-nodes",
  "hearsay-confirms",
] as const;
export type Bug = (typeof bugs)[number] | "none";

/**
 * durable-at-acknowledgement: a chunk lies synced on at least `min` nodes at the moment its put succeeds ·
 * still-durable: and ever after, whatever crashes · readable: with at most three of its holders failed every chunk and
 * object comes back byte for byte · dropped-after-proof: a sound copy is dropped only while `target` other nodes hold the
 * chunk soundly · live-copy: with at most three failed a chunk has a sound copy on a running node · min-again: at least
 * `min` running nodes have it again within the bound · target-again: once all is quiet, `target` have it · drain-ends: what a draining node has, `target` others have soon · rot-healed: rot that was met is
 * sound again soon · at-rest: nothing moves where nothing was lost ·
 * death-noticed: every live node routes round one that is dead, frozen or cut off within the profile's bound · death-confirmed: and holds
 * a dead one for confirmed soon · living-unconfirmed: nobody confirms a node that runs and is reached · suspicion-revoked: nobody
 * suspects such a node for longer than 100 ms · seen-again: a node that starts again is seen live by all soon.
 */
export const rules = [
  "durable-at-acknowledgement",
  "still-durable",
  "readable",
  "dropped-after-proof",
  "live-copy",
  "min-again",
  "target-again",
  "drain-ends",
  "rot-healed",
  "at-rest",
  "death-noticed",
  "death-confirmed",
  "living-unconfirmed",
  "suspicion-revoked",
  "seen-again",
] as const;
export type Rule = (typeof rules)[number];

const mib = 1024 * 1024;

export const defaultSimOptions: SimOptions = {
  scenario: "storm",
  seed: 1,
  nodes: 8,
  steps: 150,
  vaultsPerNode: 2,
  vaultCapacity: 64 * mib,
  placesPerVault: 32,
  syncMs: 8,
  replication: replicationLimits,
  downMax: 4,
  liars: 0,
  bug: "none",
  startApartMs: 0,
  rules,
};
