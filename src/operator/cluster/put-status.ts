// Writes the status of one object: only where it changed in meaning, or where somebody else changed what was written last, which is
// put right and told. A server that refuses one status ends nothing: it is told, and tried again after a while.
import { textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { type ConditionNow, eventMessage, ownConditionTypes } from "../api/conditions.ts";
import type { StatusCondition } from "../api/status-fields.ts";
import { apiVersion } from "../api/vault-farm.ts";
import type { EventRecorder, EventWords, KubeClient, KubeError, KubeObject, Resource, Result } from "../kube/index.ts";
import type { Manifest } from "../manifests/names.ts";
import { mergeConditions, mustWrite, statusWords } from "../vault-farm/status-write.ts";
import { versionOf } from "./farm-caches.ts";
import { must } from "./object-writer.ts";
import type { FarmObject } from "./resources.ts";

/** A status whose conditions have no time and generation yet. */
export type StatusNow = { readonly conditions: readonly ConditionNow[] } & Readonly<Record<string, unknown>>;

/** same: nothing was to be written, or nobody is there any more · refused: the server takes no such status, `why` in its words. */
export type StatusWritten = { readonly kind: "same" | "written" } | { readonly kind: "refused"; readonly why: string };

export type StatusTools = { readonly client: KubeClient; readonly recorder: EventRecorder; readonly clock: Clock; readonly log: Log };

/** Writes `status` unless it is there; `sinceWriteMs`: when this object's was written last. Throws the server's error where it is none of the status's own. */
export type PutStatus = (
  resource: Resource<FarmObject>,
  object: FarmObject,
  status: StatusNow,
  sinceWriteMs: number,
) => Promise<StatusWritten>;

/** A status that was refused is tried again no more often, milliseconds: at each look of a farm at rest, about a minute apart. */
const refusedEveryMs = 50_000;

/** Objects of which it is known what was written last, about 200 bytes each; of one that is forgotten a change by others is put right without a word. */
const notedMax = 16_384;

/** `version`: from which on the cache shows what was written; `words`: hash of that. `refused`: why, and when it was. */
type Note = { readonly version?: bigint; readonly words?: string; readonly refused?: { readonly why: string; readonly atMs: number } };

/** Records an event on an object. */
export function recordOn(recorder: EventRecorder, resource: Resource, { metadata }: KubeObject, words: EventWords): void {
  const { name, namespace, uid = "" } = metadata;
  recorder.record({ apiVersion, kind: resource.kind, name, uid, ...(namespace === undefined ? {} : { namespace }) }, words);
}

export function createPutStatus(tools: StatusTools): PutStatus {
  const { client, clock, log } = tools;
  const notes = new Map<string, Note>();
  const note = (uid: string, next: Note): void => {
    // Put last: the map forgets what was not written for longest.
    notes.delete(uid);
    notes.set(uid, next);
    const [oldest] = notes.keys();
    if (notes.size > notedMax && oldest !== undefined) notes.delete(oldest);
  };
  const warn = (resource: Resource, object: KubeObject, reason: "StatusOverwritten" | "StatusRefused", why = ""): void =>
    recordOn(tools.recorder, resource, object, { type: "Warning", reason, message: eventMessage(reason, { why }) });
  const refuse = (resource: Resource, object: KubeObject, { message: why }: KubeError, before: string | undefined): StatusWritten => {
    const { name, namespace, uid = "" } = object.metadata;
    note(uid, { refused: { why, atMs: clock.monotonicMs() } });
    if (why !== before) {
      warn(resource, object, "StatusRefused", why);
      log.warn("the API server refuses a status", { kind: resource.kind, namespace, name, why });
    }
    return { kind: "refused", why };
  };
  return async (resource, object, status, sinceWriteMs) => {
    const { generation = 0, uid = "" } = object.metadata;
    const before = object.status as StatusShown | undefined;
    const now = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
    const conditions = mergeConditions(before?.conditions, status.conditions, generation, now);
    const next = { ...status, observedGeneration: generation, conditions };
    const known = notes.get(uid);
    const isForeign = known !== undefined && isOverwritten(known, object);
    if (!mustWrite(before, next, isForeign ? Number.POSITIVE_INFINITY : sinceWriteMs)) {
      // As good as written, and not to be read again as long as it stays.
      if (known?.version !== undefined && versionOf(object) > known.version) note(uid, noteOf(object));
      return { kind: "same" };
    }
    const { refused } = known ?? {};
    if (refused !== undefined && clock.monotonicMs() - refused.atMs < refusedEveryMs) return { kind: "refused", why: refused.why };
    // Where an answer is lost nobody knows what is there: that is no change by others.
    notes.delete(uid);
    const written = await send(client, resource, object, next);
    // Gone since it was read: there is nobody to tell.
    if (!written.ok && written.error.code === "not-found") return { kind: "same" };
    if (!written.ok && written.error.code === "invalid") return refuse(resource, object, written.error, refused?.why);
    note(uid, noteOf(must(written)));
    if (isForeign) warn(resource, object, "StatusOverwritten");
    return { kind: "written" };
  };
}

type StatusShown = { readonly conditions?: readonly StatusCondition[] } & Readonly<Record<string, unknown>>;

// Applied by force, and then without the fields that others added: all of the status but conditions of their own is ours.
async function send(
  client: KubeClient,
  resource: Resource<FarmObject>,
  { metadata }: KubeObject,
  status: StatusShown,
): Promise<Result<FarmObject>> {
  const { name, namespace } = metadata;
  const place = { name, ...(namespace === undefined ? {} : { namespace }) };
  const manifest: Manifest = { apiVersion, kind: resource.kind, metadata: place, status };
  const applied = await client.apply(resource, manifest, { force: true, subresource: "status" });
  if (!applied.ok) return applied;
  const added = Object.keys(applied.value.status ?? {}).filter((field) => status[field] === undefined);
  if (added.length === 0) return applied;
  const body = { status: Object.fromEntries(added.map((field) => [field, null])) };
  return client.patch(resource, place, { type: "merge", body }, { subresource: "status" });
}

function noteOf(object: FarmObject): Note {
  return { version: versionOf(object), words: wordsOf(object) };
}

// What the cache does not show yet says nothing; of what has the version that was written nothing need be read.
function isOverwritten({ version, words }: Note, object: FarmObject): boolean {
  return version !== undefined && versionOf(object) > version && wordsOf(object) !== words;
}

function wordsOf({ status = {} }: FarmObject): string {
  return Buffer.from(hash(textBytes(statusWords(status, ownConditionTypes))))
    .toString("hex")
    .slice(0, 16);
}
