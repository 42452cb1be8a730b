// How much may be stored: bytes a day and address, bytes a day for all, and a share of the farm's capacity kept free.
import { isIP, isIPv6 } from "node:net";
import type { NetworkView } from "../client/farm-client.ts";
import { takesNewChunks } from "../protocol/states.ts";
import type { Clock } from "../runtime/clock.ts";
import type { WriteQuota } from "./config.ts";
import { GatewayError } from "./errors.ts";
import { quotaAddressesMax, quotaAheadBytes } from "./limits.ts";
import type { SharedCounters } from "./shared-counters.ts";

/** What an upload takes from the quotas; what was not stored is given back. */
export type QuotaShare = {
  /** Takes `bytes` more. Rejects with a GatewayError `quota`. */
  take(bytes: number): Promise<void>;
  /** The same for the next piece of a body of unknown length, taken a little ahead where many gateways are asked. */
  takePiece(bytes: number): Promise<void>;
  /** Gives back what was taken ahead and not needed. */
  settle(): void;
  /** Ends a share whose upload failed: gives back all but the bytes that lie on vaults by now. */
  giveBack(placed?: number): void;
};

export type QuotaBook = { open(remoteAddress: string): QuotaShare };

const dayMs = 86_400_000;

/** What this process counts: bytes of a day by address and in total; forgotten when the day ends or the gateway stops. */
type DayCount = {
  readonly day: number;
  total: number;
  readonly used: Map<string, number>;
};

/**
 * Counts by UTC day. With `shared` counters the sums of all gateways decide, and while those cannot be had this process's own:
 * what was stored meanwhile is in nobody else's sum.
 */
export function createQuotaBook(quota: WriteQuota, clock: Clock, shared?: SharedCounters): QuotaBook {
  const hasLimit = quota.perAddressPerDay !== undefined || quota.perDay !== undefined;
  const others = hasLimit ? shared : undefined;
  let count: DayCount = { day: -1, total: 0, used: new Map() };
  const today = (): DayCount => {
    const day = Math.floor(clock.wallMs() / dayMs);
    if (day !== count.day) count = { day, total: 0, used: new Map() };
    return count;
  };
  return {
    open: (remoteAddress) => {
      const { used } = today();
      const wanted = addressGroup(remoteAddress);
      const name = used.has(wanted) || used.size < quotaAddressesMax ? wanted : "all others";
      return createShare({ quota, name, today, others });
    },
  };
}

type ShareParts = {
  readonly quota: WriteQuota;
  readonly name: string;
  readonly today: () => DayCount;
  readonly others: SharedCounters | undefined;
};

/** What a share took on one day: `ofAll` of its `bytes` are in the sums of all gateways. */
type Taken = { readonly day: number; bytes: number; ofAll: number };

function createShare({ quota, name, today, others }: ShareParts): QuotaShare {
  // The latest day last: an upload may go on past midnight, and what it takes then counts on the new day.
  const takenByDay: Taken[] = [];
  let ahead = 0;
  let isGivenBack = false;
  const countHere = (bytes: number): void => {
    const count = today();
    count.total += bytes;
    count.used.set(name, (count.used.get(name) ?? 0) + bytes);
  };
  const takenOn = (day: number): Taken => {
    const known = takenByDay.find((taken) => taken.day === day);
    if (known !== undefined) return known;
    const taken = { day, bytes: 0, ofAll: 0 };
    takenByDay.push(taken);
    return taken;
  };
  /** To the day it was taken on: here at once, elsewhere soon. Of another day than today this process has forgotten it already. */
  const putBack = (taken: Taken, bytes: number): void => {
    const toAll = Math.min(taken.ofAll, bytes);
    taken.bytes -= bytes;
    taken.ofAll -= toAll;
    if (taken.day === today().day) countHere(-bytes);
    if (toAll > 0) void others?.addStored(taken.day, name, -toAll);
  };
  const putBackLatest = (bytes: number): void => {
    let left = bytes;
    for (const taken of takenByDay.toReversed()) {
      const part = Math.min(left, taken.bytes);
      left -= part;
      putBack(taken, part);
    }
  };
  const take = async (bytes: number): Promise<void> => {
    const { day, total, used } = today();
    assertWithin(quota, { address: (used.get(name) ?? 0) + bytes, total: total + bytes });
    const taken = takenOn(day);
    // Before anybody is asked, so that two at once do not both find room.
    countHere(bytes);
    taken.bytes += bytes;
    const sums = await others?.addStored(day, name, bytes);
    if (sums === undefined) return;
    // The upload ended meanwhile; here it is given back already.
    if (isGivenBack) return void others?.addStored(day, name, -bytes);
    taken.ofAll += bytes;
    try {
      assertWithin(quota, sums);
    } catch (error) {
      putBack(taken, bytes);
      throw error;
    }
  };
  return {
    take,
    takePiece: async (bytes) => {
      const lacking = bytes - ahead;
      if (lacking > 0 && others !== undefined)
        await take(lacking + quotaAheadBytes).then(
          () => {
            ahead += lacking + quotaAheadBytes;
          },
          // Near the end of a quota: what is really needed may still fit.
          async () => {
            await take(lacking);
            ahead += lacking;
          },
        );
      else if (lacking > 0) {
        await take(lacking);
        ahead += lacking;
      }
      ahead -= bytes;
    },
    settle: () => {
      putBackLatest(ahead);
      ahead = 0;
    },
    giveBack: (placed = 0) => {
      isGivenBack = true;
      putBackLatest(Math.max(0, sum(takenByDay.map(({ bytes }) => bytes)) - placed));
      ahead = 0;
    },
  };
}

function assertWithin(
  { perAddressPerDay, perDay }: WriteQuota,
  { address, total }: { readonly address: number; readonly total: number },
): void {
  if (perAddressPerDay !== undefined && address > perAddressPerDay)
    throw new GatewayError("quota", `your address may store ${perAddressPerDay} bytes a day here`);
  if (perDay !== undefined && total > perDay) throw new GatewayError("quota", `this gateway stores ${perDay} bytes a day`);
}

/**
 * Whom an address stands for: itself, or its /64 in IPv6, where one household has them all. Some proxies tell the port too, which
 * is another at each connection; who is told of in any other way is one with all others of that kind.
 */
export function addressGroup(remoteAddress: string): string {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(remoteAddress)?.[1] ?? /^([\d.]+):\d+$/.exec(remoteAddress)?.[1] ?? remoteAddress;
  if (!isIPv6(bare)) return isIP(bare) === 0 ? "unknown" : bare;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = "", tail = ""] = bare.split("%")[0]?.split("::") ?? [];
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return `${[...left, ...(bare.includes("::") ? zeros : []), ...right].slice(0, 4).join(":")}::/64`;
}

/** Declared and used bytes of the vaults that take new chunks now. */
export function writableSpace(view: NetworkView): { readonly capacity: number; readonly used: number } {
  const vaults = view.nodes.filter(({ state }) => state === "live").flatMap((node) => node.vaults);
  const open = vaults.filter(({ state }) => takesNewChunks(state));
  return { capacity: sum(open.map(({ capacity }) => capacity)), used: sum(open.map(({ used }) => used)) };
}

/** Bytes that may still be stored in the intended number of copies, with `keepFree` of the capacity left. */
function roomOf(view: NetworkView, keepFree: number): number {
  const { capacity, used } = writableSpace(view);
  return Math.max(0, Math.floor((capacity * (1 - keepFree) - used) / view.copies.policy.target));
}

/** Throws a GatewayError `farm-full` where `bytes` in the intended number of copies would leave less than `keepFree` of the capacity. */
export function assertRoom(view: NetworkView, bytes: number, keepFree: number): void {
  const room = roomOf(view, keepFree);
  if (bytes > room) throw new GatewayError("farm-full", `there is room for ${room} more bytes in ${view.copies.policy.target} copies`);
}

/** Counts the pieces of a body of unknown length; throws a GatewayError `farm-full` at the first for which there is no room. */
export function createRoomWatch(network: () => NetworkView, keepFree: number): (bytes: number) => void {
  let received = 0;
  let known = 0;
  return (bytes) => {
    received += bytes;
    if (received <= known) return;
    // Looked at anew only where the room known runs out: a view of many nodes for each piece would cost more than the piece.
    const view = network();
    assertRoom(view, received, keepFree);
    known = roomOf(view, keepFree);
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
