// The `VaultNode` kind: one per vault pod and its volume. The operator makes them; a person says in `spec.desired` what is
// wanted of one, and deletes one to have it drained and removed.
import { z } from "zod";
import { anObject, byteQuantity, type CelRule, celRules, label, oneOf, textOf } from "./fields.ts";
import { conditions, count, type StatusCondition, statusText } from "./status-fields.ts";
import { farmNameMax, vaultCapacityMax, vaultCapacityMin } from "./vault-farm.ts";

/** What a person may want of a node, mildest first. */
export const desiredNodeStates = ["Active", "Cordoned", "Drained", "Fenced", "Offline"] as const;
export type DesiredNodeState = (typeof desiredNodeStates)[number];

/** Why the operator has a node leave. */
export const leavingReasons = ["ScaleDown", "Update", "HostDrain", "Replaced", "Shrink"] as const;
export type LeavingReason = (typeof leavingReasons)[number];

/**
 * What the operator decided of a node, remembered across restarts. `capacity`: bytes of each vault, by autogrow;
 * `specCapacity`: the largest spec.vaultCapacity that its vaults declare; `released`: its copies are proven to exist
 * elsewhere, so it is being taken away.
 */
export type AssignedSpec = {
  readonly zone?: string;
  readonly capacity?: number;
  readonly specCapacity?: number;
  readonly leaving?: LeavingReason;
  readonly released?: boolean;
};

export type VaultNodeSpec = { readonly farm: string; readonly desired: DesiredNodeState; readonly assigned: AssignedSpec };

export type VaultNodeStatus = {
  readonly observedGeneration?: number;
  /** In one word, for the column. */
  readonly state?: string;
  /** Set once: the identity on the node's volume. */
  readonly peerId?: string;
  readonly pod?: string;
  readonly pvc?: string;
  readonly zone?: string;
  readonly host?: string;
  readonly vaults?: number;
  readonly ready?: boolean;
  readonly capacity?: string;
  readonly used?: string;
  readonly chunks?: number;
  /** Chunks that would have too few copies if the node stopped now. */
  readonly atRiskIfStopped?: number;
  readonly drain?: { readonly left: number };
  /** Lowest score of its vaults as others see them, 0 to 1. */
  readonly version?: string;
  readonly score?: string;
  readonly conditions?: readonly StatusCondition[];
};

const assigned: z.ZodType<AssignedSpec> = z
  .strictObject(
    {
      zone: z
        .exactOptional(textOf("the value of a label", /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/, 63))
        .describe("The zone that the node belongs to."),
      capacity: z
        .exactOptional(byteQuantity(vaultCapacityMin, vaultCapacityMax))
        .describe("What each of its vaults declares, where it has grown beyond the farm's vaultCapacity."),
      specCapacity: z
        .exactOptional(byteQuantity(vaultCapacityMin, vaultCapacityMax))
        .describe("The farm's vaultCapacity when the node was made, or a higher one since. Once the farm's is lower, the node is rebuilt."),
      leaving: z.exactOptional(oneOf(leavingReasons)).describe("Why the node is to leave. Absent: it stays."),
      released: z.exactOptional(z.boolean()).describe("Whether its copies are proven to exist elsewhere, so that it is being taken away."),
    },
    anObject,
  )
  .meta(celRules({ rule: "!has(oldSelf.zone) || (has(self.zone) && self.zone == oldSelf.zone)", message: "a node's zone is fixed" }))
  .prefault({})
  .describe(
    "What the operator decided of the node, for it to read again. `leaving` and `released` count only with its seal for this very VaultNode, and are taken out where somebody else wrote them.",
  );

const spec: z.ZodType<VaultNodeSpec> = z
  .strictObject(
    {
      farm: label(farmNameMax)
        .meta(celRules({ rule: "self == oldSelf", message: "a node stays with its farm" }))
        .describe("Name of the VaultFarm that the node belongs to. Fixed."),
      desired: oneOf(desiredNodeStates)
        .default("Active")
        .describe(
          "What you want of the node: Active; Cordoned, it takes no new chunks; Drained, it hands over what it holds and is taken away; Fenced, it runs apart from the network; Offline, its pod is stopped, and its volume stays.",
        ),
      assigned,
    },
    anObject,
  )
  .describe("The node as it is wanted.");

/** Reads the `spec` of a node. */
export const vaultNodeSpecSchema: z.ZodType<VaultNodeSpec> = spec;

/** The text of a PeerId as `parsePeerId` takes it: 38 bytes in base58 of which the first six are always the same, hence eight letters too. */
export const peerIdPattern: RegExp = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

// What is no PeerId was written by somebody else before this was asked, and may be put right.
const peerIdFixed: CelRule = {
  rule: `self == oldSelf || !oldSelf.matches('${peerIdPattern.source}')`,
  message: "the identity of a node is set once",
};

/** The rule for the whole object: a field that is taken away asks no rule of its own. */
export const peerIdKept: CelRule = {
  rule: `!has(oldSelf.status) || !has(oldSelf.status.peerId) || !oldSelf.status.peerId.matches('${peerIdPattern.source}') || (has(self.status) && has(self.status.peerId))`,
  message: "the identity of a node is set once, and not taken away",
  fieldPath: ".status.peerId",
};

/** Longest version that a status shows, characters. */
export const versionLengthMax = 64;

/** The schema of a node's status. */
export const vaultNodeStatusSchema: z.ZodType<VaultNodeStatus> = z
  .object({
    observedGeneration: z.exactOptional(count()).describe("The generation of the spec that this status speaks of."),
    state: z.exactOptional(statusText(32)).describe("The node's state in one word."),
    peerId: z
      .exactOptional(textOf("a PeerId", peerIdPattern, 64).meta(celRules(peerIdFixed)))
      .describe("Identity on the node's volume. Set once."),
    pod: z.exactOptional(statusText(253)).describe("The pod that runs the node."),
    pvc: z.exactOptional(statusText(253)).describe("The claim of the node's volume."),
    zone: z.exactOptional(statusText(63)).describe("The zone that the node runs in."),
    host: z.exactOptional(statusText(253)).describe("The cluster node that the pod runs on."),
    vaults: z.exactOptional(count()).describe("Vaults in the node."),
    ready: z.exactOptional(z.boolean()).describe("Whether the node serves."),
    capacity: z.exactOptional(statusText(32)).describe("What its vaults together declare, rounded."),
    used: z.exactOptional(statusText(32)).describe("What its vaults together hold, rounded."),
    chunks: z.exactOptional(count()).describe("Chunks in its vaults, rounded."),
    atRiskIfStopped: z.exactOptional(count()).describe("Chunks that would have too few copies if it stopped now, rounded."),
    drain: z
      .exactOptional(z.object({ left: count().describe("Chunks that still lack copies elsewhere, rounded.") }))
      .describe("How far handing over is, while the node leaves."),
    version: z.exactOptional(statusText(versionLengthMax)).describe("Version of the software that it reports."),
    score: z.exactOptional(statusText(8)).describe("Lowest score of its vaults as others see them, 0 to 1."),
    conditions: z.exactOptional(conditions()),
  })
  .describe("The node as it is.");
