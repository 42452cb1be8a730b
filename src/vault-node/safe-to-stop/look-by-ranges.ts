// How a second source looks at a leaver without its list of chunks: it compares the leaver's range digests with those of each other
// holder, counts the copies of what is missing somewhere one by one, and draws some chunks at random.
import { memberNodes, type NodeView } from "../../network/directory.ts";
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { copiesWithout } from "./copies-without.ts";
import { askAboutLeaver, compareLeaver, type LeaverComparisonParts } from "./leaver-comparison.ts";
import type { Claim } from "./stop-audit.ts";
import { digestAround, type StopStatementParts } from "./stop-statement.ts";

/** What a second source saw; `overflow`: chunks at exactly `min` copies beyond those that are challenged. */
export type Seen = {
  readonly membership: Uint8Array;
  readonly inventory: Uint8Array;
  readonly count: number;
  readonly short: number;
  readonly claims: readonly Claim[];
  readonly overflow: number;
};

export type RangesParts = Omit<StopStatementParts, "store"> &
  LeaverComparisonParts & { readonly store: Parameters<typeof copiesWithout>[0]["store"] };

export type Leaver = { readonly node: PeerId; readonly needed: number };

/** Chunks challenged at random, and those at exactly `min` copies challenged at most; what is beyond counts as not shown. */
export const sampleSize = 64;
export const atMinMax = 65_536;

/** The members other than `leaver` that have vaults and are not gone. */
export function othersThan(nodes: readonly NodeView[], leaver: PeerId): readonly NodeView[] {
  return nodes.filter(({ record, state }) => record.peerId !== leaver && state !== "gone" && record.vaults.length > 0);
}

/**
 * Undefined where it cannot tell: more is missing than a comparison brings home, or what is missing nowhere would have no copy more
 * than the least promised, so that all must be challenged. Rejects where the leaver does not answer properly.
 */
export async function lookByRanges(parts: RangesParts, { node, needed }: Leaver, signal: AbortSignal): Promise<Seen | undefined> {
  const { genesis, directory } = parts;
  const { min, target } = genesis.copies;
  const others = othersThan(memberNodes(directory), node);
  // What is missing nowhere has as many copies as there are others that should have it.
  const spare = Math.min(target, others.length);
  if (spare <= min || spare < needed) return undefined;
  const inventory = await askAboutLeaver(parts, node, { kind: "inventory" }, signal);
  const missing = await missingSomewhere(parts, others, node, signal);
  if (inventory.kind !== "inventory" || missing === undefined) return undefined;
  const random = await compareLeaver(parts, node, signal).sample(sampleSize);
  const counted = await countInPages(parts, [...new Set([...missing, ...random])], node, signal);
  const claims = counted.map(([address, holders]) => ({ address, holders }));
  const atMin = claims.filter(({ holders }) => holders.length === min);
  const challenged = new Set([...atMin.slice(0, atMinMax).map(({ address }) => address), ...random]);
  return {
    membership: digestAround(parts, new Set(inventory.around), node),
    inventory: inventory.inventory,
    count: inventory.count,
    short: claims.filter(({ holders }) => holders.length < needed).length,
    claims: claims.filter(({ address }) => challenged.has(address)),
    overflow: Math.max(0, atMin.length - atMinMax),
  };
}

async function missingSomewhere(
  parts: RangesParts,
  others: readonly NodeView[],
  leaver: PeerId,
  signal: AbortSignal,
): Promise<ReadonlySet<Address> | undefined> {
  const comparison = compareLeaver(parts, leaver, signal);
  const missing = new Set(await comparison.sharedWith(null));
  for (const { record, state } of others) {
    // Who does not stay, or does not answer, has none of them.
    const stays = state === "live" && parts.view.keeperAt(record.peerId) !== undefined;
    const all = (): Promise<readonly Address[] | undefined> => comparison.sharedWith(record.peerId);
    const lacking = await (stays ? comparison.missingAt(record.peerId).catch(all) : all());
    if (lacking === undefined) return undefined;
    for (const address of lacking) missing.add(address);
  }
  return missing;
}

async function countInPages(
  parts: RangesParts,
  addresses: readonly Address[],
  leaver: PeerId,
  signal: AbortSignal,
): Promise<readonly (readonly [Address, readonly PeerId[]])[]> {
  const counted: (readonly [Address, readonly PeerId[]])[] = [];
  for (let from = 0; from < addresses.length; from += parts.chunksPerSurvey) {
    const page = addresses.slice(from, from + parts.chunksPerSurvey);
    counted.push(...(await copiesWithout({ ...parts, policy: parts.genesis.copies }, page, leaver, signal)));
  }
  return counted;
}
