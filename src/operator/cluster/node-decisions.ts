// What was decided of a node, as it stands in its VaultNode: read with the operator's seal, written with it, and whatever else
// somebody wrote there taken out for good.
import type { AssignedSpec } from "../api/vault-node.ts";
import { type SealTools, sealDecision, sealedPart } from "../manifests/decision-seal.ts";
import { annotations, type FarmIdentity } from "../manifests/names.ts";
import { vaultNodeRecord } from "../manifests/vault-node-record.ts";
import type { FarmHands } from "./hands.ts";
import { type NodeRecord, nodeRecords } from "./resources.ts";
import { isForbidden } from "./unless-forbidden.ts";

/** What counts of `assigned`, which was read in `record`: see `sealedPart`. Pure. */
export function decidedIn(
  { metadata }: NodeRecord,
  assigned: AssignedSpec,
  farm: Pick<FarmIdentity, "uid">,
  tools: SealTools,
): AssignedSpec {
  const { name, uid = "", annotations: notes = {} } = metadata;
  return sealedPart(assigned, notes[annotations.seal], { farmUid: farm.uid, name, uid }, tools);
}

/** Fields of `spec.assigned` of a record that are not among what was decided; a zone cannot be taken out. Pure. */
export function straysIn({ spec }: NodeRecord, decided: AssignedSpec): readonly string[] {
  const assigned: unknown = typeof spec === "object" && spec !== null ? Reflect.get(spec, "assigned") : undefined;
  const fields = typeof assigned === "object" && assigned !== null ? Object.keys(assigned) : [];
  return fields.filter((field) => field !== "zone" && Reflect.get(decided, field) === undefined);
}

/** Writes what was decided of a node, and nothing beside it. Throws the server's error. */
export async function assignNode(name: string, assigned: AssignedSpec, hands: FarmHands): Promise<void> {
  const { farm, keys, clock, writer, parts, observed, turn } = hands;
  const { uid = "" } = parts.records.find(({ metadata }) => metadata.name === name)?.metadata ?? {};
  const byHand = observed.nodes.find((node) => node.name === name)?.byHand === true;
  const seal = sealDecision(assigned, { farmUid: farm.uid, name, uid }, { keys, wallMs: clock.wallMs() });
  const record = vaultNodeRecord(farm, name, assigned, { byHand, ...(seal === undefined ? {} : { seal }) });
  const begins = assigned.leaving === "Replaced";
  if (begins) turn.keep();
  const written = await writer.apply(nodeRecords, record).catch((error: unknown) => {
    // Every other failure may have been carried out.
    if (begins && isForbidden(error)) turn.giveBack();
    throw error;
  });
  // What another program wrote too outlives an apply that leaves it out: nobody but a patch that names it takes it away.
  const strays = straysIn(written, assigned);
  if (strays.length === 0) return;
  const cleared = Object.fromEntries(strays.map((field) => [field, null]));
  await writer.change(nodeRecords, written, { metadata: { uid: written.metadata.uid }, spec: { assigned: cleared } });
}
