// Tells the log when a vault's conduct crosses a threshold, or falls so that it will, and remembers whose claims are in doubt.
import type { VaultName } from "../../protocol/keys.ts";
import { type Standing, standingBelow, standingOf, standings } from "../../protocol/standing.ts";
import type { Log } from "../../runtime/log.ts";
import { type ConductBook, conductInAWeek, factsOf, honestyOf } from "./conduct-book.ts";
import { conductOf } from "./score.ts";

export type ConductWatch = {
  /** A vault's book as it is now. */
  note(vault: VaultName, book: ConductBook): void;
  /** The same at the start: nothing is told. */
  remember(vault: VaultName, book: ConductBook): void;
  /** Whether any vault is below the threshold of honesty. */
  doubts(): boolean;
  /** Vaults that will be below the threshold at which it costs in a week. */
  falling(): number;
};

/** Nothing was noted yet. */
export function createConductWatch(log: Log): ConductWatch {
  const stood = new Map<VaultName, Standing>();
  const dishonest = new Set<VaultName>();
  const falling = new Set<VaultName>();
  const remember = (vault: VaultName, book: ConductBook): void => {
    if (honestyOf(book) < standingBelow.distrusted) dishonest.add(vault);
    else dishonest.delete(vault);
  };
  const noteTrend = (vault: VaultName, conduct: number, book: ConductBook): void => {
    // Nobody loses more in a week than it lost since it was without fault: of most nothing need be computed.
    const couldFall = 2 * conduct - 1 < standingBelow.slower;
    const inAWeek = couldFall ? conductInAWeek(book) : undefined;
    const falls = inAWeek !== undefined && conduct >= standingBelow.slower && inAWeek < standingBelow.slower;
    if (falls && !falling.has(vault)) log.warn("a vault's conduct falls: as it goes it costs in a week", { vault, conduct, inAWeek });
    if (falls) falling.add(vault);
    else falling.delete(vault);
  };
  return {
    note: (vault, book) => {
      remember(vault, book);
      const conduct = conductOf(factsOf(book));
      noteTrend(vault, conduct, book);
      const standing = standingOf(conduct);
      const before = stood.get(vault) ?? "good";
      if (standing === before) return;
      stood.set(vault, standing);
      const worse = standings.indexOf(standing) > standings.indexOf(before);
      if (worse) log.warn("a vault's conduct fell below a threshold", { vault, standing, ...factsOf(book) });
      else log.info("a vault's conduct rose above a threshold", { vault, standing });
    },
    remember,
    doubts: () => dishonest.size > 0,
    falling: () => falling.size,
  };
}
