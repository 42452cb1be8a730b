// What a failed dial means: libp2p's errors, one inside the other, as one NetworkError.
import type { PeerId } from "../../protocol/peer-id.ts";
import { NetworkError } from "../errors.ts";

// Names of libp2p's errors, whose classes it does not export for this use.
const handshakeErrors = new Set(["EncryptionFailedError", "InvalidCryptoExchangeError", "InvalidCryptoTransmissionError"]);
const depthMax = 6;

/** The error for a dial to `where` that failed. A handshake that broke off almost always means another network key. */
export function dialError(where: string, cause: unknown, peer?: PeerId): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const names = errorNames(cause, 0);
  if (names.includes("UnexpectedPeerError")) return new NetworkError("unreachable", `another peer answers at ${where}`, { peer, cause });
  if (names.some((name) => handshakeErrors.has(name)))
    return new NetworkError("protocol", `the handshake with ${where} failed: probably another network key`, { peer, cause });
  return new NetworkError("unreachable", `no connection to ${where}`, { peer, cause });
}

function errorNames(error: unknown, depth: number): readonly string[] {
  if (!(error instanceof Error) || depth > depthMax) return [];
  const inner: unknown[] = [error.cause, ...(error instanceof AggregateError ? error.errors : [])];
  return [error.name, ...inner.flatMap((one) => errorNames(one, depth + 1))];
}
