// What this node thinks of the vaults of others, and of their nodes' faults: from its own audits and from whether they
// answer. Only what was seen here counts; hearsay does not.
import { z } from "zod";
import { type Directory, isStranger, type NodeView } from "../../network/directory.ts";
import { parseAddress } from "../../protocol/address.ts";
import { distrustedOf, type SeenNode } from "../../protocol/distrust.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerFault } from "../../protocol/peer-faults.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type Standing, standingOf } from "../../protocol/standing.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { afterAudit, afterWindow, type ConductBook, type ConductVerdict, factsOf, honestyOf, newBook, windowMs } from "./conduct-book.ts";
import { createConductWatch } from "./conduct-watch.ts";
import { ageOf, conductOf, scoreOf } from "./score.ts";

/** A vault as this node sees it; `conduct` is its score without regard to age. */
export type VaultScore = {
  readonly peer: PeerId;
  readonly vault: VaultName;
  readonly score: number;
  readonly conduct: number;
  /** Conduct by what it showed alone. */
  readonly honesty: number;
  readonly goodDays: number;
  readonly age: number;
  readonly faults: Readonly<Partial<Record<PeerFault, number>>>;
};

export type Scoreboard = {
  audited(vault: VaultName, verdict: ConductVerdict): void;
  fault(peer: PeerId, fault: PeerFault): void;
  /** All vaults of the other members, worst conduct first. */
  scores(): readonly VaultScore[];
  /** Nodes whose claims do not count here (protocol/distrust.ts), of now. */
  distrusted(): ReadonlySet<PeerId>;
  /** How many vaults of others will be below 0.8 in a week, if they go on as in the last seven days. */
  falling(): number;
  /** How many vaults of others stand where, by conduct. */
  standings(): Readonly<Record<Standing, number>>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Where scores outlive the process: read once, written at the end of a day and at an orderly stop. */
export type ScoreMemory = { load(): Promise<string | undefined>; save(text: string): Promise<void> };

export type ScoreboardParts = {
  readonly self: PeerId;
  readonly directory: Pick<Directory, "nodes" | "node">;
  readonly clock: Clock;
  readonly log: Log;
  readonly memory?: ScoreMemory;
  /** Copies that a chunk shall have: so many nodes are always trusted. */
  readonly target: number;
};

// A day of windows between two writings: an idle farm writes a few hundred bytes a vault once a day.
const windowsPerSave = 144;
const vaultsMax = 100_000;
const nobody: ReadonlySet<PeerId> = new Set();
const count = z.number().min(0);
const windowCount = z.object({ windows: count, answered: count });
const bookSchema: z.ZodType<ConductBook> = z.object({
  audits: count.max(1),
  // Absent from what an older node remembered: begun anew.
  shown: count.max(1).default(1),
  goodDays: count,
  silentWindows: count,
  today: z.object({ windows: count, answered: count, proven: count, failed: count }),
  days: z.array(windowCount.extend({ audits: count.max(1).optional() })).max(30),
});
const memorySchema = z.object({ format: z.literal(1), vaults: z.record(z.string(), bookSchema) });

/** A scoreboard that has seen nothing. */
export function createScoreboard(parts: ScoreboardParts): Scoreboard {
  const { self, directory, clock, log } = parts;
  const books = new Map<VaultName, ConductBook>();
  const faults = new Map<PeerId, Map<PeerFault, number>>();
  const watch = createConductWatch(log);
  let distrustedBefore: ReadonlySet<PeerId> = nobody;
  let timer: Timer | undefined;
  let windows = 0;
  let changed = false;
  // A node that is only told of is no member; one that is gone is none any more, but its absence counts.
  const others = () => directory.nodes().filter((node) => node.record.peerId !== self && !isStranger(node));
  const keep = (vault: VaultName, book: ConductBook): void => {
    if (!books.has(vault) && books.size >= vaultsMax) return;
    books.set(vault, book);
    changed = true;
    watch.note(vault, book);
  };
  const distrusted = (): ReadonlySet<PeerId> => {
    const before = distrustedBefore;
    distrustedBefore = !watch.doubts() ? nobody : distrustedOf(nodesIn(others(), books), parts.target);
    for (const peer of distrustedBefore)
      if (!before.has(peer)) log.warn("a node did not show what it claims to have: its copies are not counted any more", { peer });
    for (const peer of before) if (!distrustedBefore.has(peer)) log.info("a node's copies are counted again", { peer });
    return distrustedBefore;
  };
  const endWindow = (): void => {
    timer = clock.after(windowMs, endWindow);
    for (const { record, state } of others())
      for (const { name } of record.vaults) keep(name, afterWindow(books.get(name) ?? newBook, state === "live"));
    for (const peer of faults.keys()) if (directory.node(peer) === undefined) faults.delete(peer);
    windows += 1;
    if (windows % windowsPerSave === 0) void save();
  };
  const save = async (): Promise<void> => {
    if (!changed || parts.memory === undefined) return;
    changed = false;
    try {
      await parts.memory.save(JSON.stringify({ format: 1, vaults: Object.fromEntries(books) }));
    } catch (cause) {
      log.warn("what was seen of other vaults could not be written; it is kept in memory", { cause });
    }
  };
  const scores = (): readonly VaultScore[] =>
    others()
      .filter(({ state }) => state !== "gone")
      .flatMap(({ record }) => record.vaults.map(({ name }) => scoreIn(books.get(name) ?? newBook, record.peerId, name, faults)))
      .sort((a, b) => a.conduct - b.conduct || a.score - b.score);
  return {
    audited: (vault, verdict) => keep(vault, afterAudit(books.get(vault) ?? newBook, verdict)),
    fault: (peer, fault) => {
      if (directory.node(peer) === undefined) return;
      const known = faults.get(peer) ?? new Map<PeerFault, number>();
      known.set(fault, (known.get(fault) ?? 0) + 1);
      faults.set(peer, known);
    },
    scores,
    distrusted,
    falling: watch.falling,
    standings: () => {
      const counts: Record<Standing, number> = { good: 0, warned: 0, slower: 0, distrusted: 0, "no-new-chunks": 0, repaired: 0 };
      for (const { conduct } of scores()) counts[standingOf(conduct)] += 1;
      return counts;
    },
    start: async () => {
      for (const [vault, book] of await loadBooks(parts)) {
        books.set(vault, book);
        watch.remember(vault, book);
      }
      timer = clock.after(windowMs, endWindow);
    },
    stop: async () => {
      timer?.cancel();
      await save();
    },
  };
}

/** The nodes with vaults that are not gone, each by its worst vault. */
function nodesIn(nodes: readonly NodeView[], books: ReadonlyMap<VaultName, ConductBook>): readonly SeenNode[] {
  return nodes
    .filter(({ record, state }) => state !== "gone" && record.vaults.length > 0)
    .map(({ record: { peerId, vaults } }) => {
      const honesties = vaults.map(({ name }) => honestyOf(books.get(name) ?? newBook));
      return { peer: peerId, honesty: Math.min(...honesties) };
    });
}

function scoreIn(
  book: ConductBook,
  peer: PeerId,
  vault: VaultName,
  faults: ReadonlyMap<PeerId, ReadonlyMap<PeerFault, number>>,
): VaultScore {
  const facts = factsOf(book);
  const { goodDays } = facts;
  const counted = Object.fromEntries(faults.get(peer) ?? []);
  const seen = { score: scoreOf(facts), conduct: conductOf(facts), honesty: honestyOf(book) };
  return { peer, vault, ...seen, goodDays, age: ageOf(goodDays), faults: counted };
}

async function loadBooks({ memory, log }: ScoreboardParts): Promise<readonly [VaultName, ConductBook][]> {
  try {
    const text = await memory?.load();
    if (text === undefined) return [];
    const { vaults } = memorySchema.parse(JSON.parse(text));
    return Object.entries(vaults).flatMap(([text, book]): [VaultName, ConductBook][] => {
      const vault = parseAddress(text);
      return vault === undefined ? [] : [[vault, book]];
    });
  } catch (cause) {
    log.warn("what was seen of other vaults could not be read; it begins anew", { cause });
    return [];
  }
}
