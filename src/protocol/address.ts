// Addresses: 32 bytes that name a chunk, a record or a place, held in memory as lower-case hexadecimal text so that
// they can be compared, used as map keys and logged; see docs/decisions/0002-ids-as-text.md.
import { fromHex, toHex } from "./bytes.ts";
import { hash, hashLength } from "./hash.ts";

declare const addressBrand: unique symbol;
declare const objectAddressBrand: unique symbol;

/** 64 lower-case hexadecimal digits: the name of a chunk or record. */
export type Address = string & { readonly [addressBrand]: "Address" };

/** What a person keeps: 128 digits (sealed root map, then its key) or 64 (public root map). Contains the key: never logged. */
export type ObjectAddress = string & { readonly [objectAddressBrand]: "ObjectAddress" };

/** An object address taken apart; `key` is absent for public objects. */
export type ObjectAddressParts = { readonly root: Address; readonly key?: Uint8Array };

const addressPattern = /^[0-9a-f]{64}$/;
const objectAddressPattern = /^[0-9a-f]{64}(?:[0-9a-f]{64})?$/;

/** `text` as an address, or undefined where it is not 64 lower-case hexadecimal digits. */
export function parseAddress(text: string): Address | undefined {
  return addressPattern.test(text) ? (text as Address) : undefined;
}

/** `text` as an object address, or undefined where it is neither 64 nor 128 lower-case hexadecimal digits. */
export function parseObjectAddress(text: string): ObjectAddress | undefined {
  return objectAddressPattern.test(text) ? (text as ObjectAddress) : undefined;
}

/** The address made of these 32 bytes. Throws a RangeError for another length: parse untrusted bytes with a schema first. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== hashLength) throw new RangeError(`an address has ${hashLength} bytes, got ${bytes.length}`);
  return toHex(bytes) as Address;
}

/** The 32 bytes of an address. */
export function addressBytes(address: Address): Uint8Array {
  return new Uint8Array(Buffer.from(address, "hex"));
}

/** The address of a chunk: H of its bytes. */
export function chunkAddress(bytes: Uint8Array): Address {
  return toHex(hash(bytes)) as Address;
}

/** The object address of a sealed root map (with `key`, 32 bytes) or of a public one (without). */
export function objectAddress(root: Address, key?: Uint8Array): ObjectAddress {
  return (key === undefined ? root : root + toHex(key)) as string as ObjectAddress;
}

/** The root map's address and, for private objects, its key. */
export function objectAddressParts(address: ObjectAddress): ObjectAddressParts {
  const root = address.slice(0, 64) as Address;
  const key = fromHex(address.slice(64));
  return key === undefined || key.length === 0 ? { root } : { root, key };
}
