// The API server as typed calls: every outcome is a value, every write names its field manager, every answer has bounds.
// This is the face; `create-client.ts` makes it.
import type { Result } from "./errors.ts";
import type { KubeObject, ObjectMeta, ObjectName, Resource } from "./resource.ts";
import type { CallOptions } from "./rest.ts";
import type { WatchEvent } from "./watch-stream.ts";

export type Selection = { readonly namespace?: string; readonly labelSelector?: string; readonly fieldSelector?: string };
export type ListQuery = Selection &
  CallOptions & {
    /** Objects a page; 0 = all at once. */
    readonly limit?: number;
    /** Where the page before ended. */
    readonly continueToken?: string;
    /** "0" = as the server's cache has it; absent = the latest. */
    readonly resourceVersion?: string;
  };
export type Page<T> = {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continueToken?: string;
};
export type WatchQuery = Selection & {
  readonly resourceVersion: string;
  /** Seconds after which the server ends the watch. */
  readonly timeoutSeconds: number;
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
};
export type WriteOptions = CallOptions & {
  readonly dryRun?: boolean;
  readonly subresource?: "status" | "scale";
  readonly fieldManager?: string;
};
/** `force` takes fields from other managers; without it they are a "conflict" whose causes name field and manager. */
export type ApplyOptions = WriteOptions & { readonly force: boolean };
type Fields<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: Fields<T[K]> } : T;
/** The fields of an object that one manager wants to own: any part of it, with its name. */
export type AppliedFields<T extends KubeObject> = Fields<Omit<T, "metadata">> & { readonly metadata: ObjectMeta };
export type Patch =
  | { readonly type: "merge" | "strategic"; readonly body: Readonly<Record<string, unknown>> }
  | { readonly type: "json"; readonly body: readonly Readonly<Record<string, unknown>>[] };
export type RemoveOptions = CallOptions & {
  /** Only this very object, or this version of it; otherwise a "conflict". */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagation?: "Foreground" | "Background" | "Orphan";
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: boolean;
};
/** terminating: finalizers or a grace period keep it for a while. */
export type Removed = { readonly kind: "removed" } | { readonly kind: "terminating"; readonly object: KubeObject };
export type Scale = { readonly replicas: number; readonly current: number; readonly selector: string };

/** `host`: the name that is asked for, where the server hands the request on to a pod that does not know the server's own. */
export type TextOptions = { readonly bytesMax: number; readonly signal?: AbortSignal; readonly host?: string };
export type KubeClient = {
  get<T extends KubeObject>(resource: Resource<T>, name: ObjectName, options?: CallOptions): Promise<Result<T>>;
  /** One page. */
  list<T extends KubeObject>(resource: Resource<T>, query?: ListQuery): Promise<Result<Page<T>>>;
  /** All pages in one array; for sets known to be small. "gone" where the list aged out between pages. */
  listAll<T extends KubeObject>(resource: Resource<T>, query?: ListQuery): Promise<Result<Page<T>>>;
  /** Changes after a version. The iteration ends when the server ends the watch; an error is its last event. */
  watch(resource: Resource, query: WatchQuery): Promise<Result<AsyncIterable<WatchEvent>>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<Result<T>>;
  /** Server-side apply: `object` holds exactly the fields that this manager wants to own. */
  apply<T extends KubeObject>(resource: Resource<T>, object: AppliedFields<NoInfer<T>>, options: ApplyOptions): Promise<Result<T>>;
  /** Replaces the whole object; with a resourceVersion in it only that version. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<Result<T>>;
  patch<T extends KubeObject>(resource: Resource<T>, name: ObjectName, patch: Patch, options?: WriteOptions): Promise<Result<T>>;
  remove(resource: Resource, name: ObjectName, options?: RemoveOptions): Promise<Result<Removed>>;
  getScale(resource: Resource, name: ObjectName, options?: CallOptions): Promise<Result<Scale>>;
  setScale(resource: Resource, name: ObjectName, replicas: number, options?: WriteOptions): Promise<Result<Scale>>;
  /** Any path below the server, read: "/version". */
  read(path: string, options?: CallOptions): Promise<Result<unknown>>;
  /** The same where the answer is text, such as a pod's log. An answer over `bytesMax` bytes is "too-large". */
  readText(path: string, options: TextOptions): Promise<Result<string>>;
  close(): Promise<void>;
};
