// A fingerprint of a file that can be made piece by piece: SHA-256 over the SHA-256 of every 4 MiB. With it the page can
// tell that what it reads back is what it sent.

const pieceSize = 4 * 1024 * 1024;

export type Fingerprint = { add(bytes: Uint8Array): Promise<void>; finish(): Promise<string> };

/** Undefined where the browser offers no hashing (pages over plain HTTP from another machine). */
export function createFingerprint(): Fingerprint | undefined {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined) return undefined;
  const digests: Uint8Array<ArrayBuffer>[] = [];
  const piece = new Uint8Array(pieceSize);
  let filled = 0;
  const closePiece = async (): Promise<void> => {
    digests.push(new Uint8Array(await subtle.digest("SHA-256", piece.subarray(0, filled))));
    filled = 0;
  };
  return {
    add: async (bytes) => {
      for (let offset = 0; offset < bytes.length; ) {
        const part = bytes.subarray(offset, offset + pieceSize - filled);
        piece.set(part, filled);
        filled += part.length;
        offset += part.length;
        if (filled === pieceSize) await closePiece();
      }
    },
    finish: async () => {
      if (filled > 0) await closePiece();
      const digest = new Uint8Array(await subtle.digest("SHA-256", await new Blob(digests).arrayBuffer()));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
  };
}

/** The fingerprint of a stream; `onBytes` is told how far it is. Undefined where the browser offers no hashing. */
export async function fingerprintOf(
  stream: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<{ readonly bytes: number; readonly digest: string | undefined }> {
  const fingerprint = createFingerprint();
  const reader = stream.getReader();
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    await fingerprint?.add(value);
    onBytes(bytes);
  }
  return { bytes, digest: await fingerprint?.finish() };
}
