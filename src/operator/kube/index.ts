// The face of the Kubernetes machinery: what a program needs to talk to an API server, mirror it and act on changes.

export { isMoreThanStatus } from "./change-kind.ts";
export type {
  AppliedFields,
  ApplyOptions,
  KubeClient,
  ListQuery,
  Page,
  Patch,
  Removed,
  RemoveOptions,
  Scale,
  Selection,
  WatchQuery,
  WriteOptions,
} from "./client.ts";
export { clientUntil } from "./client-until.ts";
export { type KubeConfig, type ReadText, readKubeConfig } from "./config.ts";
export {
  type About,
  type Controller,
  type ControllerOptions,
  type ControllerTools,
  createController,
  type Outcome,
  type Reconcile,
} from "./controller.ts";
export { createElector, type Elector, type ElectorOptions, type ElectorTools } from "./elector.ts";
export { withEqualParts } from "./equal-parts.ts";
export { type FieldCause, KubeError, type KubeErrorCode, type Result } from "./errors.ts";
export { createEventRecorder, type EventAbout, type EventRecorder, type EventRecorderTools, type EventWords } from "./event-recorder.ts";
export { KubeConfigError, type KubeConfigErrorCode } from "./kube-config-error.ts";
export { type Lease, leases, observe as observeLease, type Seen as SeenLease } from "./lease-decision.ts";
export type { RunProgram } from "./login-program.ts";
export { createManager, type Manager, type ManagerEnd, type ManagerParts } from "./manager.ts";
export { createKubeMetrics, type KubeMetrics } from "./metrics.ts";
export type { Change, Indexers, ObjectStore } from "./object-store.ts";
export { type ClientOptions, type ClientTools, openKubeClient } from "./open-client.ts";
export { keepsOwned, ownedFields } from "./owned-fields.ts";
export { leanMeta, metadataOnly, type Projection, wholeObject } from "./projection.ts";
export { type ChangeHandler, createReflector, type Reflector, type ReflectorOptions, type ReflectorTools } from "./reflector.ts";
export type { CallPriority } from "./request-gate.ts";
export {
  defineResource,
  type KubeObject,
  type ObjectMeta,
  type ObjectName,
  type OwnerReference,
  objectKey,
  parseKey,
  type Resource,
} from "./resource.ts";
export type { CallOptions } from "./rest.ts";
export { createRunProgram } from "./run-program.ts";
export { type ServiceProxy, serviceProxy } from "./service-proxy.ts";
export { createSharedStrings, type SharedStrings } from "./shared-strings.ts";
export type { WatchEvent } from "./watch-stream.ts";
export { type AddOptions, createWorkQueue, lowPriority, normalPriority, type WorkQueue } from "./work-queue.ts";
