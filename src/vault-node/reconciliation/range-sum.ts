// The fingerprint of a set of addresses: their sum as 256-bit numbers and how many there are, hashed. Sums add up, in any
// order and part by part; what a forger would need for equal sums stands in docs/decisions/0011-range-reconciliation.md.

import { hash, hashLength } from "../../protocol/hash.ts";
import { rangeFingerprintLength } from "../../protocol/messages/compare-chunks.ts";

/** The sum of addresses, in limbs of 32 bits, least first. Limbs may be above 2^32 until they are carried over. */
export type RangeSum = { count: number; readonly limbs: Float64Array };

const limbCount = hashLength / 4;
const limbBase = 2 ** 32;
// A limb of a sum of 2^21 addresses is still exact; carried over in time, sums have no end.
const uncarriedMax = 2 ** 20;

/** The sum of nothing. */
export function emptySum(): RangeSum {
  return { count: 0, limbs: new Float64Array(limbCount) };
}

/** Adds (`sign` 1) or takes away (-1) the address at `offset` of `bytes`. Of at most 2^20 addresses. */
export function addAddress(sum: RangeSum, bytes: DataView, offset: number, sign: 1 | -1): void {
  const { limbs } = sum;
  for (let limb = 0; limb < limbCount; limb += 1) {
    // The last bytes of an address are its least.
    const value = bytes.getUint32(offset + hashLength - 4 - limb * 4, false);
    limbs[limb] = (limbs[limb] ?? 0) + sign * value;
  }
  sum.count += sign;
}

/** Adds one sum to another. */
export function addSum(into: RangeSum, more: RangeSum): void {
  const { limbs } = into;
  for (let limb = 0; limb < limbCount; limb += 1) limbs[limb] = (limbs[limb] ?? 0) + (more.limbs[limb] ?? 0);
  into.count += more.count;
  if (into.count >= uncarriedMax) carryOver(limbs);
}

function carryOver(limbs: Float64Array): void {
  let carry = 0;
  for (let limb = 0; limb < limbCount; limb += 1) {
    const value = (limbs[limb] ?? 0) + carry;
    carry = Math.floor(value / limbBase);
    limbs[limb] = value - carry * limbBase;
  }
}

/** What travels: the first 16 bytes of H(sum mod 2^256 ‖ count). */
export function fingerprintOf({ count, limbs }: RangeSum): Uint8Array {
  const carried = Float64Array.from(limbs);
  carryOver(carried);
  const text = new DataView(new ArrayBuffer(hashLength + 8));
  for (const [limb, value] of carried.entries()) text.setUint32(limb * 4, value, true);
  text.setFloat64(hashLength, count, true);
  return hash(new Uint8Array(text.buffer)).slice(0, rangeFingerprintLength);
}
