// What a reflector does after a list or a watch: from which version to go on, and after how long. Pure.
import { jitteredBackoffMs } from "./backoff.ts";
import type { KubeError, KubeErrorCode } from "./errors.ts";
import { reflectBackoffMaxMs, reflectBackoffMinMs, reflectHealthyMs } from "./limits.ts";

/** How a list or a watch came out. `version`: up to where the cache is whole; undefined before the first list. */
export type StepEnd =
  | { readonly kind: "listed"; readonly version: string }
  | { readonly kind: "watch-ended"; readonly version: string; readonly heldMs: number; readonly events: number }
  | { readonly kind: "watch-failed"; readonly version: string; readonly heldMs: number; readonly events: number; readonly error: KubeError }
  | { readonly kind: "list-failed"; readonly error: KubeError };

/** Undefined `version` = list everything again. */
export type NextStep = { readonly version: string | undefined; readonly failures: number; readonly waitMs: number };

/** A watch that a server ends within this, without an event, was no watch (client-go: "very short watch"). */
const shortWatchMs = 1000;
/** After these the cache may have missed something or can get no further: only a list helps. */
const relistCodes: readonly KubeErrorCode[] = ["gone", "too-large", "bad-answer", "bad-request"];

/** `failures`: in a row until now; `luck` in [0, 1). */
export function nextStep(end: StepEnd, failures: number, luck: number): NextStep {
  switch (end.kind) {
    // A list alone mends nothing: where each watch fails, lists must become rarer too.
    case "listed":
      return { version: end.version, failures, waitMs: 0 };
    case "watch-ended":
      if (end.events > 0 || end.heldMs >= shortWatchMs) return { version: end.version, failures: 0, waitMs: 0 };
      return { version: end.version, ...wait(failures + 1, luck) };
    case "watch-failed": {
      const before = end.events > 0 || end.heldMs >= reflectHealthyMs ? 0 : failures;
      const version = relistCodes.includes(end.error.code) ? undefined : end.version;
      return { version, ...wait(before + 1, luck, end.error) };
    }
    case "list-failed":
      return { version: undefined, ...wait(failures + 1, luck, end.error) };
  }
}

function wait(failures: number, luck: number, error?: KubeError): { failures: number; waitMs: number } {
  const backoffMs = jitteredBackoffMs(failures, { minMs: reflectBackoffMinMs, maxMs: reflectBackoffMaxMs }, luck);
  // A server that asks for a longer wait gets it, and a little more each time it is drawn, so that not all return at once.
  return { failures, waitMs: Math.max(backoffMs, (error?.retryAfterMs ?? 0) * (1 + luck / 10)) };
}

/**
 * Whether version `one` is older than `other`. Versions are decimal numbers that grow within a resource (KEP-5504); where a
 * server has others, nothing is older and every event counts.
 */
export function isOlder(one: string, other: string): boolean {
  if (!/^\d+$/.test(one) || !/^\d+$/.test(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}
