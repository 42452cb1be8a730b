// The books of the index as text: which runs it is made of, the oldest first, and the state of the log they belong to. The
// first line is the CRC-32 of the second, so that a torn or rotten file is seen.
import { crc32 } from "node:zlib";
import { z } from "zod";
import { parseAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { LogPosition, SegmentFigures } from "./segment-log.ts";
import type { AccountFigures } from "./vault-accounts.ts";

/** What the index knows of the log up to `position`. */
export type IndexState = {
  readonly position: LogPosition;
  readonly accounts: ReadonlyMap<VaultName, AccountFigures>;
  readonly segments: ReadonlyMap<number, SegmentFigures>;
};

/** `vaults`: in the order of their numbers in the runs, which they keep for ever; `state` undefined for a new index. */
export type IndexBooks = {
  readonly runs: readonly number[];
  readonly vaults: readonly VaultName[];
  readonly state: IndexState | undefined;
};

/** The books of an index that holds nothing. */
export const emptyBooks: IndexBooks = { runs: [], vaults: [], state: undefined };

const count = z.int().min(0);
const schema = z.strictObject({
  runs: z.array(count),
  position: z.strictObject({ segment: count, offset: count }),
  // In the order of their numbers in the runs.
  accounts: z.array(z.tuple([z.string(), count, count])),
  segments: z.array(z.tuple([count, count, count, count, count])),
});

/** The books with this state; vaults not seen before get the next numbers. */
export function booksOf(runs: readonly number[], before: readonly VaultName[], state: IndexState): IndexBooks {
  const known = new Set(before);
  return { runs, vaults: [...before, ...[...state.accounts.keys()].filter((vault) => !known.has(vault))], state };
}

/** The text of books. */
export function booksText({ runs, vaults, state }: IndexBooks): string {
  const line = JSON.stringify({
    runs,
    position: state?.position ?? { segment: 0, offset: 0 },
    accounts: vaults.map((vault) => [vault, state?.accounts.get(vault)?.used ?? 0, state?.accounts.get(vault)?.chunks ?? 0]),
    segments: [...(state?.segments ?? [])].map(([number, { end, dead, notes, gone }]) => [number, end, dead, notes, gone]),
  });
  return `${crc32(line)}\n${line}\n`;
}

/** The books in a text. Throws where it is torn, rotten or of another form. */
export function parseBooks(text: string): IndexBooks {
  const [sum, line = "", end] = text.split("\n");
  if (Number(sum) !== crc32(line) || end !== "") throw new RangeError("the books of the index are torn or have rotted");
  const { runs, position, accounts, segments } = schema.parse(JSON.parse(line));
  const figures = accounts.flatMap(([text, used, chunks]) => {
    const vault = parseAddress(text);
    return vault === undefined ? [] : [[vault, { used, chunks }] as const];
  });
  return {
    runs,
    vaults: figures.map(([vault]) => vault),
    state: {
      position,
      accounts: new Map(figures),
      segments: new Map(segments.map(([number, end, dead, notes, gone]) => [number, { end, dead, notes, gone }])),
    },
  };
}
