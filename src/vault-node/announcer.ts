// Tells the network what the vaults say of themselves: a changed state at once, changed figures from time to time.
import type { NodeFigures } from "../protocol/node-figures.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { countsOf, pressingOf } from "./node-figures.ts";
import type { VaultCondition, VaultConditions } from "./vault-conditions.ts";

export type AnnouncerLimits = {
  /** How often the vaults are looked at. */
  readonly lookEveryMs: number;
  /** How often the file system is asked. */
  readonly diskEveryMs: number;
  /** Changed figures are announced at most this often: each announcement costs every node messages and signatures (at 3 s a fifth of the CPU of storing on eight nodes). */
  readonly figuresEveryMs: number;
  /** The same while copies are made again: somebody may be watching, and it does not last. */
  readonly repairFiguresEveryMs: number;
  /** How often the figures of copies are summed up; what presses is announced with the next sum. */
  readonly copiesEveryMs: number;
  /** Scores alone are announced at most this often. */
  readonly scoresEveryMs: number;
};

export const announcerLimits: AnnouncerLimits = {
  lookEveryMs: 500,
  diskEveryMs: 5000,
  figuresEveryMs: 10_000,
  repairFiguresEveryMs: 4_000,
  copiesEveryMs: 2_000,
  scoresEveryMs: 3_600_000,
};

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
  figures(): NodeFigures;
  announce(vaults: readonly VaultCondition[], figures: NodeFigures): void;
};

/** An announcer at rest. */
export function createAnnouncer(parts: AnnouncerParts, limits: AnnouncerLimits = announcerLimits): Announcer {
  const { conditions, clock, log } = parts;
  let said: Said | undefined;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let figures: NodeFigures = parts.figures();
  let summedAtMs = clock.monotonicMs();
  let diskAtMs = clock.monotonicMs();
  let timer: Timer | undefined;
  const refresh = (): void => {
    conditions.look();
    const nowMs = clock.monotonicMs();
    if (nowMs - summedAtMs >= limits.copiesEveryMs) {
      figures = parts.figures();
      summedAtMs = nowMs;
    }
    const now = { vaults: conditions.all(), figures };
    const turned = now.vaults.filter((one, index) => said?.vaults[index]?.state !== one.state);
    if (turned.length === 0 && said !== undefined && !isNews(now, said, nowMs - saidAtMs, limits)) return;
    for (const { vault, state, used } of turned) log.info("a vault changed its state", { vault: vault.name, state, used });
    said = now;
    saidAtMs = nowMs;
    parts.announce(now.vaults, now.figures);
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

type Said = { readonly vaults: readonly VaultCondition[]; readonly figures: NodeFigures };

function isNews(now: Said, said: Said, sinceMs: number, limits: AnnouncerLimits): boolean {
  if (pressingOf(now.figures) !== pressingOf(said.figures)) return true;
  const repairs = (now.figures.copies?.repairing ?? 0) > 0;
  if (sinceMs < (repairs ? limits.repairFiguresEveryMs : limits.figuresEveryMs)) return false;
  if (figuresDiffer(now.vaults, said.vaults) || countsOf(now.figures) !== countsOf(said.figures)) return true;
  return sinceMs >= limits.scoresEveryMs && JSON.stringify(now.figures.seen) !== JSON.stringify(said.figures.seen);
}

function figuresDiffer(now: readonly VaultCondition[], before: readonly VaultCondition[]): boolean {
  return now.some((one, index) => one.used !== before[index]?.used || one.chunks !== before[index]?.chunks);
}
