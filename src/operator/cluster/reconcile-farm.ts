// One look at one farm: what is wanted, what is there, what the plan says, what is done, what is shown. Nothing here decides;
// it may be cut short anywhere and begins anew at the next look.
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { clientUntil, type KubeClient, type Outcome } from "../kube/index.ts";
import { acceptedSpecMap, readAcceptedSpec, readRunningImage } from "../manifests/accepted-spec.ts";
import { type FarmIdentity, objectNames, selectorText } from "../manifests/names.ts";
import type { NetworkKeys } from "../manifests/network-secret.ts";
import type { PodImage } from "../manifests/pod-security.ts";
import { vaultNodeRecord } from "../manifests/vault-node-record.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { CallMember } from "../node-access/http-call.ts";
import { createNodeCommander } from "../node-access/node-commander.ts";
import type { NodeWord } from "../node-access/node-word.ts";
import type { FarmAction } from "../vault-farm/actions.ts";
import type { FarmSeen } from "../vault-farm/farm-look.ts";
import { clusterGoal } from "../vault-farm/goal.ts";
import { holdsNothing, isKeptApart, shouldRun } from "../vault-farm/node-roles.ts";
import type { ObservedFarm, ObservedNode } from "../vault-farm/observed.ts";
import type { MembersTold } from "../vault-farm/other-members.ts";
import { adoptedAs } from "../vault-farm/plan-growth.ts";
import { imageToRun } from "../vault-farm/running-image.ts";
import { acceptedOf, acceptSpec, type Refusal } from "./accept-spec.ts";
import { unexposedOf } from "./ensure-exposure.ts";
import { ensureMonitoring } from "./ensure-monitoring.ts";
import { createOwnWrites, type FarmCaches, type FarmParts, type OwnWrites } from "./farm-caches.ts";
import { carryOut } from "./farm-hands.ts";
import { createFarmMemory, type FarmMemory } from "./farm-memory.ts";
import { isRunByOther, keepMap } from "./farm-operator.ts";
import type { FarmHands } from "./hands.ts";
import { heldClaims } from "./held-claims.ts";
import { withHiddenClaims } from "./hidden-claims.ts";
import { imageThere } from "./image-there.ts";
import { farmWithNetwork, networkInUse } from "./network-clash.ts";
import type { NetworkKeyring, NetworkReading } from "./network-keys.ts";
import { decidedIn } from "./node-decisions.ts";
import type { NodePoll } from "./node-poll.ts";
import { createObjectWriter, repairsOf } from "./object-writer.ts";
import { observeFarm, volumeBytesOf } from "./observe-farm.ts";
import { refusedEveryMs, tellRefused } from "./refused-calls.ts";
import { releaseEarlier } from "./release-records.ts";
import { replacedElsewhere } from "./replacing-elsewhere.ts";
import { planInTurn, type ReplacingTurn, type ReplacingTurns } from "./replacing-turn.ts";
import { claims, type FarmObject, nodeRecords } from "./resources.ts";
import { ensureStandingObjects } from "./standing-objects.ts";
import type { StatusWriter } from "./status-writer.ts";
import { strangerPods } from "./stranger-pods.ts";
import { unlessForbidden } from "./unless-forbidden.ts";
import type { WatchedFarms } from "./watched-farms.ts";
import { lookWithoutFarm } from "./without-farm.ts";

export type FarmReconcilerParts = {
  /** Of the namespace of the farms that are looked at, or of all. */
  readonly caches: FarmCaches;
  readonly watched: WatchedFarms;
  readonly client: KubeClient;
  /** Of all farms of this process. */
  readonly turns: ReplacingTurns;
  readonly keyring: NetworkKeyring;
  readonly poll: NodePoll;
  readonly call: CallMember;
  readonly statusWriter: StatusWriter;
  readonly image: PodImage;
  readonly operatorNamespace: string;
  /** What this operator is called in the farms that it runs: NAMESPACE/LEASE. */
  readonly operator: string;
  readonly metrics: Pick<OperatorMetrics, "acted" | "proved" | "callRefused">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
};

/** How often nodes are asked while nothing happens, and while something does, milliseconds. */
export const calmMs = 60_000;
const busyMs = 5000;
/** The next look after something was done that no cache tells of: an answer of a node. */
const soonMs = 1000;

type State = { readonly uid: string; readonly memory: FarmMemory; readonly writes: OwnWrites };

/** `signal`: from when on nothing more is sent to the API server or to a node; what is under way ends. */
export type FarmReconciler = { reconcile(key: string, signal: AbortSignal): Promise<Outcome> };

export function createFarmReconciler(parts: FarmReconcilerParts): FarmReconciler {
  const states = new Map<string, State>();
  const stateOf = (key: string, uid: string): State => {
    const known = states.get(key);
    // A farm made anew under the name is another one.
    if (known?.uid === uid) return known;
    if (known !== undefined) parts.keyring.forget(known);
    const fresh = { uid, memory: createFarmMemory(), writes: createOwnWrites(parts.caches, parts.clock) };
    states.set(key, fresh);
    return fresh;
  };
  const reconcile = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    // That a farm is not shown would mean nothing.
    if (!parts.caches.farms.isSynced()) return { kind: "after", delayMs: refusedEveryMs };
    const farm = parts.caches.farms.store.byKey(key);
    const client = clientUntil(parts.client, signal);
    if (farm === undefined || farm.metadata.deletionTimestamp !== undefined) {
      const { uid = states.get(key)?.uid } = farm?.metadata ?? {};
      if (uid !== undefined) parts.keyring.forget({ uid });
      states.delete(key);
      return lookWithoutFarm(key, farm !== undefined, { ...parts, client });
    }
    const { name, namespace = "", uid = "" } = farm.metadata;
    const call: CallMember = async (asked) => (signal.aborted ? undefined : parts.call(asked));
    const turn = parts.turns.ofLook(key);
    const look = { ...parts, ...stateOf(key, uid), client, call, turn, signal };
    let outcome: Outcome = { kind: "after", delayMs: refusedEveryMs };
    const refused = await unlessForbidden(async () => {
      outcome = await lookAt(farm, { name, namespace, uid }, look).finally(turn.end);
    });
    if (refused !== undefined) await tellRefused(farm, refused, parts.clock.monotonicMs(), look);
    return outcome;
  };
  return {
    reconcile: async (key, signal) => {
      try {
        return await reconcile(key, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        parts.log.info("a look at a farm was cut short", { farm: key, why: signal.reason });
        return { kind: "again" };
      }
    },
  };
}

type Look = FarmReconcilerParts & State & { readonly turn: ReplacingTurn; readonly signal: AbortSignal };

async function lookAt(object: FarmObject, farm: FarmIdentity, look: Look): Promise<Outcome> {
  const { caches, client, memory, writes, clock } = look;
  // What is old, or does not show our own writes yet, is nothing to decide by, nor to be shown to people.
  const unread = caches.forbidden();
  if (unread !== undefined) {
    // The status of a farm that is another operator's is that one's too.
    if (await isRunByOther(object, farm, look)) return { kind: "after", delayMs: calmMs };
    throw unread;
  }
  if (!caches.isFresh() || !writes.areSeen()) return { kind: "after", delayMs: soonMs };
  if (await isRunByOther(object, farm, look)) return { kind: "after", delayMs: calmMs };
  const key = `${farm.namespace}/${farm.name}`;
  const shown = caches.byFarm(key);
  const writer = createObjectWriter(client, writes, repairsOf(look), memory.setForeign);
  if (await releaseEarlier(farm.uid, shown.records, writer)) return { kind: "after", delayMs: soonMs };
  const parts = await withHiddenClaims(shown, farm, client);
  const accepted = await acceptSpec(object, farm, look);
  if (accepted.spec === undefined) {
    await look.statusWriter.refuse(object, accepted.refused);
    return { kind: "after", delayMs: calmMs };
  }
  const { spec, refused } = accepted;
  // Before anything is made with it, so that a restart in between makes no pod of another image.
  const { behaviourVersion } = spec.update;
  const kept = readRunningImage(acceptedOf(farm, caches), farm) ?? (await imageThere(farm, behaviourVersion, { parts, client }));
  const runs = imageToRun(kept, behaviourVersion, look.image.image);
  // While a spec is refused too: whoever takes the farm over has to say so.
  const raw = refused === undefined ? object.spec : readAcceptedSpec(acceptedOf(farm, caches));
  if (!(await keepMap(acceptedSpecMap(farm, raw, { ...runs, operator: look.operator }), farm, { ...look, writer })))
    return { kind: "after", delayMs: soonMs };
  const isNew = object.status?.["networkId"] === undefined && parts.claims.length === 0;
  const reading = await look.keyring.keysOf(farm, spec, isNew);
  if (reading.kind !== "keys") {
    await look.statusWriter.refuse(object, missingKeys(reading));
    return { kind: "after", delayMs: calmMs };
  }
  const elsewhere = farmWithNetwork(object, reading, look.watched);
  if (elsewhere !== undefined) {
    look.keyring.forget(farm);
    await look.statusWriter.refuse(object, networkInUse(farm, elsewhere));
    return { kind: "after", delayMs: calmMs };
  }
  if (await adoptClaims(farm, spec, parts, look)) return { kind: "after", delayMs: soonMs };
  const told = await askNodes(parts, reading.keys, look);
  const strangers = strangerPods(farm.name, caches.pods.store.byIndex("farm", key));
  const foreign = [...memory.foreign(), ...foreignClaims(key, parts, caches).map((name) => `${claims.kind} ${name}`)];
  const held = heldClaims(parts.claims, parts.pods, clock.wallMs());
  const seenNow = { ...(await observe(spec, { ...look, farm, parts, told, keys: reading.keys })), strangers, foreign, held };
  const goal = clusterGoal(spec);
  const nowMs = clock.monotonicMs();
  const { observed, actions } = planInTurn(goal, seenNow, nowMs, look.turn);
  memory.keep(new Set(observed.nodes.map((node) => node.name)));
  const commander = createNodeCommander(reading.keys, look);
  const image = { ...look.image, image: runs.image };
  const hands = { ...look, image, farm, spec, goal, observed, parts, keys: reading.keys, commander, writer };
  if (!observed.complete) return { kind: "after", delayMs: soonMs };
  const monitoring = await ensureMonitoring(hands);
  const gateways = gatewaysOf(farm, spec, look);
  const images = { runs, offered: look.image.image };
  const selector = selectorText(farm.name, "node");
  const seen = { goal, observed, actions, gateways, images, selector, zoneKey: spec.topology.zoneKey, nowMs };
  const more = {
    ...(monitoring === undefined ? {} : { monitoring }),
    ...(refused === undefined ? {} : { refused }),
    ...(memory.refusal === undefined ? {} : { refusedCall: memory.refusal.why }),
  };
  look.signal.throwIfAborted();
  let forbidden = await unlessForbidden(() => look.statusWriter.write(object, parts.records, { ...seen, ...more }, memory));
  if (!goal.paused) {
    forbidden = (await unlessForbidden(() => ensureStandingObjects({ ...hands, nowMs }))) ?? forbidden;
    await carryOut(actions, hands);
  }
  if (forbidden !== undefined) throw forbidden;
  // No cache tells what was refused, and what no longer is: people wait for the word.
  const isNews = memory.refusal !== undefined || unexposedOf(memory)?.why !== gateways.unexposed?.why;
  delete memory.refusal;
  return { kind: "after", delayMs: isNews ? soonMs : pause(actions, observed, { nowMs, luck: look.random.fraction() }) };
}

function missingKeys(reading: Exclude<NetworkReading, { kind: "keys" }>): Refusal {
  return { reason: "SecretMissing", problems: [{ field: "spec.network", message: reading.why }] };
}

/** Names of claims with the farm's label or the name of a node that are not known as its own. */
function foreignClaims(key: string, { records, foreignVolumes = [] }: FarmParts, caches: FarmCaches): readonly string[] {
  const strangers = caches.strangerClaims(key).map(({ metadata }) => metadata.name);
  return [...strangers.filter((name) => !records.some(({ metadata }) => metadata.name === name)), ...foreignVolumes];
}

/** Volumes of the farm whose records are gone become nodes again. Whether there were any. */
async function adoptClaims(
  farm: FarmIdentity,
  spec: VaultFarmSpec,
  { claims }: FarmParts,
  { client, writes, caches }: Look,
): Promise<boolean> {
  // Of any farm: one that somebody gave this farm's label is still the node's whose name it has.
  const isKnown = (name: string): boolean => caches.records.store.get({ namespace: farm.namespace, name }) !== undefined;
  const orphans = claims.filter(({ metadata }) => !isKnown(metadata.name) && metadata.deletionTimestamp === undefined);
  const writer = createObjectWriter(client, writes);
  for (const claim of orphans)
    await writer.apply(nodeRecords, vaultNodeRecord(farm, claim.metadata.name, adoptedAs(volumeBytesOf(claim), clusterGoal(spec))));
  return orphans.length > 0;
}

async function askNodes({ pods }: FarmParts, { genesis }: NetworkKeys, { memory, poll, clock }: Look): Promise<MembersTold> {
  const { words, told } = await poll.ask(pods, genesis.networkId);
  for (const { name, uid = "" } of pods.map(({ metadata }) => metadata)) memory.setStatus(name, uid, words.get(name), clock.monotonicMs());
  return told;
}

type Observing = Look & Pick<FarmHands, "farm" | "parts" | "keys"> & { readonly told: MembersTold };

async function observe(spec: VaultFarmSpec, look: Observing): Promise<ObservedFarm> {
  const { farm, parts, told, keys, caches, memory, clock } = look;
  const others = await replacedElsewhere(parts.records, look);
  const sealed = { keys, wallMs: clock.wallMs() };
  const nowMs = clock.monotonicMs();
  const machines = [...caches.machines.store.values()];
  const observed = observeFarm({
    ...parts,
    complete: caches.isFresh(),
    others,
    decidedIn: (record, assigned) => decidedIn(record, assigned, farm, sealed),
    machines,
    machine: (name) => caches.machines.store.get({ name }),
    topology: spec.topology,
    placing: spec.pod,
    networkId: keys.genesis.networkId,
    memory: memory.node,
    nowMs,
    wallMs: sealed.wallMs,
  });
  // Of those that could count: one that cannot run, or is kept apart, would otherwise keep the count, and so its own replacement, open for ever.
  const counts = (node: ObservedNode): boolean =>
    shouldRun(node) && node.awaySinceMs === undefined && !isKeptApart(node) && !holdsNothing(node);
  const { nodes } = observed;
  const copiesOf = ({ name }: ObservedNode): NodeWord | undefined => memory.node(name).status;
  const counted = { nodes, counting: nodes.filter(counts), copiesOf, told, policy: keys.genesis.copies };
  return { ...observed, ...memory.counter.take(counted, nowMs) };
}

function gatewaysOf(farm: FarmIdentity, spec: VaultFarmSpec, { caches, memory }: Look): FarmSeen["gateways"] {
  const deployment = caches.deployments.store.get({ namespace: farm.namespace, name: objectNames.gateway(farm.name) });
  const { readyReplicas: ready = 0, outdatedReplicas: outdated = 0 } = deployment ?? {};
  const unexposed = unexposedOf(memory);
  return { ready, wanted: spec.gateway.replicas, outdated, ...(unexposed === undefined ? {} : { unexposed }) };
}

/** Milliseconds to the next look. Pure. */
export function pause(
  actions: readonly FarmAction[],
  { complete }: Pick<ObservedFarm, "complete">,
  { nowMs, luck }: { readonly nowMs: number; readonly luck: number },
): number {
  if (!complete || actions.some(({ kind }) => kind !== "wait")) return soonMs;
  if (actions.length === 0) return calmMs * (0.9 + luck / 5);
  const untils = actions.map((action) => (action.kind === "wait" && action.untilMs !== undefined ? action.untilMs - nowMs : busyMs));
  return Math.max(soonMs, Math.min(busyMs, ...untils));
}
