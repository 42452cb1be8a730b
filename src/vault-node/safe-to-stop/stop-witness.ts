// The second source: checks another node's statement by itself. It compares that node's range digests with those of each other
// holder, counts the copies that would be left, and has the holders of some chunks show them. Where that cannot be (an older node, no
// copies to spare, too much missing) it fetches the inventory and counts all.
import type { Address } from "../../protocol/address.ts";
import { hash } from "../../protocol/hash.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { copiesNeeded, createInventoryRoot, readStopStatement, type StopStatement, signStopWitness } from "../../protocol/safe-to-stop.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import { copiesWithout, countStayers } from "./copies-without.ts";
import type { LeaverComparisonParts } from "./leaver-comparison.ts";
import { listedChunks } from "./list-chunks.ts";
import { atMinMax, lookByRanges, type Seen, sampleSize } from "./look-by-ranges.ts";
import { type Claim, countUnshown, type StopAuditParts } from "./stop-audit.ts";
import { digestAround, noteAround, type StopStatementParts } from "./stop-statement.ts";

export type StopWitnessParts = StopStatementParts &
  StopAuditParts &
  LeaverComparisonParts & {
    readonly store: StopStatementParts["store"] & StopAuditParts["store"];
    readonly random: Random;
    readonly log: Log;
  };

// A node that lists more than it stated is not followed further than this.
const listedSlack = 4_096;

/** The signed word on a statement; undefined where it is no statement of a node known here. Rejects where that node does not answer. */
export async function witnessStop(parts: StopWitnessParts, bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { genesis, directory, view, clock, key } = parts;
  const read = readStopStatement(genesis.networkId, bytes);
  if (!read.ok || directory.node(read.value.node) === undefined || read.value.node === parts.peers.self) return undefined;
  const statement = read.value;
  const needed = copiesNeeded(statement.purpose, genesis.copies, countStayers(directory, view, statement.node));
  const { claims, overflow, ...seen } = await look(parts, statement, needed, signal);
  const unshown = await countUnshown(parts, claims, { from: statement.node, needed }, signal);
  return signStopWitness(genesis.networkId, key, {
    ...seen,
    statement: hash(bytes),
    audited: claims.length + overflow,
    failed: unshown + overflow,
    statedAtMs: clock.wallMs(),
  });
}

async function look(parts: StopWitnessParts, statement: StopStatement, needed: number, signal: AbortSignal): Promise<Seen> {
  const { node } = statement;
  const compared = await lookByRanges(parts, { node, needed }, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    parts.log.debug("a node's range digests could not be compared: its chunks are listed", { node, cause });
    return undefined;
  });
  return compared ?? lookThrough(parts, statement, needed, signal);
}

async function lookThrough(
  parts: StopWitnessParts,
  { node, count: stated }: StopStatement,
  needed: number,
  signal: AbortSignal,
): Promise<Seen> {
  const { genesis, peers, questionTimeoutMs } = parts;
  const root = createInventoryRoot();
  const around = new Set<PeerId>();
  const sample = createSample(parts.random);
  let [count, short] = [0, 0];
  for await (const page of listedChunks({ peers, timeoutMs: questionTimeoutMs }, node, stated + listedSlack, signal)) {
    noteAround(parts, page, around);
    for (const [address, holders] of await copiesWithout({ ...parts, policy: genesis.copies }, page, node, signal)) {
      root.add(address);
      count += 1;
      if (holders.length < needed) short += 1;
      sample.see({ address, holders }, holders.length === genesis.copies.min);
    }
  }
  return { membership: digestAround(parts, around, node), inventory: root.end(), count, short, ...sample.end() };
}

type Sample = { see(claim: Claim, atMin: boolean): void; end(): { readonly claims: readonly Claim[]; readonly overflow: number } };

/** All chunks at exactly min, and some others, each with the same chance (reservoir sampling, algorithm R, J. Vitter 1985). */
function createSample(random: Random): Sample {
  const atMin = new Map<Address, Claim>();
  const drawn: Claim[] = [];
  let [seen, overflow] = [0, 0];
  return {
    see: (claim, isAtMin) => {
      seen += 1;
      if (isAtMin && atMin.size < atMinMax) atMin.set(claim.address, claim);
      else if (isAtMin) overflow += 1;
      const place = drawn.length < sampleSize ? drawn.length : Math.floor(random.fraction() * seen);
      if (place < sampleSize) drawn[place] = claim;
    },
    end: () => ({ claims: [...atMin.values(), ...drawn.filter(({ address }) => !atMin.has(address))], overflow }),
  };
}
