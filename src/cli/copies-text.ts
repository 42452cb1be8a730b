// The lines of `status` about copies, healing and doubt: short, and silent about what is in order.
import { describeBytes } from "../operator/api/quantity.ts";
import type { CopiesSummary } from "../protocol/network-view.ts";
import type { FarmGlance, NodeLine } from "./local-farm/farm-view.ts";

/** Nothing where no gateway answers. `nowMs`: wall time. */
export function copiesText({ view }: FarmGlance, nowMs: number): readonly string[] {
  if (view.copies === null) return [];
  const healing = healingOf(view.copies, nowMs).map((text, i) => `  ${i === 0 ? "healing " : "        "}  ${text}`);
  const doubts = view.nodes.flatMap(doubtsOf).map((text, i) => `  ${i === 0 ? "doubts  " : "        "}  ${text}`);
  return [
    `  copies    ${countsOf(view.copies)}`,
    ...histogramOf(view.copies),
    ...spareOf(view.nodes, view.copies),
    ...spreadOf(view.copies),
    ...healing,
    ...doubts,
  ];
}

/** With exactly as many nodes as a chunk must have copies the next loss stops all storing (protocol 1: NoSpareNode). */
function spareOf(nodes: readonly NodeLine[], { policy }: CopiesSummary): readonly string[] {
  const ready = nodes.filter(({ state }) => state === "ready").length;
  return ready === policy.min ? ["  spare     no node: if one more goes, nothing can be stored until it returns"] : [];
}

function spreadOf({ spread }: CopiesSummary): readonly string[] {
  return spread === undefined ? [] : [`  spread    ${spread.text}`];
}

function countsOf({ policy, lowest, belowMin, belowTarget, histogram, reporting }: CopiesSummary): string {
  const partly = reporting.nodes < reporting.of ? ` (${reporting.nodes} of ${reporting.of} nodes have counted so far)` : "";
  if (lowest === null) return `nothing counted yet${partly}`;
  const all = histogram.reduce((total, chunks) => total + chunks, 0);
  // A gateway that knows its own chunks only has no histogram.
  if (belowTarget === 0) return `every chunk has ${policy.target} live copies${all === 0 ? "" : `: ${chunksText(all)}`}${partly}`;
  const min = belowMin === 0 ? `none below ${policy.min}` : `${belowMin} of them below ${policy.min}, the fewest ${lowest}`;
  return `${chunksText(belowTarget)} below target (${policy.target}), ${min}${partly}`;
}

/** How many chunks have how many live copies, without the empty columns; where all have enough the line above says it. */
function histogramOf({ histogram, belowTarget, policy }: CopiesSummary): readonly string[] {
  if (belowTarget === 0) return [];
  const columns = histogram.flatMap((chunks, copies) => {
    if (chunks === 0) return [];
    return [`${copies}${copies === policy.target ? " or more" : ""}: ${chunksText(chunks)}`];
  });
  return columns.length === 0 ? [] : [`            by live copies: ${columns.join(", ")}`];
}

function healingOf({ repair }: CopiesSummary, nowMs: number): readonly string[] {
  const now =
    repair.chunks === 0 ? [] : [`${chunksText(repair.chunks)}, ${describeBytes(repair.bytesLeft)}, about ${leftText(repair.etaMs)} left`];
  if (repair.waiting === 0) return now;
  const when =
    repair.dueAtMs === null || repair.dueAtMs <= nowMs
      ? "once the loss is certain and a node has room"
      : `in ${leftText(repair.dueAtMs - nowMs)} unless the silent node returns`;
  return [...now, `${chunksText(repair.waiting)} will be copied again ${when}`];
}

function doubtsOf({ name, seenAs, suspectedBy, causes, vaults }: NodeLine): readonly string[] {
  const why = Object.keys(causes).length === 0 ? "" : ` (${countedText(causes)})`;
  const suspected = suspectedBy === 0 ? [] : [`${name} is suspected by ${suspectedBy} ${suspectedBy === 1 ? "node" : "nodes"}${why}`];
  const goodbye = seenAs === "away" ? [`${name} said it is away`] : [];
  const poor = vaults.flatMap(({ name: vault, score, standing }) =>
    standing === null || standing === "good" ? [] : [`vault ${vault.slice(0, 8)} of ${name} is ${standing} (score ${score?.toFixed(2)})`],
  );
  return [...suspected, ...goodbye, ...poor];
}

/** Counts by kind in words, most first: `4 silent, 2 closed`. */
export function countedText(counts: Readonly<Record<string, number>>): string {
  const most = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  return most.map(([kind, count]) => `${count} ${kind}`).join(", ");
}

function chunksText(count: number): string {
  return `${count} ${count === 1 ? "chunk" : "chunks"}`;
}

function leftText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? "" : ` ${seconds % 60} s`}`;
}
