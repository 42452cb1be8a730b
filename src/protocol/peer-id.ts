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

/** `text` as a PeerId, or undefined where it is not the base58 text of an ed25519 identity. */
export function parsePeerId(text: string): PeerId | undefined {
  if (text.length < 40 || text.length > 60) return undefined;
  try {
    const bytes = base58btc.baseDecode(text);
    const fits = bytes.length === peerIdLength && prefix.every((byte, i) => bytes[i] === byte);
    return fits && base58btc.baseEncode(bytes) === text ? (text as PeerId) : undefined;
  } catch {
    return undefined;
  }
}

/** The public key inside a PeerId. */
export function publicKeyOfPeerId(peerId: PeerId): PublicKey {
  return publicKeyFromBytes(base58btc.baseDecode(peerId).subarray(prefix.length));
}
