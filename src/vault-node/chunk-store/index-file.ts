// The index on disk: an lmdb file from address to place in the log, and the state it belongs to, changed together in one
// transaction. It may be lost at any time: the log can make it again.
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { z } from "zod";
import { type Address, addressFromBytes, parseAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { LogPosition, SegmentFigures } from "./segment-log.ts";
import type { AccountFigures } from "./vault-accounts.ts";

/** Where a chunk's bytes lie; `damaged`: its checksum failed once, or its segment is gone because of that (segment 0). */
export type Place = {
  readonly segment: number;
  readonly offset: number;
  readonly size: number;
  readonly vault: VaultName;
  readonly storedAtMs: number;
  readonly damaged: boolean;
};

/** What the index knows of the log up to `position`. */
export type IndexState = {
  readonly position: LogPosition;
  readonly accounts: ReadonlyMap<VaultName, AccountFigures>;
  readonly segments: ReadonlyMap<number, SegmentFigures>;
};

export type IndexFile = {
  /** As last written; undefined for a new index. */
  state(): IndexState | undefined;
  find(address: Address): Place | undefined;
  entries(): Iterable<[Address, Place]>;
  /** Writes changes and state in one synced transaction; `null` removes. Rejects with the reason where nothing was written. */
  write(changes: ReadonlyMap<Address, Place | null>, state: IndexState): Promise<void>;
  /** What the file takes on the disk. */
  bytes(): Promise<number>;
  close(): Promise<void>;
};

const valueBytes = 24;
const pageEntries = 512;
const stateKey = Buffer.from("state");
const count = z.int().min(0);
const stateSchema = z.strictObject({
  position: z.strictObject({ segment: count, offset: count }),
  // In the order of their numbers in the values.
  accounts: z.array(z.tuple([z.string(), count, count])),
  segments: z.array(z.tuple([count, count, count, count, count])),
});

// Plain synced commits (two writes in order, the way LMDB was designed): the index is written rarely, so the overlapping
// sync of lmdb-js, which pays off with a commit a group, would only add a way to be behind. No object cache: values are
// 24 bytes. The map is address space, not memory; lmdb-js enlarges it by itself.
const options = { keyEncoding: "binary", encoding: "binary", cache: false, overlappingSync: false, maxDbs: 2, maxReaders: 16 } as const;

/** Opens the index in `directory`, or makes it. Throws where the file is no index. */
export function openIndexFile(directory: string): IndexFile {
  const root: RootDatabase<Buffer, Buffer> = open({ ...options, path: directory, noSubdir: false });
  const chunks = root.openDB<Buffer, Buffer>({ name: "chunks", keyEncoding: "binary", encoding: "binary", cache: false });
  const states = root.openDB<Buffer, Buffer>({ name: "state", keyEncoding: "binary", encoding: "binary", cache: false });
  const stored = states.getBinary(stateKey);
  const parsed = stored === undefined ? undefined : stateSchema.parse(JSON.parse(stored.toString("utf8")));
  const vaults: VaultName[] = (parsed?.accounts ?? []).flatMap(([vault]) => parseAddress(vault) ?? []);
  let closed = false;
  return {
    state: () => (parsed === undefined ? undefined : stateOf(parsed)),
    find: (address) => {
      if (closed) return undefined;
      const value = chunks.getBinaryFast(Buffer.from(address, "hex"));
      return value === undefined ? undefined : decodePlace(value, vaults);
    },
    entries: () => entriesOf(chunks, vaults, () => closed),
    write: (changes, state) => writeAll(chunks, states, { changes, state, vaults }),
    bytes: async () => (await stat(join(directory, "data.mdb"))).blocks * 512,
    close: async () => {
      closed = true;
      await root.close();
    },
  };
}

/** Deletes the index in `directory`; the next one is made from the log. */
export async function deleteIndexFile(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

// Page by page, so that nobody who is slow pins an old version of the index, or keeps a cursor past the end of the store.
function* entriesOf(chunks: Database<Buffer, Buffer>, vaults: readonly VaultName[], isClosed: () => boolean): Iterable<[Address, Place]> {
  let last: Buffer | undefined;
  while (!isClosed()) {
    const from = last === undefined ? {} : { start: last, exclusiveStart: true };
    const page = [...chunks.getRange({ ...from, limit: pageEntries })];
    for (const { key, value } of page) yield [addressFromBytes(key), decodePlace(value, vaults)];
    last = page.at(-1)?.key;
    if (page.length < pageEntries) return;
  }
}

type Writing = { readonly changes: ReadonlyMap<Address, Place | null>; readonly state: IndexState; readonly vaults: VaultName[] };

async function writeAll(chunks: Database<Buffer, Buffer>, states: Database<Buffer, Buffer>, writing: Writing): Promise<void> {
  const { changes, state, vaults } = writing;
  const numbers = numberVaults(vaults, state);
  try {
    await chunks.batch(() => {
      for (const [address, place] of changes) {
        const key = Buffer.from(address, "hex");
        if (place === null) void chunks.remove(key);
        else void chunks.put(key, encodePlace(place, numbers.get(place.vault) ?? 0));
      }
      void states.put(stateKey, Buffer.from(stateText(state, vaults)));
    });
  } catch (error) {
    throw await reasonOf(error);
  }
}

// lmdb-js hides the reason in a second promise, which nobody but us would catch.
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && "commitError" in error)) return error;
  return Promise.resolve(error.commitError).then(
    () => error,
    (reason: unknown) => reason,
  );
}

// Vaults keep their numbers for ever: new ones come behind.
function numberVaults(vaults: VaultName[], state: IndexState): ReadonlyMap<VaultName, number> {
  const known = new Set(vaults);
  for (const vault of state.accounts.keys()) if (!known.has(vault)) vaults.push(vault);
  return new Map(vaults.map((vault, number) => [vault, number]));
}

function stateText({ position, accounts, segments }: IndexState, vaults: readonly VaultName[]): string {
  return JSON.stringify({
    position,
    accounts: vaults.map((vault) => [vault, accounts.get(vault)?.used ?? 0, accounts.get(vault)?.chunks ?? 0]),
    segments: [...segments].map(([number, { end, dead, removals, gone }]) => [number, end, dead, removals, gone]),
  });
}

function stateOf({ position, accounts, segments }: z.infer<typeof stateSchema>): IndexState {
  return {
    position,
    accounts: new Map(
      accounts.flatMap(([text, used, chunks]) => {
        const vault = parseAddress(text);
        return vault === undefined ? [] : [[vault, { used, chunks }] as const];
      }),
    ),
    segments: new Map(segments.map(([number, end, dead, removals, gone]) => [number, { end, dead, removals, gone }])),
  };
}

// segment u32 · offset u32 · size u32 · vault number u16 · damaged u8 · zero u8 · stored at f64
function encodePlace(place: Place, vaultNumber: number): Buffer {
  const value = Buffer.alloc(valueBytes);
  value.writeUInt32LE(place.segment, 0);
  value.writeUInt32LE(place.offset, 4);
  value.writeUInt32LE(place.size, 8);
  value.writeUInt16LE(vaultNumber, 12);
  value.writeUInt8(place.damaged ? 1 : 0, 14);
  value.writeDoubleLE(place.storedAtMs, 16);
  return value;
}

function decodePlace(value: Buffer, vaults: readonly VaultName[]): Place {
  const vault = vaults[value.readUInt16LE(12)];
  if (value.length !== valueBytes || vault === undefined) throw new RangeError("the index has a value of another form");
  return {
    segment: value.readUInt32LE(0),
    offset: value.readUInt32LE(4),
    size: value.readUInt32LE(8),
    vault,
    storedAtMs: value.readDoubleLE(16),
    damaged: value.readUInt8(14) === 1,
  };
}
