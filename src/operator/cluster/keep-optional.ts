// Keeps an object that a farm can do without as its spec says, and takes it away where the spec no longer asks for it. The cluster
// need not have its kind: what it or somebody's admission refuses is remembered, to be told, and the rest of the farm goes on.
import type { Clock } from "../../runtime/clock.ts";
import { type KubeClient, KubeError, type KubeErrorCode, type KubeObject, type Resource } from "../kube/index.ts";
import type { FarmIdentity, Manifest } from "../manifests/names.ts";
import type { Unmade } from "../vault-farm/farm-look.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { isOurs, type ObjectWriter } from "./object-writer.ts";
import { appliedOnly } from "./resources.ts";

/**
 * No cache follows a kind that a cluster need not have: an object of one is looked at where the spec changed, and then so
 * often. What was refused is tried again more often: a kind may come, a webhook wake up. Milliseconds.
 */
const uncachedEveryMs = 600_000;
const refusedEveryMs = 60_000;

/** Answers that nothing else of a look depends on. `server`: also of a webhook that does not answer. */
const refusals: ReadonlySet<KubeErrorCode> = new Set(["not-found", "invalid", "bad-request", "forbidden", "server"]);

export type OptionalObject = {
  readonly resource: Resource;
  readonly name: string;
  /** Undefined: that there be none. */
  readonly wanted: Manifest | undefined;
  /** How often it is looked at while nothing changes, milliseconds. */
  readonly everyMs: number;
  shown(): Promise<KubeObject | undefined>;
};

export type KeepingParts = {
  readonly farm: FarmIdentity;
  readonly client: KubeClient;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly memory: FarmMemory;
};

/** One of a kind that no cache follows. */
export function uncachedObject(
  { farm, client }: KeepingParts,
  object: Pick<OptionalObject, "resource" | "name" | "wanted">,
): OptionalObject {
  const { resource, name, wanted } = object;
  return {
    ...object,
    // One that nobody wants is looked for once: an earlier operator may have made it.
    everyMs: wanted === undefined ? Number.POSITIVE_INFINITY : uncachedEveryMs,
    shown: async () => {
      const read = await client.get(resource, { namespace: farm.namespace, name });
      if (!read.ok && read.error.code !== "not-found") throw read.error;
      return read.ok ? appliedOnly(read.value) : undefined;
    },
  };
}

/** Brings it up to date where it is time to. Throws the error of a server that cannot be reached. */
export async function keepOptional(parts: KeepingParts, object: OptionalObject): Promise<void> {
  const { memory, clock } = parts;
  const { kind } = object.resource;
  const made = JSON.stringify(object.wanted);
  const last = memory.kept.get(kind);
  const everyMs = last?.refusal === undefined ? object.everyMs : refusedEveryMs;
  if (last !== undefined && last.made === made && clock.monotonicMs() - last.seenMs < everyMs) return;
  const refusal = await refusalOf(async () => apply(parts, object, await object.shown()));
  memory.kept.set(kind, { made, refusal, seenMs: clock.monotonicMs() });
}

/** Why the object of that kind which was wanted last is not there, undefined where it is, and where none was wanted. */
export function unmadeOf(kind: string, { kept }: FarmMemory): Unmade | undefined {
  const { made, refusal } = kept.get(kind) ?? {};
  return made === undefined || refusal === undefined ? undefined : { kind, why: refusal.message, lacksKind: refusal.code === "not-found" };
}

async function apply({ writer, memory }: KeepingParts, object: OptionalObject, shown: KubeObject | undefined): Promise<void> {
  const { resource, name, wanted } = object;
  if (wanted !== undefined) {
    await writer.ensure(resource, wanted, shown);
    return;
  }
  memory.setForeign(`${resource.kind} ${name}`, false);
  if (shown !== undefined && isOurs(shown) && shown.metadata.deletionTimestamp === undefined) await writer.remove(resource, shown);
}

async function refusalOf(call: () => Promise<void>): Promise<KubeError | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof KubeError && refusals.has(error.code)) return error;
    throw error;
  }
}
