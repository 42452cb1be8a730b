// How much of this node's work one peer may have at a time and per second, and all peers together: requests and bytes.
import { strict as assert } from "node:assert";
import { messageChunkBytesMax } from "../protocol/limits.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";

const mib = 1024 * 1024;

export type ShareLimits = {
  readonly requestsPerPeer: number;
  readonly bytesPerPeer: number;
  readonly bytesInAll: number;
  /** Of `bytesInAll`, what only peers get that have no more than `firstBytes` with it: so few who hold theirs for long shut nobody else out. */
  readonly bytesForFirst: number;
  readonly firstBytes: number;
  /** Requests a second on the long run, and at once. */
  readonly ratePerPeer: number;
  readonly burstPerPeer: number;
};

/**
 * For a node of the size: a gateway with 16 puts of 8 MiB in flight would need less; memory stays under 100 MiB of chunks. Two
 * gateways get the 32 MiB each that the transport takes into work for one peer, and four more peers a largest message each.
 */
export const shareLimits: ShareLimits = {
  requestsPerPeer: 256,
  bytesPerPeer: 48 * mib,
  bytesInAll: 96 * mib,
  bytesForFirst: 32 * mib,
  firstBytes: messageChunkBytesMax,
  ratePerPeer: 5000,
  burstPerPeer: 10_000,
};
assert(messageChunkBytesMax <= shareLimits.bytesPerPeer && shareLimits.bytesPerPeer <= shareLimits.bytesInAll, "one message must fit");
assert(shareLimits.firstBytes <= shareLimits.bytesForFirst, "what is kept free must be of use");
assert(shareLimits.bytesPerPeer + shareLimits.bytesForFirst <= shareLimits.bytesInAll, "a peer alone gets all of its share");

/** A part of the node's work, given back once. */
export type Share = { release(): void };

export type PeerShares = {
  /** Undefined where the peer, or all together, would have too much. */
  take(peer: PeerId, bytes: number): Share | undefined;
  /** What is in use now. */
  inUse(): { readonly requests: number; readonly bytes: number };
};

type Account = { requests: number; bytes: number; tokens: number; filledAtMs: number };
// Peers remembered only for their rate; those with work in hand are always remembered.
const idlePeersMax = 4096;

/** Shares within `limits`, times by the monotonic clock. */
export function createPeerShares(clock: Clock, limits: ShareLimits = shareLimits): PeerShares {
  const accounts = new Map<PeerId, Account>();
  const all = { requests: 0, bytes: 0 };
  const take = (peer: PeerId, bytes: number): Share | undefined => {
    const account = accounts.get(peer) ?? openAccount(peer);
    refill(account, clock.monotonicMs(), limits);
    if (account.tokens < 1 || account.requests >= limits.requestsPerPeer) return undefined;
    if (bytes > 0 && !hasRoom(account.bytes + bytes, all.bytes + bytes, limits)) return undefined;
    account.tokens -= 1;
    move(account, 1, bytes);
    return { release: once(() => move(account, -1, -bytes)) };
  };
  const move = (account: Account, requests: number, bytes: number): void => {
    account.requests += requests;
    account.bytes += bytes;
    all.requests += requests;
    all.bytes += bytes;
  };
  const openAccount = (peer: PeerId): Account => {
    if (accounts.size >= idlePeersMax) dropIdle(accounts);
    const account = { requests: 0, bytes: 0, tokens: limits.burstPerPeer, filledAtMs: clock.monotonicMs() };
    accounts.set(peer, account);
    return account;
  };
  return { take, inUse: () => ({ ...all }) };
}

/** Whether one peer may have `own` bytes, where all together then have `inAll`. */
function hasRoom(own: number, inAll: number, { bytesPerPeer, bytesInAll, bytesForFirst, firstBytes }: ShareLimits): boolean {
  return own <= bytesPerPeer && inAll <= (own > firstBytes ? bytesInAll - bytesForFirst : bytesInAll);
}

function refill(account: Account, nowMs: number, limits: ShareLimits): void {
  const earned = ((nowMs - account.filledAtMs) / 1000) * limits.ratePerPeer;
  account.tokens = Math.min(limits.burstPerPeer, account.tokens + earned);
  account.filledAtMs = nowMs;
}

function dropIdle(accounts: Map<PeerId, Account>): void {
  for (const [peer, account] of accounts) if (account.requests === 0) accounts.delete(peer);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
