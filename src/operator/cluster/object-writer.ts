// Writes objects of a farm: applied only where they differ from what was applied last or somebody changed what was, and
// remembered until the caches show them. A call that the server refuses is thrown, and the look is repeated with back-off.
import { textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { vaultFarmKind } from "../api/kinds.ts";
import {
  type KubeClient,
  type KubeError,
  type KubeObject,
  keepsOwned,
  type ObjectName,
  type OwnerReference,
  objectKey,
  ownedFields,
  type Resource,
  type Result,
} from "../kube/index.ts";
import { annotations, labels, type Manifest } from "../manifests/names.ts";
import type { OwnWrites } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { type AppliedObject, fieldManager } from "./resources.ts";

export type ObjectWriter = {
  /**
   * Applies `manifest` unless `shown`, as the cache has it, was made of the same and nobody else changed it since. Whether it
   * is there: false where an object of somebody else has its name, which is left as it is.
   */
  ensure(resource: Resource, manifest: Manifest, shown: AppliedObject | undefined): Promise<boolean>;
  /** Applies it in any case. */
  apply(resource: Resource, manifest: Manifest): Promise<KubeObject>;
  /** Changes of an object that is there exactly the fields of `body`. */
  change(resource: Resource, object: KubeObject, body: Readonly<Record<string, unknown>>): Promise<void>;
  /** Makes it; false where there is one of that name. */
  create(resource: Resource, manifest: Manifest): Promise<boolean>;
  /** Deletes exactly this object; nothing where it is gone. */
  remove(resource: Resource, object: KubeObject, options?: { readonly gracePeriodSeconds?: number }): Promise<void>;
  /** Sets labels, and all owners where they are given, of exactly this object; nothing where it is gone, or another has its name. */
  mark(resource: Resource, object: KubeObject, marks: Marks): Promise<void>;
  /** Takes the finalizers of ours off an object. */
  release(resource: Resource, object: KubeObject, finalizer: string): Promise<void>;
};

/** By what an object is known as a farm's. */
export type Marks = { readonly labels: Readonly<Record<string, string>>; readonly ownerReferences?: readonly OwnerReference[] };

/** Who puts right what others changed minds how often: another program that wants it otherwise would do the same for ever. */
export type RepairLimit = {
  /** Whether the object of `key` may be put right now; counts as one time. */
  mayRepair(key: string): boolean;
  /** It was applied, and the server still does not have it so. */
  giveUp(key: string): void;
};

type Repairing = { readonly memory: Pick<FarmMemory, "mayRepair" | "giveUpRepair">; readonly clock: Clock; readonly log: Log };

/** As the farm's memory has it, and told in the log. */
export function repairsOf({ memory, clock, log }: Repairing): RepairLimit {
  return {
    mayRepair: (key) => {
      const may = memory.mayRepair(key, clock.monotonicMs());
      if (may) log.info("an object was changed by somebody else and is put right", { object: key });
      return may;
    },
    giveUp: (key) => {
      memory.giveUpRepair(key);
      log.warn("an object cannot be put right: the server keeps other fields than were applied", { object: key });
    },
  };
}

const noLimit: RepairLimit = { mayRepair: () => true, giveUp: () => undefined };

/** Is told, by kind and name, whether an object of somebody else has the name of one that was to be applied. */
export type TellForeign = (what: string, isThere: boolean) => void;

/** Objects as caches have them that keep what was applied: what is made of the same needs not be compared at each look. */
const kept = new WeakSet<AppliedObject>();

export function createObjectWriter(
  client: KubeClient,
  writes: OwnWrites,
  repairs: RepairLimit = noLimit,
  tellForeign: TellForeign = () => undefined,
): ObjectWriter {
  const apply = async (resource: Resource, manifest: Manifest): Promise<KubeObject> => {
    // By force: fields of ours that somebody else set are ours all the same; what we do not name stays theirs.
    const applied = must(await client.apply(resource, manifest, { force: true }));
    writes.wrote(resource, applied);
    return applied;
  };
  const isKept = (shown: AppliedObject, stamped: Manifest): boolean => {
    if (kept.has(shown)) return true;
    const isSo = keepsOwned(shown.owned, stamped);
    if (isSo) kept.add(shown);
    return isSo;
  };
  return {
    apply,
    ensure: async (resource, manifest, shown) => {
      const stamped = stampedManifest(manifest);
      const key = `${resource.plural}/${objectKey(manifest.metadata)}`;
      if (isMadeOf(shown, stamped)) {
        if (isKept(shown, stamped) || !repairs.mayRepair(key)) return true;
        const repaired = await apply(resource, stamped);
        if (!keepsOwned(ownedFields(repaired, fieldManager), stamped)) repairs.giveUp(key);
        return true;
      }
      // Caches hold what has our labels: what they do not show may still be there, without them.
      const there = shown ?? (await readLive(client, resource, manifest));
      const isForeign = there !== undefined && !isOurs(there);
      tellForeign(`${resource.kind} ${manifest.metadata.name}`, isForeign);
      if (!isForeign) await apply(resource, stamped);
      return !isForeign;
    },
    change: async (resource, object, body) => {
      writes.wrote(resource, must(await client.patch(resource, nameOf(object), { type: "merge", body })));
    },
    create: async (resource, manifest) => {
      const created = await client.create<KubeObject>(resource, manifest);
      if (!created.ok && created.error.code === "already-exists") return false;
      writes.wrote(resource, must(created));
      return true;
    },
    remove: async (resource, object, options = {}) => {
      const { uid } = object.metadata;
      const removed = await client.remove(resource, nameOf(object), {
        ...options,
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      });
      if (!removed.ok && removed.error.code !== "not-found") throw removed.error;
      writes.deleted(resource, object, removed.ok && removed.value.kind === "terminating" ? "going" : "gone");
    },
    mark: async (resource, object, marks) => {
      const { uid } = object.metadata;
      // With the uid, so that it is no other object of the name.
      const body = { metadata: { ...marks, ...(uid === undefined ? {} : { uid }) } };
      const patched = await client.patch(resource, nameOf(object), { type: "merge", body });
      if (patched.ok) return writes.wrote(resource, patched.value);
      if (patched.error.code !== "not-found" && !isOther(patched.error)) throw patched.error;
    },
    release: async (resource, object, finalizer) => {
      const { finalizers = [], resourceVersion } = object.metadata;
      if (!finalizers.includes(finalizer)) return;
      // With the version, so that nobody's finalizer is taken away by the way.
      const metadata = { resourceVersion, finalizers: finalizers.filter((one) => one !== finalizer) };
      const patched = await client.patch(resource, nameOf(object), { type: "merge", body: { metadata } });
      if (!patched.ok && patched.error.code !== "not-found") throw patched.error;
      // One that was being deleted and is held by nobody any more is gone with this.
      const left = patched.ok ? patched.value.metadata : undefined;
      const gone = left === undefined || (left.deletionTimestamp !== undefined && (left.finalizers ?? []).length === 0);
      if (gone) writes.deleted(resource, object, "gone");
      else writes.wrote(resource, patched.ok ? patched.value : object);
    },
  };
}

/** The value of a call; throws its error. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

/** Whether an operator made it, for this farm or an earlier one: a person's edits leave one of the three signs. Pure. */
export function isOurs({ metadata }: KubeObject): boolean {
  const { labels: own = {}, annotations: notes = {}, ownerReferences = [] } = metadata;
  const isOwned = ownerReferences.some(({ kind }) => kind === vaultFarmKind.kind);
  return isOwned || own[labels.farmUid] !== undefined || notes[annotations.applied] !== undefined;
}

// That is how a server says that the object of the name has another uid: one that is patched never changes.
function isOther({ code, causes }: KubeError): boolean {
  return code === "conflict" || (code === "invalid" && causes.some(({ field }) => field === "metadata.uid"));
}

async function readLive(client: KubeClient, resource: Resource, manifest: Manifest): Promise<KubeObject | undefined> {
  const got = await client.get(resource, nameOf(manifest));
  return !got.ok && got.error.code === "not-found" ? undefined : must(got);
}

function nameOf({ metadata: { name, namespace } }: KubeObject): ObjectName {
  return namespace === undefined ? { name } : { namespace, name };
}

function stampedManifest(manifest: Manifest): Manifest {
  const { metadata } = manifest;
  return { ...manifest, metadata: { ...metadata, annotations: { ...metadata.annotations, [annotations.applied]: stampOf(manifest) } } };
}

function isMadeOf(shown: AppliedObject | undefined, { metadata }: Manifest): shown is AppliedObject {
  const stamp = metadata.annotations?.[annotations.applied];
  return shown?.metadata.annotations?.[annotations.applied] === stamp && shown?.metadata.deletionTimestamp === undefined;
}

function stampOf(manifest: Manifest): string {
  return Buffer.from(hash(textBytes(JSON.stringify(manifest))))
    .toString("hex")
    .slice(0, 16);
}
