// PeerIds as text: the identity multihash of an ed25519 public key in base58btc, as libp2p writes them ("12D3Koo…").
// Format: libp2p specs, peer-ids (identity multihash 0x00 0x24 around the protobuf 0x08 0x01 0x12 0x20 and the key).
import { base58btc } from "multiformats/bases/base58";
import { concatBytes } from "./bytes.ts";
import type { PublicKey } from "./keys.ts";
import { publicKeyBytes, publicKeyFromBytes } from "./keys.ts";

declare const brand: unique symbol;

/** The identity of a node or gateway: base58 text of its ed25519 public key. */
export type PeerId = string & { readonly [brand]: "PeerId" };

const prefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);
const peerIdLength = prefix.length + 32;

/** The PeerId of this ed25519 public key. */
export function peerIdFromPublicKey(key: PublicKey): PeerId {
  return base58btc.baseEncode(concatBytes(prefix, publicKeyBytes(key))) as PeerId;
}

// The same PeerIds arrive in message after message, and reading base58 takes microseconds.
const parsed = new Set<string>();
const parsedMax = 16_384;

/** `text` as a PeerId, or undefined where it is not the base58 text of an ed25519 identity. */
export function parsePeerId(text: string): PeerId | undefined {
  if (parsed.has(text)) return text as PeerId;
  if (text.length < 40 || text.length > 60 || !isEd25519Identity(text)) return undefined;
  if (parsed.size >= parsedMax) parsed.clear();
  parsed.add(text);
  return text as PeerId;
}

function isEd25519Identity(text: string): boolean {
  try {
    const bytes = base58btc.baseDecode(text);
    const fits = bytes.length === peerIdLength && prefix.every((byte, i) => bytes[i] === byte);
    return fits && base58btc.baseEncode(bytes) === text;
  } catch {
    return false;
  }
}

/** The public key inside a PeerId. */
export function publicKeyOfPeerId(peerId: PeerId): PublicKey {
  return publicKeyFromBytes(base58btc.baseDecode(peerId).subarray(prefix.length));
}
