// What happened to nodes while the page was open: joins, leaves, returns; newest first.
import { byId, element } from "./element.ts";
import type { CopiesView, NetworkView, NodeNews } from "./network-view.ts";
import { countText, shortId, timeText } from "./quantity.ts";

/** Lines kept. */
const linesMax = 100;

/** A line of the log; `state`: of a node, or good. */
export type LogLine = { readonly state: string; readonly text: string };

/** The line of a change of a node's state. */
export function lineOf(news: NodeNews): LogLine {
  return { state: news.now, text: newsText(news) };
}

/** What happened to the copies of the farm's chunks. */
export function copiesNews(before: CopiesView | undefined, after: CopiesView): readonly LogLine[] {
  if (before === undefined) return [];
  const lines: LogLine[] = [];
  if (before.belowTarget === 0 && after.belowTarget > 0)
    lines.push({ state: "suspected", text: `${countText(after.belowTarget, "chunk lacks", "chunks lack")} a copy` });
  if (before.repair.chunks === 0 && after.repair.chunks > 0) lines.push({ state: "away", text: "Copies are being made again" });
  if (before.belowTarget > 0 && after.belowTarget === 0 && after.lowest !== null)
    lines.push({ state: "live", text: `Whole again: every chunk has ${after.policy.target} live copies` });
  return lines;
}

/** What happened to the set of confirmed nodes. */
export function membershipNews(before: NetworkView["membership"], after: NetworkView["membership"]): readonly LogLine[] {
  if (before === null || after === null || before.sequence === 0) return [];
  const lines: LogLine[] = [];
  if (before.confirmed !== after.confirmed)
    lines.push({ state: "live", text: `${countText(after.confirmed, "node is", "nodes are")} confirmed now, before ${before.confirmed}` });
  if (before.state !== after.state && after.state === "partitioned") lines.push({ state: "suspected", text: `The farm is ${after.text}` });
  if (before.state === "partitioned" && after.state === "whole")
    lines.push({ state: "live", text: `No longer partitioned: ${after.text}` });
  return lines;
}

function newsText({ node, before, now }: NodeNews): string {
  const name = `Node ${shortId(node.peerId)}${node.zone === "" ? "" : ` in ${node.zone}`}`;
  if (now === "live") return before === undefined ? `${name} joined` : `${name} is back`;
  if (now === "away") return `${name} said it will be away for a while`;
  if (now === "suspected") return `${name} does not answer`;
  return `${name} is gone`;
}

/** Adds lines on top. */
export function addToLog(news: readonly LogLine[], at: number): void {
  const log = byId("log", HTMLOListElement);
  byId("log-empty", HTMLElement).hidden = true;
  for (const item of news) {
    const time = element("time", { datetime: new Date(at).toISOString() }, timeText(at));
    const sign = element("i", { class: "dot", "data-state": item.state, "aria-hidden": "true" });
    log.prepend(element("li", {}, time, sign, element("span", {}, item.text)));
  }
  while (log.children.length > linesMax) log.lastElementChild?.remove();
}
