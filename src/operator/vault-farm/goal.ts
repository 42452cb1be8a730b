// What is wanted of a farm, in the terms of the plan: the same for a cluster and for local processes.
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { AutogrowSpec, ReclaimPolicy } from "../api/storage-spec.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { templateHash } from "./template.ts";

/** Share of its capacity that a vault wants no new chunks in: room for repair (the vault node's own limit). */
const roomForRepair = 0.05;

/**
 * What is wanted. `gateways`: those that the plan itself starts (in a cluster a Deployment does: 0); `running`: false stops
 * all and keeps the volumes; `restart`: whether a member that ended is started again; `zones`: those to be dealt out,
 * empty = those that are there; `template`: names all settings with which a node is to run, but its capacity.
 */
export type FarmGoal = {
  readonly nodes: number;
  readonly gateways: number;
  readonly running: boolean;
  readonly restart: boolean;
  readonly paused: boolean;
  readonly copies: CopiesPolicy;
  readonly zones: readonly string[];
  readonly template: string;
  readonly vaultsPerNode: number;
  /** Bytes of each vault. */
  readonly vaultCapacity: number;
  /** Share of what all vaults declare that stays free of stored bytes. */
  readonly keepFree: number;
  readonly autogrow?: AutogrowSpec;
  /** How long a silent node's copies are waited for at most before they are made again. */
  readonly repairDelayMs: number;
  readonly lostAfterMs: number;
  readonly reclaimPolicy: ReclaimPolicy;
};

/** Where a farm runs, as far as the goal differs. */
export type GoalPlace = Pick<FarmGoal, "gateways" | "running" | "restart" | "paused">;

/** The goal of a farm in a cluster: 0 nodes hibernate it, and gateways are a Deployment's. */
export function clusterGoal(spec: VaultFarmSpec): FarmGoal {
  return goalOf(spec, { gateways: 0, running: spec.replicas > 0, restart: true, paused: spec.paused });
}

/** The goal of `spec` at a place. */
export function goalOf(spec: VaultFarmSpec, place: GoalPlace): FarmGoal {
  const { replicas, copies, vaultsPerNode, vaultCapacity, topology, repair, storage, gateway } = spec;
  const { autogrow, reclaimPolicy } = storage;
  const { keepFreePercent } = gateway.quota;
  return {
    ...place,
    nodes: replicas,
    copies,
    zones: topology.zones,
    template: templateHash(spec),
    vaultsPerNode,
    vaultCapacity,
    keepFree: Math.max(roomForRepair, keepFreePercent / 100),
    ...(autogrow === undefined ? {} : { autogrow }),
    repairDelayMs: repair.delaySeconds * 1000,
    lostAfterMs: repair.lostAfterSeconds * 1000,
    reclaimPolicy,
  };
}
