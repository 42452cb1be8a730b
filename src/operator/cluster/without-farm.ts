// What is done for records whose farm is not there: those that go with it are let go, and those that never had one are told so. The
// others are kept as they are: a farm of that name made later takes them up.
import type { Clock } from "../../runtime/clock.ts";
import { vaultFarmKind } from "../api/kinds.ts";
import { type KubeClient, type Outcome, parseKey } from "../kube/index.ts";
import { labels } from "../manifests/names.ts";
import { createOwnWrites, type FarmCaches } from "./farm-caches.ts";
import { createObjectWriter } from "./object-writer.ts";
import { releaseDeleted } from "./release-records.ts";
import type { NodeRecord } from "./resources.ts";
import type { StatusWriter } from "./status-writer.ts";
import { unlessForbidden } from "./unless-forbidden.ts";

/** A farm that is made together with its nodes is shown within this, milliseconds. */
export const farmComesWithinMs = 10_000;

type WithoutFarmParts = {
  readonly caches: FarmCaches;
  readonly client: KubeClient;
  readonly statusWriter: Pick<StatusWriter, "refuseNode">;
  readonly clock: Clock;
};

/** Looks at the records that name the farm of `key`, namespace/name, which is not there, or is going (`isGoing`). Throws the server's error. */
export async function lookWithoutFarm(key: string, isGoing: boolean, parts: WithoutFarmParts): Promise<Outcome> {
  const { caches, client, statusWriter, clock } = parts;
  const { records } = caches.byFarm(key);
  await releaseDeleted(records, createObjectWriter(client, createOwnWrites(caches, clock)));
  const never = isGoing ? [] : records.filter(hadNoFarm);
  // What was not heard of lately may be there.
  if (never.length > 0 && !caches.isFresh()) return { kind: "after", delayMs: farmComesWithinMs };
  const nowMs = clock.wallMs();
  const waitMs = Math.max(0, ...never.map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? "") + farmComesWithinMs - nowMs));
  if (waitMs > 0) return { kind: "after", delayMs: Math.min(waitMs, farmComesWithinMs) };
  // Where it may not be said it is not urgent either.
  for (const record of never) await unlessForbidden(() => statusWriter.refuseNode(record, parseKey(key).name));
  return { kind: "done" };
}

/** Whether a person made it and no farm ever took it up. What goes with a farm that was just deleted is left alone. */
function hadNoFarm({ metadata: { deletionTimestamp, ownerReferences = [], labels: own = {} } }: NodeRecord): boolean {
  const isOwned = ownerReferences.some(({ kind }) => kind === vaultFarmKind.kind);
  return deletionTimestamp === undefined && !isOwned && own[labels.farmUid] === undefined;
}
