// What happened to nodes while the page was open: joins, leaves, returns; newest first.
import { byId, element } from "./element.ts";
import type { NodeNews } from "./network-view.ts";
import { shortId, timeText } from "./quantity.ts";

/** Lines kept. */
const linesMax = 100;

/** How a change of a node's state reads. */
export function newsText({ node, before, now }: NodeNews): string {
  const name = `Node ${shortId(node.peerId)}${node.zone === "" ? "" : ` in ${node.zone}`}`;
  if (now === "live") return before === undefined ? `${name} joined` : `${name} is back`;
  if (now === "away") return `${name} said it will be away for a while`;
  if (now === "suspected") return `${name} does not answer`;
  return `${name} is gone`;
}

/** Adds lines on top. */
export function addToLog(news: readonly NodeNews[], at: number): void {
  const log = byId("log", HTMLOListElement);
  byId("log-empty", HTMLElement).hidden = true;
  for (const item of news) {
    const time = element("time", { datetime: new Date(at).toISOString() }, timeText(at));
    const sign = element("i", { class: "dot", "data-state": item.now, "aria-hidden": "true" });
    log.prepend(element("li", {}, time, sign, element("span", {}, newsText(item))));
  }
  while (log.children.length > linesMax) log.lastElementChild?.remove();
}
