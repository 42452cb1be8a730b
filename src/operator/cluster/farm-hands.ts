// Carries out what was planned for a farm in a cluster: each action becomes objects of the API server or a signed command
// to a node. The decisions are the plan's alone; every action can be cut short and repeated.
import { parseQuantity } from "../api/quantity.ts";
import { annotations, labels, nodeFinalizer } from "../manifests/names.ts";
import { vaultNodePod } from "../manifests/vault-node-pod.ts";
import { vaultNodeRecord } from "../manifests/vault-node-record.ts";
import { grownVolume, volumeClaim } from "../manifests/volume-claim.ts";
import type { CommandPlace, NodeCommander } from "../node-access/node-commander.ts";
import { evidenceRefused } from "../node-access/stop-look.ts";
import type { FarmAction } from "../vault-farm/actions.ts";
import { stays, volumeBytesFor, wantedCapacity } from "../vault-farm/node-roles.ts";
import type { ObservedNode } from "../vault-farm/observed.ts";
import { foundNetwork } from "./found-network.ts";
import { addressOf, type FarmHands, placeOf, podOf } from "./hands.ts";
import { assignNode } from "./node-decisions.ts";
import { repairMarks } from "./node-marks.ts";
import { drawNodeName } from "./node-name.ts";
import { must } from "./object-writer.ts";
import { repairPodLabels, takeUpPod } from "./pod-labels.ts";
import { proveNode } from "./prove-node.ts";
import { claims, nodeRecords, pods, volumes } from "./resources.ts";
import { unlessForbidden } from "./unless-forbidden.ts";

/**
 * Carries out the actions in their order; commands to nodes side by side. Throws the server's error at the first call that fails,
 * but goes on with the other actions where it was only forbidden, and throws then: what one node may not have others do not lack.
 */
export async function carryOut(actions: readonly FarmAction[], hands: FarmHands): Promise<void> {
  const commands: Promise<void>[] = [];
  let forbidden = await unlessForbidden(() => repairPodLabels(hands));
  forbidden = (await unlessForbidden(() => repairMarks(hands))) ?? forbidden;
  for (const action of actions) {
    // Whoever may not lead any more would act beside who leads now.
    if (hands.signal.aborted) break;
    if (action.kind !== "wait") {
      hands.log.info("acting", { ...action });
      hands.metrics.acted(action.kind);
    }
    if (isCommand(action)) commands.push(act(action, hands));
    else forbidden = (await unlessForbidden(() => act(action, hands))) ?? forbidden;
  }
  await Promise.all(commands);
  hands.signal.throwIfAborted();
  if (forbidden !== undefined) throw forbidden;
}

function isCommand({ kind }: FarmAction): boolean {
  return kind === "grant-node" || kind === "tell-peers" || kind === "command-node";
}

async function act(action: FarmAction, hands: FarmHands): Promise<void> {
  switch (action.kind) {
    case "create-node":
      return createNode(action.zone, hands);
    case "start-node":
      return startNode(nodeCalled(action.name, hands), hands);
    case "stop-node":
      return stopNode(action.name, hands);
    case "assign-node":
      return assignNode(action.name, action.assigned, hands);
    case "grow-volume":
      return growVolume(action.name, action.bytes, hands);
    case "remove-node":
      return removeNode(action.name, action.volume, hands);
    case "grant-node":
      await command(action.name, hands, (at) => hands.commander.grant(at));
      return;
    case "command-node":
      await command(action.name, hands, (at) => hands.commander.setDesired(at, action.state));
      return;
    case "tell-peers":
      return tellPeers(action.name, action.peers, hands);
    case "found-network":
      return foundNetwork(hands);
    case "prove-node":
      return proveNode(action, hands);
    // Gateways are a Deployment's in a cluster.
    case "create-gateway":
    case "start-gateway":
    case "stop-gateway":
    case "remove-gateway":
    case "wait":
      return;
  }
}

function nodeCalled(name: string, { observed }: FarmHands): ObservedNode {
  const node = observed.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`the plan names ${name}, which was not seen`);
  return node;
}

// The live list makes sure that no other operator made nodes which the cache does not show.
async function createNode(zone: string, hands: FarmHands): Promise<void> {
  const { farm, client, parts, writer } = hands;
  const live = must(await client.listAll(nodeRecords, { namespace: farm.namespace, labelSelector: `${labels.farm}=${farm.name}` }));
  const shown = new Set(parts.records.map(({ metadata }) => metadata.uid));
  if (live.items.some(({ metadata }) => !shown.has(metadata.uid) && !hands.memory.wasMade(metadata.name))) {
    hands.log.warn("there are nodes that the cache does not show yet, so none is made", { farm: farm.name });
    return;
  }
  const taken = new Set([...live.items, ...parts.claims, ...parts.pods].map(({ metadata }) => metadata.name));
  const isTaken = async (one: string): Promise<boolean> => taken.has(one) || hands.memory.wasMade(one) || (await isThere(one, hands));
  const name = await drawNodeName(farm.name, hands.random, isTaken);
  hands.memory.noteMade(name);
  const { vaultsPerNode, vaultCapacity } = hands.goal;
  const assigned = { ...(zone === "" ? {} : { zone }), specCapacity: vaultCapacity };
  const record = await writer.apply(nodeRecords, vaultNodeRecord(farm, name, assigned));
  await writer.apply(claims, claimOf(name, volumeBytesFor(vaultsPerNode, vaultCapacity), hands));
  await makePod({ name, uid: record.metadata.uid ?? "", zone, capacity: vaultCapacity }, hands);
}

// Live, and whoever it belongs to: an object that is applied under its name would be taken over.
async function isThere(name: string, { client, farm }: FarmHands): Promise<boolean> {
  for (const resource of [nodeRecords, claims]) {
    const got = await client.get(resource, { namespace: farm.namespace, name });
    if (got.ok) return true;
    if (got.error.code !== "not-found") throw got.error;
  }
  return false;
}

function claimOf(name: string, bytes: number, { farm, spec }: FarmHands) {
  return volumeClaim({ farm, name, storage: spec.storage, bytes });
}

/** Makes what is missing of a node: its claim, where it never had one, and its pod. */
async function startNode(node: ObservedNode, hands: FarmHands): Promise<void> {
  const { name } = node;
  const ended = podOf(name, hands);
  // A pod that ended for good keeps its name until it is deleted.
  if (ended !== undefined) return hands.writer.remove(pods, ended);
  const capacity = wantedCapacity(node, hands.goal);
  if (node.volume === "absent") await hands.writer.apply(claims, claimOf(name, volumeBytesFor(hands.goal.vaultsPerNode, capacity), hands));
  const record = hands.parts.records.find(({ metadata }) => metadata.name === name);
  await makePod({ name, uid: record?.metadata.uid ?? "", zone: node.assigned.zone ?? "", capacity }, hands);
}

type NewPod = { readonly name: string; readonly uid: string; readonly zone: string; readonly capacity: number };

async function makePod({ name, uid, zone, capacity }: NewPod, hands: FarmHands): Promise<void> {
  const { farm, spec, goal, observed, keys, image } = hands;
  // The oldest of the farm need not meet anybody to be ready; without one, a new farm would wait for ever.
  const eldest = observed.nodes.find(stays)?.name ?? name;
  const manifest = vaultNodePod({
    farm,
    node: { name, uid },
    spec,
    zone,
    capacity,
    template: goal.template,
    founder: eldest === name && !hands.memory.madeBefore(name),
    adminPublicKey: keys.admin.publicKey,
    image,
  });
  const isMade = await hands.writer.create(pods, manifest);
  if (isMade) hands.memory.setForeign(`${pods.kind} ${name}`, false);
  else await takeUpPod(name, hands);
}

// Asked for once: whether and when the volume grows is its class's affair.
async function growVolume(name: string, bytes: number, hands: FarmHands): Promise<void> {
  const claim = hands.parts.claims.find(({ metadata }) => metadata.name === name);
  const asked = claim?.requested === undefined ? 0 : (parseQuantity(claim.requested) ?? 0);
  if (claim !== undefined && asked < bytes) await hands.writer.change(claims, claim, grownVolume(bytes));
}

// One that goes for good is told so with what was proven, and tells the others: they need not wait for it to come back. Where
// it cannot be told, they find out in their own time. One that refuses knows better what is so there now: it runs on.
async function stopNode(name: string, hands: FarmHands): Promise<void> {
  const { memory, commander, log, writer } = hands;
  const { evidence } = memory.node(name);
  const at = placeOf(name, hands);
  const pair = evidence?.second ?? evidence?.first;
  if (nodeCalled(name, hands).assigned.released === true && evidence !== undefined && pair !== undefined && at !== undefined) {
    const told = await commander.leave(at, pair);
    if (!told.ok) log.debug("a node was not told that it leaves", { node: name, why: told.why });
    if (!told.ok && told.reason === "refused") return memory.setEvidence(name, evidenceRefused(evidence, told.why));
  }
  const pod = podOf(name, hands);
  if (pod !== undefined) await writer.remove(pods, pod);
}

// The volume as the policy says, then the record. A volume that is kept stays without a claim: a claim that stayed would be
// taken for a node of the farm.
async function removeNode(name: string, volume: "keep" | "delete", hands: FarmHands): Promise<void> {
  const { parts, client, writer } = hands;
  const pod = podOf(name, hands);
  // On a machine that is gone nobody ends the pod, and as long as it is there its claim stays.
  const isGone = nodeCalled(name, hands).hostState === "gone";
  if (pod !== undefined) await writer.remove(pods, pod, isGone ? { gracePeriodSeconds: 0 } : {});
  const claim = parts.claims.find(({ metadata }) => metadata.name === name);
  if (claim?.volumeName !== undefined && volume === "keep") {
    const body = {
      metadata: { annotations: { [annotations.keptFor]: `${hands.farm.namespace}/${name}` } },
      spec: { persistentVolumeReclaimPolicy: "Retain" },
    };
    const kept = await client.patch(volumes, { name: claim.volumeName }, { type: "merge", body });
    // A volume that somebody took away cannot be kept, and should not keep all others from being removed either.
    if (!kept.ok && kept.error.code !== "not-found") throw kept.error;
  }
  if (claim !== undefined) await writer.remove(claims, claim);
  const record = parts.records.find(({ metadata }) => metadata.name === name);
  if (record === undefined) return;
  await writer.remove(nodeRecords, record);
  await writer.release(nodeRecords, must(await client.get(nodeRecords, { namespace: hands.farm.namespace, name })), nodeFinalizer);
}

/** A command that fails stays in the plan and is tried again at the next look. */
async function command(name: string, hands: FarmHands, send: (at: CommandPlace) => ReturnType<NodeCommander["grant"]>): Promise<boolean> {
  const at = placeOf(name, hands);
  if (at === undefined) return false;
  const outcome = await send(at);
  if (!outcome.ok) hands.log.debug("a command to a node failed", { node: name, why: outcome.why });
  return outcome.ok;
}

async function tellPeers(name: string, peers: readonly string[], hands: FarmHands): Promise<void> {
  const addresses = peers.flatMap((peer) => addressOf(podOf(peer, hands)) ?? []);
  if (await command(name, hands, (at) => hands.commander.tellPeers(at, addresses))) hands.memory.setTold(name, peers);
}
