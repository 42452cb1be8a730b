// Judges what a cache told of a known history: which changes were missed, where after an expired version a list legitimately hides
// states that were over by then.

/** A change as its writer knows it. `version`: of a write its own; of a removal, which has none in its answer, the writer's last before it. */
export type Written = { readonly name: string; readonly removal: boolean; readonly version: number };
/** A list hid what happened after version `after`, up to its own. */
export type Gap = { readonly after: number; readonly to: number };
/** `missed` and `wrong`: tellings that are absent; and ones out of order, a second time, or of nothing that happened. `hidden`: changes that a list hid. */
export type Judgement = { readonly missed: readonly string[]; readonly wrong: readonly string[]; readonly hidden: number };

/** A change as a handler is told of it: "NAME@VERSION" or "NAME removed". */
export function tellingOf({ name, removal, version }: Written): string {
  return removal ? `${name} removed` : `${name}@${version}`;
}

const nameOf = (telling: string): string => telling.split(/[@ ]/, 1)[0] ?? "";

/**
 * Holds `told` against `written`, which has the changes of each object in their order. A write may be hidden only in a gap in which
 * something followed it, a removal only where the object was not shown.
 */
export function judgeTelling(written: readonly Written[], told: readonly string[], gaps: readonly Gap[]): Judgement {
  const tellings = Map.groupBy(told, nameOf);
  const histories = Map.groupBy(written, ({ name }) => name);
  const strange = told.filter((telling) => !histories.has(nameOf(telling)));
  const judged = [...histories].map(([name, history]) => judgeHistory(history, tellings.get(name) ?? [], gaps));
  return {
    missed: judged.flatMap(({ missed }) => missed),
    wrong: [...strange, ...judged.flatMap(({ wrong }) => wrong)],
    hidden: judged.reduce((sum, { hidden }) => sum + hidden, 0),
  };
}

function judgeHistory(history: readonly Written[], told: readonly string[], gaps: readonly Gap[]): Judgement {
  const missed: string[] = [];
  let [taken, hidden, isShown] = [0, 0, false];
  for (const [i, change] of history.entries()) {
    const telling = tellingOf(change);
    if (told[taken] === telling) {
      taken += 1;
      isShown = !change.removal;
      continue;
    }
    const follower = history[i + 1];
    const isOver = gaps.some(({ after, to }) => change.version > after && follower !== undefined && follower.version <= to);
    if (change.removal ? !isShown : isOver) hidden += 1;
    else missed.push(telling);
  }
  return { missed, wrong: told.slice(taken), hidden };
}
