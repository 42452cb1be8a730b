// One look at a farm with all that its actions are carried out with, and where its nodes are reached.
import type { NodeAddress } from "../../protocol/node-record.ts";
import { adminPort, heartbeatPort, lanePort, libp2pPort } from "../../protocol/ports.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient } from "../kube/index.ts";
import type { FarmIdentity } from "../manifests/names.ts";
import type { NetworkKeys } from "../manifests/network-secret.ts";
import type { PodImage } from "../manifests/pod-security.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { CommandPlace, NodeCommander } from "../node-access/node-commander.ts";
import type { FarmGoal } from "../vault-farm/goal.ts";
import type { ObservedFarm } from "../vault-farm/observed.ts";
import type { FarmParts } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import type { ObjectWriter } from "./object-writer.ts";
import type { ReplacingTurn } from "./replacing-turn.ts";
import type { PodObject } from "./resources.ts";
import type { StatusWriter } from "./status-writer.ts";

/** One look at a farm, and what its actions are carried out with. */
export type FarmHands = {
  readonly farm: FarmIdentity;
  readonly spec: VaultFarmSpec;
  readonly goal: FarmGoal;
  readonly observed: ObservedFarm;
  readonly parts: FarmParts;
  readonly memory: FarmMemory;
  readonly keys: NetworkKeys;
  readonly commander: NodeCommander;
  readonly client: KubeClient;
  readonly writer: ObjectWriter;
  readonly turn: Pick<ReplacingTurn, "keep" | "giveBack">;
  readonly statusWriter: Pick<StatusWriter, "warnOfStrays">;
  readonly image: PodImage;
  readonly metrics: Pick<OperatorMetrics, "acted" | "proved">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** No action is begun after it aborts. */
  readonly signal: AbortSignal;
};

/** The pod of a node. */
export function podOf(name: string, { parts }: Pick<FarmHands, "parts">): PodObject | undefined {
  return parts.pods.find(({ metadata }) => metadata.name === name);
}

/** Where a node takes commands, undefined where that is not known now. */
export function placeOf(name: string, hands: Pick<FarmHands, "parts" | "observed">): CommandPlace | undefined {
  const ip = podOf(name, hands)?.ip;
  const node = hands.observed.nodes.find((one) => one.name === name)?.peerId;
  return ip === undefined || node === undefined ? undefined : { ip, port: adminPort, node };
}

/** Where a pod's node listens: ports are the same for all, addresses change with every pod. */
export function addressOf(pod: PodObject | undefined): NodeAddress | undefined {
  if (pod?.ip === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
  return { ip: pod.ip, libp2p: libp2pPort, lane: lanePort, heartbeat: heartbeatPort };
}
