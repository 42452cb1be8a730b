// The three figures above the map (nodes, copies, space), and the warnings.
import { byId, element, setText } from "./element.ts";
import { type CopiesView, membershipLevel, type NetworkView, spaceOf, warningsOf } from "./network-view.ts";
import { bytesText, countText } from "./quantity.ts";

/** Shows a view of the network in the figures. */
export function showFigures(view: NetworkView): void {
  setText(byId("network-name", HTMLElement), `the farm ${view.name}`);
  const id = byId("network-id", HTMLElement);
  setText(id, view.networkId);
  showNodes(view);
  showMembers(view);
  showCopies(view);
  showSpace(view);
}

function showNodes({ nodes }: NetworkView): void {
  const live = nodes.filter(({ state }) => state === "live").length;
  setText(byId("nodes-live", HTMLElement), `${live} of ${nodes.length} live`);
  const vaults = nodes.reduce((sum, node) => sum + node.vaults.length, 0);
  const zones = new Set(nodes.map(({ zone }) => zone).filter((zone) => zone !== "")).size;
  const spread = zones === 0 ? "" : ` in ${countText(zones, "zone", "zones")}`;
  setText(byId("nodes-detail", HTMLElement), `${countText(vaults, "vault", "vaults")}${spread}`);
}

/** Who counts for what is decided together, in words that need no colour. */
function showMembers({ membership }: NetworkView): void {
  const line = byId("members", HTMLElement);
  line.hidden = membership === null;
  if (membership === null) return;
  const sign = line.querySelector<HTMLElement>(".dot");
  if (sign !== null) sign.dataset["state"] = { good: "live", warn: "suspected", bad: "gone" }[membershipLevel(membership)];
  setText(byId("members-text", HTMLElement), membership.text);
}

function showCopies({ copies }: NetworkView): void {
  const { policy, lowest, belowMin, belowTarget, reporting } = copies;
  const figure = byId("copies-lowest", HTMLElement);
  setText(figure, lowest === null ? "none known yet" : `at least ${lowest}`);
  figure.dataset["level"] = belowMin > 0 ? "bad" : belowTarget > 0 ? "warn" : "good";
  const counted = reporting.nodes < reporting.of ? `counted by ${reporting.nodes} of ${reporting.of} nodes so far; ` : "";
  const scope = lowest === null ? "known once something is stored; " : counted;
  setText(byId("copies-detail", HTMLElement), `${scope}${policy.target} intended, stored with ${policy.min} or more`);
  showHistogram(copies);
}

/** One column for each number of live copies; what there is of is never drawn as nothing. */
function showHistogram({ histogram, policy }: CopiesView): void {
  const root = byId("copies-histogram", HTMLElement);
  const most = Math.max(1, ...histogram);
  while (root.children.length > histogram.length) root.lastElementChild?.remove();
  for (const [copies, chunks] of histogram.entries()) {
    const column = root.children[copies] ?? root.appendChild(createColumn());
    const last = copies === histogram.length - 1;
    if (!(column instanceof HTMLElement)) continue;
    column.dataset["level"] = copies < policy.min ? "bad" : copies < policy.target ? "warn" : "good";
    column.style.setProperty("--filled", chunks === 0 ? "0%" : `${Math.max(6, (chunks / most) * 100)}%`);
    const [count, , label, words] = column.children;
    if (count !== undefined) setText(count, chunks === 0 ? "" : String(chunks));
    if (label !== undefined) setText(label, `${copies}${last ? "+" : ""}`);
    if (words !== undefined) setText(words, `${countText(chunks, "chunk", "chunks")} with ${copies}${last ? " or more" : ""} live copies`);
    column.title = words?.textContent ?? "";
  }
}

function createColumn(): HTMLLIElement {
  const hidden = { "aria-hidden": "true" };
  const bar = element("span", { class: "column", ...hidden }, element("i", {}));
  return element(
    "li",
    {},
    element("span", { class: "count", ...hidden }),
    bar,
    element("span", hidden),
    element("span", { class: "unseen" }),
  );
}

function showSpace(view: NetworkView): void {
  const { capacity, used } = spaceOf(view);
  const share = capacity === 0 ? 0 : Math.min(1, used / capacity);
  setText(byId("space-used", HTMLElement), `${bytesText(used)} of ${bytesText(capacity)}`);
  const bar = byId("space-bar", HTMLElement);
  bar.dataset["level"] = share > 0.95 ? "bad" : share > 0.8 ? "warn" : "good";
  bar.style.setProperty("--filled", `${share * 100}%`);
  const room = Math.max(0, capacity - used) / view.copies.policy.target;
  setText(byId("space-detail", HTMLElement), `room for about ${bytesText(room)} more, in ${view.copies.policy.target} copies`);
}

/** Shows what a person should know. */
export function showWarnings(view: NetworkView): void {
  const root = byId("warnings", HTMLElement);
  const warnings = warningsOf(view);
  const text = warnings.map((warning) => warning.text).join("\n");
  // Rebuilt only on change: it is announced.
  if (root.dataset["text"] === text) return;
  root.dataset["text"] = text;
  root.replaceChildren(...warnings.map(({ level, text: words }) => element("p", { class: "notice", "data-level": level }, words)));
}
