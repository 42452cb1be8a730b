// How much may be stored: bytes a day and address, bytes a day for all, and a share of the farm's capacity kept free.
import { isIPv6 } from "node:net";
import type { NetworkView } from "../client/farm-client.ts";
import { takesNewChunks } from "../protocol/states.ts";
import type { Clock } from "../runtime/clock.ts";
import type { WriteQuota } from "./config.ts";
import { GatewayError } from "./errors.ts";
import { quotaAddressesMax } from "./limits.ts";

/** What an upload takes from the quotas; given back where nothing was stored. */
export type QuotaShare = {
  /** Takes `bytes` more. Throws a GatewayError `quota`. */
  take(bytes: number): void;
  giveBack(): void;
};

export type QuotaBook = { open(remoteAddress: string): QuotaShare };

const dayMs = 86_400_000;

/** Counts by UTC day; all counts are forgotten when a day ends or the gateway stops. */
export function createQuotaBook(quota: WriteQuota, clock: Clock): QuotaBook {
  const { perAddressPerDay = Number.POSITIVE_INFINITY, perDay = Number.POSITIVE_INFINITY } = quota;
  let day = -1;
  let total = 0;
  const used = new Map<string, number>();
  const turnDay = (): void => {
    const today = Math.floor(clock.wallMs() / dayMs);
    if (today === day) return;
    day = today;
    total = 0;
    used.clear();
  };
  const open = (remoteAddress: string): QuotaShare => {
    turnDay();
    const opened = day;
    const wanted = addressGroup(remoteAddress);
    const name = used.has(wanted) || used.size < quotaAddressesMax ? wanted : "all others";
    let taken = 0;
    const count = (bytes: number): void => {
      taken += bytes;
      total += bytes;
      used.set(name, (used.get(name) ?? 0) + bytes);
    };
    return {
      take: (bytes) => {
        turnDay();
        if ((used.get(name) ?? 0) + bytes > perAddressPerDay)
          throw new GatewayError("quota", `your address may store ${perAddressPerDay} bytes a day here`);
        if (total + bytes > perDay) throw new GatewayError("quota", `this gateway stores ${perDay} bytes a day`);
        count(bytes);
      },
      giveBack: () => {
        turnDay();
        if (opened === day) count(-taken);
      },
    };
  };
  return { open };
}

/** Whom an address stands for: itself, or its /64 in IPv6, where one household has them all. */
export function addressGroup(remoteAddress: string): string {
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = "", tail = ""] = remoteAddress.split("%")[0]?.split("::") ?? [];
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return `${[...left, ...(remoteAddress.includes("::") ? zeros : []), ...right].slice(0, 4).join(":")}::/64`;
}

/** Declared and used bytes of the vaults that take new chunks now. */
export function writableSpace(view: NetworkView): { readonly capacity: number; readonly used: number } {
  const vaults = view.nodes.filter(({ state }) => state === "live").flatMap((node) => node.vaults);
  const open = vaults.filter(({ state }) => takesNewChunks(state));
  return { capacity: sum(open.map(({ capacity }) => capacity)), used: sum(open.map(({ used }) => used)) };
}

/** Throws a GatewayError `farm-full` where `bytes` in the intended number of copies would leave less than `keepFree` of the capacity. */
export function assertRoom(view: NetworkView, bytes: number, keepFree: number): void {
  const { capacity, used } = writableSpace(view);
  const room = Math.max(0, Math.floor((capacity * (1 - keepFree) - used) / view.copies.policy.target));
  if (bytes > room) throw new GatewayError("farm-full", `there is room for ${room} more bytes in ${view.copies.policy.target} copies`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
