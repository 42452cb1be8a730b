// The pointers of one vault: for a chunk that it had no room for, who took it instead. Each is 40 bytes in memory's terms and
// on disk, the chunk's address and the first 8 bytes of the name of the vault that took it; their number is bounded.
import { type Address, addressBytes, addressFromBytes } from "../../protocol/address.ts";
import { hashLength } from "../../protocol/hash.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PointerFile } from "./pointer-file.ts";

/** Bytes of a pointer on disk. */
export const pointerBytes = 40;

/** The first 8 bytes of a vault's name, as 16 hexadecimal digits. */
export type TakerId = string & { readonly takerId: unique symbol };
const takerBytes: number = pointerBytes - hashLength;

/** How a pointer names a vault. */
export function takerIdOf(vault: VaultName): TakerId {
  return vault.slice(0, 2 * takerBytes) as TakerId;
}

// 65,536 pointers: readers of a vault that is full for years find what it refused last; 13 MB in memory.
const roomMax = 65_536 * pointerBytes;
const roomShare = 1 / 512;

/** Bytes of a vault's declared capacity that are kept for its pointers. */
export function pointerRoom(capacity: number): number {
  return Math.min(roomMax, Math.floor((capacity * roomShare) / pointerBytes) * pointerBytes);
}

export type PointerBook = {
  get(address: Address): TakerId | undefined;
  /** Keeps a pointer in place of what was known of the chunk; the oldest goes where there is no room. */
  set(address: Address, taker: TakerId): void;
  remove(address: Address): void;
  addresses(): Iterable<Address>;
  count(): number;
  /** Resolves once what was changed is written, as far as it could be. */
  close(): Promise<void>;
};

type Pointer = { readonly place: number; readonly taker: TakerId };

/** The pointers in a file, within `roomBytes`. `onFailed` hears of what could not be written; it is then known until the next start. */
export async function openPointerBook(file: PointerFile, roomBytes: number, onFailed: (cause: unknown) => void): Promise<PointerBook> {
  const places = Math.floor(roomBytes / pointerBytes);
  const pointers = new Map<Address, Pointer>();
  const free: number[] = [];
  let used = 0;
  let writing: Promise<void> = Promise.resolve();
  const bytes = await file.read(places * pointerBytes);
  for (; (used + 1) * pointerBytes <= bytes.length; used += 1) {
    const at = bytes.subarray(used * pointerBytes, (used + 1) * pointerBytes);
    const address = addressFromBytes(new Uint8Array(at.subarray(0, hashLength)));
    // A place that was emptied, or one that an older one repeats.
    if (at.every((byte) => byte === 0) || pointers.has(address)) free.push(used);
    else pointers.set(address, { place: used, taker: Buffer.from(at.subarray(hashLength)).toString("hex") as TakerId });
  }
  const write = (place: number, content: Uint8Array): void => {
    writing = writing.then(() => file.write(place * pointerBytes, content)).catch(onFailed);
  };
  const remove = (address: Address): void => {
    const known = pointers.get(address);
    if (known === undefined) return;
    pointers.delete(address);
    free.push(known.place);
    write(known.place, new Uint8Array(pointerBytes));
  };
  const freePlace = (): number | undefined => {
    const place = free.pop();
    if (place !== undefined || used >= places) return place;
    used += 1;
    return used - 1;
  };
  return {
    get: (address) => pointers.get(address)?.taker,
    set: (address, taker) => {
      if (places === 0 || pointers.get(address)?.taker === taker) return;
      remove(address);
      const [oldest] = pointers.keys();
      if (pointers.size >= places && oldest !== undefined) remove(oldest);
      const place = freePlace();
      if (place === undefined) return;
      pointers.set(address, { place, taker });
      const content = new Uint8Array(pointerBytes);
      content.set(addressBytes(address));
      content.set(Buffer.from(taker, "hex"), hashLength);
      write(place, content);
    },
    remove,
    addresses: () => pointers.keys(),
    count: () => pointers.size,
    close: async () => {
      await writing;
      await file.close();
    },
  };
}
