// A group while it is put together: the entries to be written, and how the books will look once they are on disk, so
// that the second of two equal chunks in one group is seen to be held.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { Place } from "./index-page.ts";
import { type EntryHead, entryBytes, entryHeaderBytes, writeEntryHead } from "./log-entry.ts";
import type { LogPosition } from "./segment-log.ts";
import { chunkCost } from "./vault-accounts.ts";

export type GroupDraft = {
  /** Adds an entry with its bytes, which must not change until the group is written. A note whose `layIn` is 0 is about this group's own segment. */
  add(head: EntryHead, bytes?: Uint8Array): void;
  /** `coming` or `going` where this group changes the address, otherwise where the chunk is now. */
  find(address: Address): Place | "coming" | "going" | undefined;
  /** Bytes this group costs a vault so far. */
  costOf(vault: VaultName): number;
  bytes(): number;
  count(): number;
  /** What is written at `at`: headers and bytes in turn. */
  parts(at: LogPosition): readonly Uint8Array[];
  /** The addresses that this group removes. */
  going(): Iterable<Address>;
  /** Each entry with its position, once the group begins at `at`. */
  entries(at: LogPosition): Iterable<[EntryHead, LogPosition]>;
};

/** An empty group over `index`. */
export function createGroupDraft(index: ChunkIndex): GroupDraft {
  const entries: { readonly head: EntryHead; readonly bytes: Uint8Array | undefined }[] = [];
  const changes = new Map<Address, "coming" | "going">();
  const costs = new Map<VaultName, number>();
  let total = 0;
  return {
    add: (head, bytes) => {
      entries.push({ head, bytes });
      if (head.kind !== "torn") changes.set(head.address, head.kind === "put" ? "coming" : "going");
      total += entryBytes(head);
      if (head.kind === "put") costs.set(head.vault, (costs.get(head.vault) ?? 0) + chunkCost(head.size));
    },
    find: (address) => changes.get(address) ?? index.find(address),
    costOf: (vault) => costs.get(vault) ?? 0,
    bytes: () => total,
    count: () => entries.length,
    parts: ({ segment }) => {
      const heads = Buffer.allocUnsafe(entries.length * entryHeaderBytes);
      return entries.flatMap(({ head, bytes }, number) => {
        const at = number * entryHeaderBytes;
        writeEntryHead(heads, at, placed(head, segment), segment);
        const header = heads.subarray(at, at + entryHeaderBytes);
        return bytes === undefined || bytes.length === 0 ? [header] : [header, bytes];
      });
    },
    going: function* () {
      for (const { head } of entries) if (head.kind === "remove") yield head.address;
    },
    entries: function* ({ segment, offset }) {
      let at = offset;
      for (const { head } of entries) {
        yield [placed(head, segment), { segment, offset: at }];
        at += entryBytes(head);
      }
    },
  };
}

function placed(head: EntryHead, segment: number): EntryHead {
  return head.kind === "remove" && head.layIn === 0 ? { ...head, layIn: segment } : head;
}
