// Tells the network what the vaults say of themselves: a changed state at once, changed figures from time to time.
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { VaultCondition, VaultConditions } from "./vault-conditions.ts";

export type AnnouncerLimits = {
  /** How often the vaults are looked at. */
  readonly lookEveryMs: number;
  /** How often the file system is asked. */
  readonly diskEveryMs: number;
  /** Changed figures are announced at most this often: each announcement costs every node messages and signatures (at 3 s a fifth of the CPU of storing on eight nodes). */
  readonly figuresEveryMs: number;
};

export const announcerLimits: AnnouncerLimits = { lookEveryMs: 500, diskEveryMs: 5000, figuresEveryMs: 10_000 };

export type Announcer = {
  start(): Promise<void>;
  stop(): void;
  /** Looks now and announces what changed. */
  refresh(): void;
};

export type AnnouncerParts = {
  readonly conditions: VaultConditions;
  readonly clock: Clock;
  readonly log: Log;
  announce(vaults: readonly VaultCondition[]): void;
};

/** An announcer at rest. */
export function createAnnouncer(parts: AnnouncerParts, limits: AnnouncerLimits = announcerLimits): Announcer {
  const { conditions, clock, log } = parts;
  let said: readonly VaultCondition[] = [];
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let diskAtMs = clock.monotonicMs();
  let timer: Timer | undefined;
  const refresh = (): void => {
    conditions.look();
    const now = conditions.all();
    const due = clock.monotonicMs() - saidAtMs >= limits.figuresEveryMs;
    const turned = now.filter((one, index) => said[index]?.state !== one.state);
    if (turned.length === 0 && !(due && figuresDiffer(now, said))) return;
    for (const { vault, state, used } of turned) log.info("a vault changed its state", { vault: vault.name, state, used });
    said = now;
    saidAtMs = clock.monotonicMs();
    parts.announce(now);
  };
  const lookAtDisk = async (): Promise<void> => {
    diskAtMs = clock.monotonicMs();
    await conditions.lookAtDisk().catch((cause: unknown) => log.warn("the file system did not say how much is free", { cause }));
  };
  const tick = (): void => {
    timer = clock.after(limits.lookEveryMs, tick);
    if (clock.monotonicMs() - diskAtMs >= limits.diskEveryMs) void lookAtDisk();
    refresh();
  };
  return {
    start: async () => {
      await lookAtDisk();
      tick();
    },
    stop: () => timer?.cancel(),
    refresh,
  };
}

function figuresDiffer(now: readonly VaultCondition[], before: readonly VaultCondition[]): boolean {
  return now.some((one, index) => one.used !== before[index]?.used || one.chunks !== before[index]?.chunks);
}
