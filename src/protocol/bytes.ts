// Small operations on byte strings that every wire format needs: hexadecimal text, joining, comparing.

const lowerHex = /^(?:[0-9a-f]{2})*$/;

/** Lower-case hexadecimal text of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of lower-case hexadecimal text, or undefined where the text is anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  return lowerHex.test(text) ? new Uint8Array(Buffer.from(text, "hex")) : undefined;
}

/** All `parts` one after another in a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether both hold the same bytes. Not constant-time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** UTF-8 bytes of `text`. */
export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
