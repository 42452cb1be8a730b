// The reasons to write: keeping chunks, removing one, moving live entries out of a segment that shall go, and noting what a start
// found torn.
import type { Address } from "../../protocol/address.ts";
import type { PutEntry, PutOutcome } from "./chunk-store.ts";
import { ChunkStoreError, mustFit } from "./chunk-store-error.ts";
import type { GroupDraft } from "./group-draft.ts";
import type { Job } from "./group-writer.ts";
import type { Place } from "./index-page.ts";
import { samePlace } from "./ledger.ts";
import { type EntryHead, entryBytes, entryHeaderBytes } from "./log-entry.ts";
import type { StoreHealth } from "./store-health.ts";

/** What decides whether a chunk is taken. */
export type TakingRules = {
  readonly health: StoreHealth;
  /** Whether a chunk of `size` bytes still fits the vault and the store, with what the draft holds. */
  fits(entry: PutEntry, draft: GroupDraft): boolean;
  nowMs(): number;
};

/** Keeps chunks. Throws a `ChunkStoreError` too-large. */
export function putJob(entries: readonly PutEntry[], rules: TakingRules): Job<readonly PutOutcome[]> {
  mustFit(entries);
  const bytes = entries.reduce((sum, entry) => sum + entryHeaderBytes + entry.bytes.length, 0);
  return {
    bytes,
    decide: (draft) => {
      const planned = entries.map((entry) => planPut(entry, draft, rules));
      return (written) => planned.map(({ outcome, needsGroup }) => (needsGroup && !written ? "read-only" : outcome));
    },
  };
}

type Planned = { readonly outcome: PutOutcome; readonly needsGroup: boolean };

function planPut(entry: PutEntry, draft: GroupDraft, { health, fits, nowMs }: TakingRules): Planned {
  const { address, vault, bytes } = entry;
  const now = draft.find(address);
  if (now === "coming") return { outcome: "held", needsGroup: true };
  // A damaged copy, or one whose removal failed, is replaced.
  if (typeof now === "object" && !now.damaged) return { outcome: "held", needsGroup: false };
  if (health.now().mode === "read-only") return { outcome: "read-only", needsGroup: false };
  if (!fits(entry, draft)) return { outcome: "full", needsGroup: false };
  // A note of its own for that copy: one about the new copy goes with the new copy, and would let it come back.
  if (typeof now === "object" && now.segment > 0)
    draft.add({ kind: "remove", address, vault: now.vault, size: 0, storedAtMs: nowMs(), layIn: now.segment });
  draft.add({ kind: "put", address, vault, size: bytes.length, storedAtMs: nowMs(), layIn: 0 }, bytes);
  return { outcome: "stored", needsGroup: true };
}

/** Removes a chunk, or `only` one that is damaged. The answer: false where there was none; an error where the disk takes no writes. */
export function removeJob(address: Address, { health, nowMs }: TakingRules, only: "damaged" | undefined): Job<boolean | ChunkStoreError> {
  return {
    bytes: entryHeaderBytes,
    decide: (draft) => {
      const now = draft.find(address);
      if (now === undefined || now === "going") return () => false;
      if (only === "damaged" && (now === "coming" || !now.damaged)) return () => false;
      const { mode } = health.now();
      const failed = new ChunkStoreError("io", "nothing can be removed: the disk takes no writes");
      if (mode === "read-only") return () => failed;
      const { vault, segment } = now === "coming" ? { vault: address, segment: 0 } : now;
      draft.add({ kind: "remove", address, vault, size: 0, storedAtMs: nowMs(), layIn: segment });
      return (written) => (written ? true : failed);
    },
  };
}

/** An entry of a segment that shall go: a chunk with its bytes, or a note about one. */
export type Move = { readonly head: EntryHead; readonly place?: Place; readonly bytes?: Uint8Array };

/** Writes entries again at the end of the log, except what was changed meanwhile. The answer: whether they are on disk; false also without room. */
export function moveJob(moves: readonly Move[], hasRoom: (bytes: number) => boolean): Job<boolean> {
  const bytes = moves.reduce((sum, { head }) => sum + entryBytes(head), 0);
  return {
    bytes,
    decide: (draft) => {
      if (!hasRoom(draft.bytes() + bytes)) return () => false;
      for (const { head, place, bytes } of moves) if (stillNeeded(draft, head, place)) draft.add(head, bytes);
      return (written) => written;
    },
  };
}

/** Writes notes. The answer: whether they are on disk. */
export function noteJob(notes: readonly EntryHead[]): Job<boolean> {
  return {
    bytes: notes.length * entryHeaderBytes,
    decide: (draft) => {
      for (const head of notes) draft.add(head);
      return (written) => written;
    },
  };
}

/** Lets later groups begin a new segment. As a job, since no group may be under way then. */
export function sealJob(seal: () => void): Job<boolean> {
  return {
    bytes: 0,
    decide: () => {
      seal();
      return () => true;
    },
  };
}

function stillNeeded(draft: GroupDraft, { address, layIn }: EntryHead, place: Place | undefined): boolean {
  const now = draft.find(address);
  // A note is needed unless a newer copy stands in the same segment as the one it is about: then they go together.
  if (place === undefined) return typeof now !== "object" || now.segment !== layIn;
  return typeof now === "object" && samePlace(now, place);
}
