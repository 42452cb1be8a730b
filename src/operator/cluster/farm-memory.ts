// What the operator remembers of a farm between two looks: what nodes said last, whom they were told of, looks at whether
// one may be stopped. All of it is gathered anew after a restart; nothing is decided by it that needs more than a while.
import { type KubeError, type SeenLease, withEqualParts } from "../kube/index.ts";
import { createFarmCounter, type FarmCounter } from "../node-access/farm-counter.ts";
import type { NodeWord } from "../node-access/node-word.ts";
import type { NodeReport, StopEvidence } from "../vault-farm/observed.ts";
import type { NodeMemory } from "./observe-farm.ts";
import { pods } from "./resources.ts";

export type FarmMemory = {
  node(name: string): NodeMemory;
  /** What the node said when it was asked at `nowMs`, if anything. `podUid`: another pod was told nothing yet. */
  setStatus(name: string, podUid: string, status: NodeWord | undefined, nowMs: number): void;
  setTold(name: string, peers: readonly string[]): void;
  setEvidence(name: string, evidence: StopEvidence | undefined): void;
  /** What the record with that uid says, or said before somebody took it off, of the identity on the node's volume. */
  setIdentity(name: string, recordUid: string, peerId: string): void;
  readonly counter: FarmCounter;
  /** A node of that name was made by this process, and whether one was made before it. */
  noteMade(name: string): void;
  wasMade(name: string): boolean;
  madeBefore(name: string): boolean;
  /** Forgets all others. */
  keep(names: ReadonlySet<string>): void;
  /** When a status was written last, by object; -Infinity: never by this process. */
  writtenMs(key: string): number;
  noteWritten(key: string, nowMs: number): void;
  /** Whether an object that somebody changed may be put right now: at once, then no more than once in `repairEveryMs`. */
  mayRepair(key: string, nowMs: number): boolean;
  /** It is never to be put right again by this process. */
  giveUpRepair(key: string): void;
  /** Whether an object that is not the farm's has a name that the farm needs; `what`: its kind and name. */
  setForeign(what: string, isThere: boolean): void;
  /** All of those, sorted. */
  foreign(): readonly string[];
  /** The call that the API server forbade at the last look; `loggedMs`: when that was logged, where it could not be shown. */
  refusal?: { readonly why: string; readonly loggedMs?: number };
  /** The operator that the farm's map names, where it is not this one. */
  otherOperator?: OtherOperator;
  /** When the gateways' Secret was last known to be there; -Infinity: never by this process. */
  grantSeenMs: number;
  /** What the cluster said of the newest spec's pods and gateways; `of`: name of what was tried, `why` it takes none, where it does not. */
  readonly admissions: Map<"pods" | "gateways", { readonly of: string; readonly why: string | undefined; readonly seenMs: number }>;
  /** The note of the gateways' Deployment, where it differs from what this operator writes; `hash`: see `noteInShort`. */
  keptNote?: { readonly hash: string; readonly text: string };
  /** What the farm can do without as it was applied last, by kind: Ingress, HTTPRoute, ServiceMonitor. */
  readonly kept: Map<string, Kept>;
};

/** Another operator and its lease as it was seen last. met: nobody looked yet · unreadable: it may not be looked at, so it is taken for alive. */
export type OtherOperator = {
  readonly name: string;
  readonly state: "met" | "lives" | "unreadable" | "over";
  readonly seen?: SeenLease;
  /** Why its lease may not be read, in the server's words. */
  readonly why?: string;
};

/** `made`: what was wanted, undefined: that there be none; `refusal`: why it could not be. */
export type Kept = { readonly made: string | undefined; readonly refusal: KubeError | undefined; readonly seenMs: number };

/** Whoever changes an object again and again is answered this often, milliseconds. */
export const repairEveryMs = 60_000;

type Entry = {
  podUid: string;
  status?: NodeWord;
  silentSinceMs?: number;
  lastReport?: NodeReport;
  told: readonly string[];
  evidence?: StopEvidence;
  identity?: NonNullable<NodeMemory["identity"]>;
};

export function createFarmMemory(): FarmMemory {
  const entries = new Map<string, Entry>();
  const written = new Map<string, number>();
  // Names that this process gives to no other node; a farm makes a thousand at most in a life.
  const made = new Set<string>();
  const repaired = new Map<string, number>();
  const foreign = new Set<string>();
  const entry = (name: string): Entry => {
    const known = entries.get(name) ?? { podUid: "", told: [] };
    entries.set(name, known);
    return known;
  };
  return {
    grantSeenMs: Number.NEGATIVE_INFINITY,
    counter: createFarmCounter(),
    kept: new Map(),
    admissions: new Map(),
    node: (name) => {
      const { podUid: _, ...known } = entries.get(name) ?? { podUid: "", told: [] };
      return known;
    },
    setStatus: (name, podUid, status, nowMs) => {
      // Made anew: an object that a field was deleted from takes three times the room, and there are ten thousand.
      const { status: before, silentSinceMs = nowMs, lastReport = before?.report, ...known } = entry(name);
      const isOther = known.podUid !== podUid;
      const silent = isOther ? { silentSinceMs: nowMs } : { silentSinceMs, ...(lastReport === undefined ? {} : { lastReport }) };
      const told = isOther ? [] : known.told;
      const kept = status === undefined ? silent : { status: withEqualParts(before, status) };
      entries.set(name, { ...known, podUid, told, ...kept });
    },
    setTold: (name, peers) => {
      entry(name).told = peers;
    },
    setEvidence: (name, evidence) => {
      if (evidence === undefined) delete entry(name).evidence;
      else entry(name).evidence = evidence;
    },
    setIdentity: (name, recordUid, peerId) => {
      const known = entry(name);
      if (known.identity?.recordUid !== recordUid || known.identity.peerId !== peerId) known.identity = { recordUid, peerId };
    },
    noteMade: (name) => made.add(name),
    wasMade: (name) => made.has(name),
    madeBefore: (name) => made.size > 0 && [...made][0] !== name,
    keep: (names) => {
      for (const name of [...entries.keys()]) if (!names.has(name)) entries.delete(name);
      // A name that no node has is not needed any more.
      for (const what of [...foreign])
        if (what.startsWith(`${pods.kind} `) && !names.has(what.slice(pods.kind.length + 1))) foreign.delete(what);
    },
    writtenMs: (key) => written.get(key) ?? Number.NEGATIVE_INFINITY,
    mayRepair: (key, nowMs) => {
      if (nowMs - (repaired.get(key) ?? Number.NEGATIVE_INFINITY) < repairEveryMs) return false;
      repaired.set(key, nowMs);
      return true;
    },
    giveUpRepair: (key) => repaired.set(key, Number.POSITIVE_INFINITY),
    setForeign: (what, isThere) => (isThere ? foreign.add(what) : foreign.delete(what)),
    foreign: () => [...foreign].sort(),
    noteWritten: (key, nowMs) => written.set(key, nowMs),
  };
}
