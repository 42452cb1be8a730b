// The stored form of a Brotli stream: one uncompressed meta-block with its head before and its end behind the plain
// bytes, so that incompressible chunks are framed where they lie (RFC 7932, sections 9.1 and 9.2).

/** The stream's last byte: an empty last meta-block. */
const streamEnd = 0x03;
/** Window size 22 (four bits), then a zero bit: not the last meta-block. */
const windowBits = 0x0b;
/** Bytes after the plain ones. */
const tailLength = 1;
/** Longest meta-block, bytes: six nibbles of length. */
export const storedLengthMax: number = 2 ** 24;

/** Bytes before the plain ones for a chunk of `length`. */
export function storedHeadLength(length: number): number {
  return length <= 2 ** 16 ? 3 : 4;
}

/** Whole length of a stored stream of `length` plain bytes. */
export function storedStreamLength(length: number): number {
  return storedHeadLength(length) + length + tailLength;
}

/** The head as a number, lowest byte first: window, nibbles of the length, the length less one, the mark "uncompressed". */
function storedHead(length: number): number {
  const nibbles = length <= 2 ** 16 ? 4 : length <= 2 ** 20 ? 5 : 6;
  return windowBits + (nibbles - 4) * 2 ** 5 + (length - 1) * 2 ** 7 + 2 ** (7 + 4 * nibbles);
}

/** Writes head and end round the `length` plain bytes that already lie behind the head; gives the stream. */
export function frameStored(buffer: Uint8Array, length: number): Uint8Array {
  if (length < 1 || length > storedLengthMax) throw new RangeError(`a stored meta-block has 1 to ${storedLengthMax} bytes, got ${length}`);
  const head = storedHead(length);
  const headLength = storedHeadLength(length);
  for (let i = 0; i < headLength; i += 1) buffer[i] = Math.floor(head / 2 ** (8 * i)) % 256;
  buffer[headLength + length] = streamEnd;
  return buffer.subarray(0, storedStreamLength(length));
}

/** Where the plain bytes begin, if `stream` is exactly what `frameStored` writes for `length` bytes; else undefined. */
export function storedStart(stream: Uint8Array, length: number): number | undefined {
  if (length < 1 || length > storedLengthMax || stream.length !== storedStreamLength(length)) return undefined;
  const head = storedHead(length);
  const headLength = storedHeadLength(length);
  for (let i = 0; i < headLength; i += 1) if (stream[i] !== Math.floor(head / 2 ** (8 * i)) % 256) return undefined;
  return stream[headLength + length] === streamEnd ? headLength : undefined;
}
