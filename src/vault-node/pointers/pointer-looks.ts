// Looks who took the chunks that vaults here had no room for, a moment after each refusal and from time to time again.
import type { Directory } from "../../network/directory.ts";
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { addressesPerRequestMax } from "../../protocol/limits.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type Sighting, survey } from "../replication/survey.ts";
import { type PointerBook, takerIdOf } from "./pointer-book.ts";

export type PointerLimits = {
  /** How long after a refusal it is looked who took the chunk: puts are at their next holder within this. */
  readonly lookAfterMs: number;
  /** Looks at a refused chunk that nobody has taken yet: a put goes on for ten seconds. */
  readonly looksMax: number;
  readonly tickMs: number;
  /** Refused chunks that wait for a look: about 200 bytes each. What is beyond is found when inventories are compared. */
  readonly waitingMax: number;
  /** All pointers are looked at again so often. */
  readonly roundMs: number;
  /** How far from an address a taker is looked for (client: candidatesMax). */
  readonly circle: number;
  readonly questionTimeoutMs: number;
};

export const pointerLimits: PointerLimits = {
  lookAfterMs: 2_000,
  looksMax: 8,
  tickMs: 2_000,
  waitingMax: 16_384,
  roundMs: 1_800_000,
  circle: 16,
  questionTimeoutMs: 5_000,
};

/** The pointers of a node's vaults, as far as looks need them. */
export type PointerShelf = {
  bookOf(vault: VaultName): PointerBook | undefined;
  /** The book that has a pointer for this chunk. */
  bookWith(address: Address): PointerBook | undefined;
  takerOf(address: Address): PeerId | undefined;
  addresses(): readonly Address[];
};

export type PointerLooksParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly directory: Directory;
  readonly policy: CopiesPolicy;
  readonly clock: Clock;
  readonly shelf: PointerShelf;
  /** Whether this node holds a chunk. */
  holds(address: Address): boolean;
};

export type PointerLooks = {
  refused(vault: VaultName, address: Address): void;
  forget(address: Address): void;
  /** Looks at what is due. Rejects only with the signal's reason. */
  look(signal: AbortSignal): Promise<void>;
};

type Waiting = { readonly vault: VaultName; readonly looks: number; readonly dueMs: number };

/** Nothing was refused yet; the pointers there are have their turn in a round. */
export function createPointerLooks(parts: PointerLooksParts, limits: PointerLimits): PointerLooks {
  const { clock, shelf } = parts;
  const waiting = new Map<Address, Waiting>();
  let round: Address[] = [];
  let roundAtMs = clock.monotonicMs() + limits.roundMs;
  const atRefused = async (signal: AbortSignal): Promise<void> => {
    const nowMs = clock.monotonicMs();
    const refused = new Map([...waiting].filter(([, { dueMs }]) => dueMs <= nowMs).slice(0, addressesPerRequestMax));
    for (const address of refused.keys()) waiting.delete(address);
    for (const [address, seen] of await lookAround(parts, limits, [...refused.keys()], signal)) {
      const one = refused.get(address);
      if (one === undefined || point(parts, limits, { book: shelf.bookOf(one.vault), address, seen })) continue;
      const looks = one.looks + 1;
      if (looks < limits.looksMax) waiting.set(address, { vault: one.vault, looks, dueMs: clock.monotonicMs() + limits.lookAfterMs });
    }
  };
  const atPointers = async (signal: AbortSignal): Promise<void> => {
    if (clock.monotonicMs() >= roundAtMs) {
      round = [...shelf.addresses()];
      roundAtMs = clock.monotonicMs() + limits.roundMs;
    }
    for (const [address, seen] of await lookAround(parts, limits, round.splice(0, addressesPerRequestMax), signal)) {
      const book = shelf.bookWith(address);
      // Who did not answer may have it still.
      if (!point(parts, limits, { book, address, seen }) && seen.silent.size === 0) book?.remove(address);
    }
  };
  return {
    refused: (vault, address) => {
      if (shelf.bookWith(address) !== undefined || waiting.has(address) || waiting.size >= limits.waitingMax) return;
      waiting.set(address, { vault, looks: 0, dueMs: clock.monotonicMs() + limits.lookAfterMs });
    },
    forget: (address) => void waiting.delete(address),
    look: async (signal) => {
      await atRefused(signal);
      await atPointers(signal);
    },
  };
}

/** What those around say of these chunks; pointers to what is here, or not this node's own any more, are dropped instead. */
async function lookAround(
  { peers, shelf, holds, ...parts }: PointerLooksParts,
  limits: PointerLimits,
  addresses: readonly Address[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Address, Sighting>> {
  const near = (address: Address): boolean => closeTo(parts, address).includes(peers.self);
  const asked = new Set(addresses.filter((address) => !holds(address) && near(address)));
  for (const address of addresses) if (!asked.has(address)) shelf.bookWith(address)?.remove(address);
  const whom = (address: Address): readonly PeerId[] => around({ ...parts, shelf }, limits, address);
  const seen = await survey({ peers, timeoutMs: limits.questionTimeoutMs }, [...asked], whom, signal);
  signal.throwIfAborted();
  return new Map([...seen].filter(([address]) => !holds(address)));
}

function closeTo({ directory, policy }: Pick<PointerLooksParts, "directory" | "policy">, address: Address): readonly PeerId[] {
  return directory.closest(address, policy.target, "all").holders.map(({ peer }) => peer);
}

function around(
  { directory, shelf }: Pick<PointerLooksParts, "directory" | "shelf">,
  limits: PointerLimits,
  address: Address,
): readonly PeerId[] {
  const near = directory.closest(address, limits.circle, "read").holders.map(({ peer }) => peer);
  const known = shelf.takerOf(address);
  return known === undefined || near.includes(known) ? near : [...near, known];
}

type Seen = { readonly book: PointerBook | undefined; readonly address: Address; readonly seen: Sighting };

function point(parts: PointerLooksParts, limits: PointerLimits, { book, address, seen }: Seen): boolean {
  const taker = chooseTaker(around(parts, limits, address), seen.holders, closeTo(parts, address));
  const [vault] = taker === undefined ? [] : (parts.directory.node(taker)?.record.vaults ?? []);
  if (vault !== undefined) book?.set(address, takerIdOf(vault.name));
  return vault !== undefined;
}

/**
 * Whom a pointer names: the first holder in order that is none of the `near` ones, since those are asked anyway; where only they
 * have it, the first of them.
 */
export function chooseTaker(order: readonly PeerId[], holders: ReadonlySet<PeerId>, near: readonly PeerId[]): PeerId | undefined {
  const held = order.filter((peer) => holders.has(peer));
  return held.find((peer) => !near.includes(peer)) ?? held[0];
}
