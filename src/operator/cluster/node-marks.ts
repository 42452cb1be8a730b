// What says of a node's objects whose they are, and that somebody took away: labels of its claim and of its record, the record's
// owner and finalizer. It is put back, and what somebody else decided of the node in its record is taken out, once a minute at
// most; nothing else of them is touched.
import { labels, nodeFinalizer, nodePodLabels } from "../manifests/names.ts";
import type { FarmHands } from "./hands.ts";
import { assignNode, straysIn } from "./node-decisions.ts";
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

async function repairRecord(record: NodeRecord, hands: FarmHands): Promise<void> {
  const { name, labels: shown = {}, ownerReferences = [], finalizers = [], deletionTimestamp } = record.metadata;
  const node = hands.observed.nodes.find((one) => one.name === name);
  if (node === undefined || deletionTimestamp !== undefined) return;
  const isOwned = ownerReferences.some(({ uid }) => uid === hands.farm.uid);
  const isMarked = isOwned && finalizers.includes(nodeFinalizer) && hasNodeLabels(shown, name, hands);
  const strays = straysIn(record, node.assigned);
  if ((isMarked && strays.length === 0) || !mayRepair(`${nodeRecords.plural}/${name}`, hands)) return;
  const facts = { node: name, namespace: hands.farm.namespace };
  if (!isMarked) hands.log.info("a VaultNode had lost labels, owner or finalizer and has them again", facts);
  if (strays.length > 0) {
    hands.log.warn("a VaultNode says of its node what this operator did not decide, and is put right", { ...facts, fields: strays });
    hands.statusWriter.warnOfStrays(record, strays);
  }
  await assignNode(name, node.assigned, hands);
}

function mayRepair(what: string, { memory, clock }: FarmHands): boolean {
  return memory.mayRepair(what, clock.monotonicMs());
}
