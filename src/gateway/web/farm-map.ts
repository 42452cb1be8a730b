// The map: zones, in them nodes, in them vaults as cells that fill up. State is told by colour, shape and word alike.
import { element, setText } from "./element.ts";
import type { NetworkView, NodeView, VaultView } from "./network-view.ts";
import { bytesText, countText, shareText, shortId } from "./quantity.ts";

/** Above so many vaults the cells lose their text. */
const compactAbove = 96;

type NodeCard = { readonly root: HTMLLIElement; readonly update: (node: NodeView) => void };

export type FarmMap = { update(view: NetworkView): void };

/** Draws into `root`, keeping elements so that changes move softly and focus stays. */
export function createFarmMap(root: HTMLElement): FarmMap {
  const cards = new Map<string, NodeCard>();
  const zones = new Map<string, { readonly section: HTMLElement; readonly list: HTMLUListElement; readonly title: HTMLElement }>();
  const empty = root.querySelector(".empty");
  const zoneOf = (name: string): { section: HTMLElement; list: HTMLUListElement; title: HTMLElement } => {
    const known = zones.get(name);
    if (known !== undefined) return known;
    const title = element("h3", {});
    const list = element("ul", { class: "nodes" });
    const section = element("section", { class: "zone" }, title, list);
    zones.set(name, { section, list, title });
    return { section, list, title };
  };
  return {
    update: (view) => {
      empty?.toggleAttribute("hidden", view.nodes.length > 0);
      root.dataset["compact"] = String(view.nodes.reduce((sum, { vaults }) => sum + vaults.length, 0) > compactAbove);
      const byZone = Map.groupBy(view.nodes, ({ zone }) => zone);
      for (const [name, nodes] of byZone) {
        const { section, list, title } = zoneOf(name);
        const live = nodes.filter(({ state }) => state === "live").length;
        const label = name === "" ? (byZone.size === 1 ? "All nodes" : "Without a zone") : name;
        setText(title, `${label} · ${live} of ${nodes.length} live`);
        place(list, nodes, cards);
        if (!section.isConnected) root.append(section);
      }
      for (const [name, { section }] of zones) if (!byZone.has(name)) section.remove();
      const known = new Set(view.nodes.map(({ peerId }) => peerId));
      for (const [peerId, card] of cards) {
        if (known.has(peerId)) continue;
        card.root.remove();
        cards.delete(peerId);
      }
    },
  };
}

function place(list: HTMLUListElement, nodes: readonly NodeView[], cards: Map<string, NodeCard>): void {
  for (const [index, node] of nodes.entries()) {
    const card = cards.get(node.peerId) ?? createCard();
    cards.set(node.peerId, card);
    card.update(node);
    if (list.children[index] !== card.root) list.insertBefore(card.root, list.children[index] ?? null);
  }
}

function createCard(): NodeCard {
  const sign = element("i", { class: "dot", "aria-hidden": "true" });
  const name = element("code", { class: "node-name" });
  const state = element("span", { class: "node-state" });
  const where = element("span", { class: "quiet small node-where" });
  const doubt = element("span", { class: "small node-doubt" });
  const record = element("span", { class: "quiet small node-record" });
  const faults = element("span", { class: "quiet small node-faults" });
  const vaults = element("ul", { class: "vaults" });
  const root = element(
    "li",
    { class: "node" },
    element("div", { class: "node-head" }, sign, name, state),
    where,
    doubt,
    vaults,
    record,
    faults,
  );
  const cells: Cell[] = [];
  const update = (node: NodeView): void => {
    root.dataset["state"] = node.state;
    root.dataset["peer"] = node.peerId;
    root.title = node.peerId;
    sign.dataset["state"] = node.state;
    setText(name, shortId(node.peerId));
    setText(state, node.state);
    setText(where, node.address);
    setText(doubt, doubtText(node));
    setText(record, recordText(node));
    setText(faults, faultText(node));
    while (cells.length > node.vaults.length) cells.pop()?.root.remove();
    for (const [index, vault] of node.vaults.entries()) {
      const cell = cells[index] ?? createCell();
      if (cells[index] === undefined) {
        cells.push(cell);
        vaults.append(cell.root);
      }
      cell.update(vault, node.state);
    }
  };
  return { root, update };
}

/** Who does not hear a node, and whether that is certain. */
function doubtText({ state, suspectedBy, confirmed }: NodeView): string {
  if (state === "gone") return "";
  const by = suspectedBy.length === 0 ? [] : [`suspected by ${countText(suspectedBy.length, "node", "nodes")}`];
  const sure = state === "suspected" && confirmed ? ["confirmed"] : [];
  return [...by, ...sure].join(", ");
}

/** The worst of a node's vaults: score with its standing, and age. */
function recordText({ vaults }: NodeView): string {
  const seen = vaults.filter((vault): vault is VaultView & { score: number; age: number } => vault.score !== null && vault.age !== null);
  const [worst] = seen.toSorted((a, b) => a.score - b.score);
  if (worst === undefined) return "not scored yet";
  return `score ${worst.score.toFixed(2)} (${worst.standing}) · age ${worst.age}`;
}

/** What other nodes counted against it, most first; empty where nothing. */
function faultText({ faults }: NodeView): string {
  if (faults === undefined) return "";
  const counts = Object.entries(faults.counts).toSorted(([, a], [, b]) => b - a);
  const words = counts.map(([kind, count]) => `${count} ${kind}`).join(", ");
  return `faults: ${words} (counted by ${countText(faults.byNodes, "node", "nodes")})`;
}

type Cell = { readonly root: HTMLLIElement; readonly update: (vault: VaultView, nodeState: string) => void };

const vaultSigns: Readonly<Record<string, string>> = {
  joining: "↗",
  active: "",
  cordoned: "=",
  draining: "↘",
  fenced: "#",
  offline: "✕",
};

function createCell(): Cell {
  const level = element("span", { class: "level", "aria-hidden": "true" });
  const share = element("span", { class: "share", "aria-hidden": "true" });
  const words = element("span", { class: "unseen" });
  const root = element("li", { class: "vault" }, level, share, words);
  const update = (vault: VaultView, nodeState: string): void => {
    const filled = vault.capacity > 0 ? Math.min(1, vault.used / vault.capacity) : 0;
    const reachable = nodeState === "live";
    root.dataset["state"] = reachable ? vault.state : "unreachable";
    // Something stored is always visible, however little it is.
    root.style.setProperty("--filled", filled === 0 ? "0%" : `${Math.max(4, filled * 100)}%`);
    const doubtful = vault.standing !== null && vault.standing !== "good";
    root.dataset["standing"] = doubtful ? "bad" : "good";
    setText(share, reachable ? `${doubtful ? "!" : ""}${vaultSigns[vault.state] ?? "?"}${shareText(filled)}` : "✕");
    const scored = vault.score === null ? "" : `, score ${vault.score.toFixed(2)} (${vault.standing}), age ${vault.age}`;
    const text = `Vault ${shortId(vault.name)}: ${reachable ? vault.state : `node ${nodeState}`}, ${bytesText(vault.used)} of ${bytesText(vault.capacity)}, ${countText(vault.chunks, "chunk", "chunks")}${scored}`;
    setText(words, text);
    root.title = text;
  };
  return { root, update };
}
