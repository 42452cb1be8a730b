// The datagrams of the failure detector: heartbeats, and words of watchers about others. Each is authenticated with keyed
// BLAKE3 (16 bytes) under a key of its own direction and session, and numbered, so that a replayed one is no sign of life.
//
// Layout, big-endian: magic u8, version u8, kind u8, count u8, session u32, sequence u48, interval u16 and
// own lateness u16 (milliseconds), then `count` words of {subject 8 bytes, verdict u8}, then the tag over all before it.
import type { Address } from "./address.ts";
import { addressBytes } from "./address.ts";
import { concatBytes, textBytes } from "./bytes.ts";
import { deriveKey, hash } from "./hash.ts";
import type { PeerId } from "./peer-id.ts";
import { keyedMode, shortHash } from "./short-blake3.ts";

const magic = 0x56;
const version = 1;
const headLength = 18;
const wordLength = 9;
const tagLength = 16;
const kindHeartbeat = 1;
const kindWords = 2;

/** Words in one datagram: it stays below 512 bytes, which no path splits. */
export const wordsPerDatagramMax = 48;
/** Largest datagram, bytes. */
export const datagramMax: number = headLength + wordsPerDatagramMax * wordLength + tagLength;
/** Bytes of the short name under which datagrams speak of a node. */
export const subjectLength = 8;
/** Bytes each side adds to a session's key. */
export const sessionSecretLength = 32;
const sequenceMax = 2 ** 48;

/** What a watcher says: it hears the node no more · it hears it. */
export type Verdict = "silent" | "heard";
/** `subject`: `subjectOf` the node, as latin1 text, so that it can be a key of a map. */
export type Word = { readonly subject: string; readonly verdict: Verdict };

/** A datagram's content; `intervalMs`: how often its sender sends heartbeats now; `lateMs`: how late its timer was. */
export type Beat = {
  readonly session: number;
  readonly sequence: number;
  readonly intervalMs: number;
  readonly lateMs: number;
  /** Absent for a plain heartbeat. */
  readonly words?: readonly Word[];
};

/** The short name of a node in datagrams. */
export function subjectOf(peer: PeerId): string {
  return Buffer.from(hash(textBytes(peer)).subarray(0, subjectLength)).toString("latin1");
}

/** The keys of both directions of a session. */
export type SessionKeys = { readonly send: Uint8Array; readonly receive: Uint8Array };
export type SessionSide = { readonly peer: PeerId; readonly secret: Uint8Array };

/**
 * Keys out of both sides' secrets, which were exchanged over their authenticated connection, mixed with the network's id
 * and key: `D("heartbeat", network id | network key or 32 zeros | PeerIds and secrets in the order of the PeerIds | from)`.
 */
export function sessionKeys(network: { id: Address; key?: Uint8Array | undefined }, own: SessionSide, other: SessionSide): SessionKeys {
  const [low, high] = own.peer < other.peer ? [own, other] : [other, own];
  const base = concatBytes(addressBytes(network.id), network.key ?? new Uint8Array(32), ...[low, high].flatMap(sideBytes));
  const from = (side: SessionSide): Uint8Array => deriveKey("heartbeat", concatBytes(base, textBytes(side.peer)));
  return { send: from(own), receive: from(other) };
}

function sideBytes({ peer, secret }: SessionSide): readonly Uint8Array[] {
  return [hash(textBytes(peer)), secret];
}

/** Bytes of a plain heartbeat. */
export const heartbeatLength: number = headLength + tagLength;

/**
 * A datagram with its tag; a plain heartbeat is written into `room`, of `heartbeatLength` bytes, where one is given.
 * Throws for more words than fit or a sequence that is used up.
 */
export function sealBeat(beat: Beat, key: Uint8Array, room?: Buffer): Buffer {
  const words = beat.words ?? [];
  if (words.length > wordsPerDatagramMax || beat.sequence >= sequenceMax) throw new RangeError("a datagram that cannot be sent");
  const length = headLength + words.length * wordLength + tagLength;
  const bytes = room?.length === length ? room : Buffer.allocUnsafe(length);
  bytes[0] = magic;
  bytes[1] = version;
  bytes[2] = beat.words === undefined ? kindHeartbeat : kindWords;
  bytes[3] = words.length;
  bytes.writeUInt32BE(beat.session, 4);
  bytes.writeUIntBE(beat.sequence, 8, 6);
  bytes.writeUInt16BE(asU16(beat.intervalMs), 14);
  bytes.writeUInt16BE(asU16(beat.lateMs), 16);
  let offset = headLength;
  for (const { subject, verdict } of words) {
    bytes.write(subject, offset, subjectLength, "latin1");
    bytes[offset + subjectLength] = verdict === "silent" ? 1 : 0;
    offset += wordLength;
  }
  const tag = tagOf(bytes, key);
  for (let at = 0; at < tagLength; at += 4) bytes.writeInt32LE(tag[at / 4] ?? 0, offset + at);
  return bytes;
}

function asU16(ms: number): number {
  return Math.max(0, Math.min(0xffff, Math.round(ms)));
}

/** Why a datagram is dropped before its tag is looked at. */
export type BeatFault = "length" | "format";

/** The session a datagram claims, its form checked but not its tag. Never throws. */
export function peekSession(bytes: Buffer): number | BeatFault {
  if (bytes.length < headLength + tagLength || bytes.length > datagramMax) return "length";
  const count = bytes[3] ?? 0;
  const kind = bytes[2];
  if (bytes[0] !== magic || bytes[1] !== version || (kind !== kindHeartbeat && kind !== kindWords)) return "format";
  if (bytes.length !== headLength + count * wordLength + tagLength) return "length";
  if ((kind === kindHeartbeat) !== (count === 0)) return "format";
  return bytes.readUInt32BE(4);
}

/** Whether the tag of a datagram that passed `peekSession` is right. */
export function isAuthentic(bytes: Buffer, key: Uint8Array): boolean {
  // Tags are no secrets an attacker could feel for byte by byte: each try is another datagram, and forged ones are bounded.
  const tag = tagOf(bytes, key);
  const offset = bytes.length - tagLength;
  let difference = 0;
  for (let at = 0; at < tagLength; at += 4) difference |= (tag[at / 4] ?? 0) ^ bytes.readInt32LE(offset + at);
  return difference === 0;
}

/** The content of an authentic datagram. */
export function openBeat(bytes: Buffer): Beat {
  const head = {
    session: bytes.readUInt32BE(4),
    sequence: bytes.readUIntBE(8, 6),
    intervalMs: bytes.readUInt16BE(14),
    lateMs: bytes.readUInt16BE(16),
  };
  if (bytes[2] === kindHeartbeat) return head;
  const words = Array.from({ length: bytes[3] ?? 0 }, (_, index): Word => {
    const offset = headLength + index * wordLength;
    const subject = bytes.toString("latin1", offset, offset + subjectLength);
    return { subject, verdict: bytes[offset + subjectLength] === 1 ? "silent" : "heard" };
  });
  return { ...head, words };
}

// One tag at a time: its key as words.
const keyWords = new Int32Array(8);

/** The first 16 bytes of it are the tag of all before the last 16 bytes; valid until the next call. */
function tagOf(bytes: Buffer, key: Uint8Array): Int32Array {
  for (let word = 0, at = 0; word < 8; word += 1, at += 4)
    keyWords[word] = (key[at] ?? 0) | ((key[at + 1] ?? 0) << 8) | ((key[at + 2] ?? 0) << 16) | ((key[at + 3] ?? 0) << 24);
  return shortHash(bytes, bytes.length - tagLength, keyWords, keyedMode);
}
