// What says of a node's objects whose they are, and that somebody took away: labels of its claim and of its record, the record's
// owner and finalizer. It is put back, once a minute at most, and nothing else of them is touched.
import { labels, nodeFinalizer, nodePodLabels } from "../manifests/names.ts";
import { vaultNodeRecord } from "../manifests/vault-node-record.ts";
import type { FarmHands } from "./hands.ts";
import { type ClaimObject, claims, type NodeRecord, nodeRecords } from "./resources.ts";

/** Puts back what claims and records lost. Throws the server's error. */
export async function repairMarks(hands: FarmHands): Promise<void> {
  for (const claim of hands.parts.claims) await repairClaim(claim, hands);
  for (const record of hands.parts.records) await repairRecord(record, hands);
}

/** Whether an object has the labels of the parts of node `name`; that of an earlier farm's uid is as good. Pure. */
export function hasNodeLabels(shown: Readonly<Record<string, string>>, name: string, { farm }: Pick<FarmHands, "farm">): boolean {
  const wanted = Object.entries(nodePodLabels(farm, name));
  return wanted.every(([key, value]) => shown[key] === value || (key === labels.farmUid && shown[key] !== undefined));
}

async function repairClaim({ metadata }: ClaimObject, hands: FarmHands): Promise<void> {
  const { name, labels: shown = {}, deletionTimestamp } = metadata;
  if (deletionTimestamp !== undefined || hasNodeLabels(shown, name, hands) || !mayRepair(`${claims.plural}/${name}`, hands)) return;
  hands.log.info("a claim had lost labels of its farm and has them again", { claim: name, namespace: hands.farm.namespace });
  // A volume of an earlier farm stays known as such.
  const { [labels.farmUid]: uid } = shown;
  const wanted = { ...nodePodLabels(hands.farm, name), ...(uid === undefined ? {} : { [labels.farmUid]: uid }) };
  await hands.writer.mark(claims, { metadata }, { labels: wanted });
}

async function repairRecord({ metadata }: NodeRecord, hands: FarmHands): Promise<void> {
  const { name, labels: shown = {}, ownerReferences = [], finalizers = [], deletionTimestamp } = metadata;
  const isOwned = ownerReferences.some(({ uid }) => uid === hands.farm.uid);
  const isRight = isOwned && finalizers.includes(nodeFinalizer) && hasNodeLabels(shown, name, hands);
  const node = hands.observed.nodes.find((one) => one.name === name);
  if (isRight || node === undefined || deletionTimestamp !== undefined || !mayRepair(`${nodeRecords.plural}/${name}`, hands)) return;
  hands.log.info("a VaultNode had lost labels, owner or finalizer and has them again", { node: name, namespace: hands.farm.namespace });
  await hands.writer.apply(nodeRecords, vaultNodeRecord(hands.farm, name, node.assigned, node.byHand));
}

function mayRepair(what: string, { memory, clock }: FarmHands): boolean {
  return memory.mayRepair(what, clock.monotonicMs());
}
