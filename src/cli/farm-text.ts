// A farm in words: the few lines after the start, and the table of `status`.
import { relative } from "node:path";
import { describeBytes } from "../operator/api/quantity.ts";
import { standings } from "../protocol/standing.ts";
import type { CommandWorld } from "./command-world.ts";
import { copiesText, countedText } from "./copies-text.ts";
import type { FarmGlance, FarmView, NodeLine } from "./local-farm/farm-view.ts";

/** What `up` says once everything runs. `dataFolder` as a person would write it. */
export function readyText(glance: FarmGlance, dataFolder: string): string {
  const urls = glance.view.gateways.map(({ url }) => url);
  const gateways = urls.length === 0 ? [] : [`  page      ${urls[0]}`, `  gateways  ${urls.join("  ")}`];
  const use = urls.length === 0 ? [] : ["  store     npx vaultfarm put FILE", "  read      npx vaultfarm get ADDRESS -o FILE"];
  return [
    headline(glance, "is ready"),
    ...gateways,
    `  data      ${dataFolder}`,
    "",
    ...use,
    "  look      npx vaultfarm status",
    "  stop      Ctrl-C (the data stays)",
  ].join("\n");
}

/** For a terminal of `lineMax` characters the ids of nodes are shortened where they do not fit; `nowMs`: wall time; `wide`: with each vault and the faults. */
export type StatusPlace = {
  readonly dataFolder: string;
  readonly nowMs: number;
  readonly lineMax?: number | undefined;
  readonly wide?: boolean;
};

/** Where and when `status` speaks: the folder as a person would write it, the time, the terminal. */
export function statusPlace({ workFolder, clock, outColumns }: CommandWorld, root: string): StatusPlace {
  return { dataFolder: relative(workFolder, root) || root, nowMs: clock.wallMs(), lineMax: outColumns };
}

/** What `status` says. */
export function statusText(
  glance: FarmGlance,
  { dataFolder, nowMs, lineMax = Number.POSITIVE_INFINITY, wide = false }: StatusPlace,
): string {
  const { gateways, nodes } = glance.view;
  const named = gateways.map(({ url, pid }) => `${url} ${pid === null ? "(down)" : `(process ${pid})`}`);
  const whole = nodeTable(nodes, (peerId) => peerId);
  const fits = whole.every((line) => line.length <= lineMax);
  return [
    headline(glance, howItRuns(glance)),
    ...(named.length === 0 ? ["none"] : named).map((text, i) => `  ${i === 0 ? "gateways" : "        "}  ${text}`),
    ...membersLine(nodes),
    `  data      ${dataFolder}`,
    ...copiesText(glance, nowMs),
    ...leavingText(glance),
    "",
    ...(fits || wide ? whole : nodeTable(nodes, shortened)),
    ...(wide ? ["", ...vaultTable(nodes), "", ...faultLines(nodes)] : []),
  ].join("\n");
}

/** What the nodes say of who is confirmed; more than one answer where the farm is cut in two. */
function membersLine(nodes: readonly NodeLine[]): readonly string[] {
  const said = [...new Set(nodes.flatMap(({ membership }) => (membership === undefined ? [] : [membership.text])))];
  return said.length === 0 ? [] : [`  members   ${said.join("; ")}`];
}

function leavingText({ view }: FarmGlance): readonly string[] {
  return leavingLines(view.plan).map((line, i) => `  ${i === 0 ? "leaving " : "        "}  ${line}`);
}

/** One line a node that leaves: what is waited for, or else done. Its steps come in that order, and each names the reason anew. */
export function leavingLines(plan: FarmView["plan"]): readonly string[] {
  const last = new Map(plan.map(({ node = "", why }) => [node, why]));
  return [...last].map(([node, why]) => `${node}: ${why}`);
}

function howItRuns({ runBy }: FarmGlance): string {
  if (runBy === undefined) return "does not run (start it with: vaultfarm up)";
  return runBy.stopping ? `is being stopped by process ${runBy.pid}` : `is run by process ${runBy.pid}`;
}

function headline({ view, declared }: FarmGlance, how: string): string {
  const ready = view.nodes.filter(({ state }) => state === "ready").length;
  return `${view.farm} ${how}: ${ready} of ${view.nodes.length} nodes, ${declared.vaults} vaults, ${describeBytes(declared.bytes)} declared`;
}

function nodeTable(nodes: readonly NodeLine[], write: (peerId: string) => string): readonly string[] {
  const zoned = nodes.some(({ zone }) => zone !== "");
  const zone = (text: string): readonly string[] => (zoned ? [text] : []);
  const scored = nodes.some(({ vaults }) => vaults.some((vault) => vault.score !== null));
  const score = (text: string): readonly string[] => (scored ? [text] : []);
  const row = (node: NodeLine): readonly string[] => {
    const [vaults, used, chunks] = contents(node);
    const { name, pid, state, peerId } = node;
    return [
      name,
      String(pid ?? "-"),
      state,
      ...zone(node.zone || "-"),
      vaults,
      used,
      chunks,
      ...score(scoresOf(node)),
      peerId === null ? "not known yet" : write(peerId),
    ];
  };
  return columns([
    ["NODE", "PROCESS", "STATE", ...zone("ZONE"), "VAULTS", "USED", "CHUNKS", ...score("SCORE"), "PEER ID"],
    ...nodes.map(row),
  ]);
}

/** Vaults (with the states that are not the usual one), bytes and chunks; a node that does not answer tells none of them. */
function contents({ vaults }: NodeLine): readonly [string, string, string] {
  if (vaults.length === 0) return ["-", "-", "-"];
  const sum = (of: "used" | "chunks"): number => vaults.reduce((total, vault) => total + vault[of], 0);
  const odd = [...new Set(vaults.map(({ state }) => state).filter((state) => state !== "active"))];
  const text = `${vaults.length}${odd.length === 0 ? "" : ` (${odd.join(", ")})`}`;
  return [text, describeBytes(sum("used")), String(sum("chunks"))];
}

/** The scores of a node's vaults, lowest to highest, and the standing of the worst; a dash where nobody has seen them yet. */
function scoresOf({ vaults }: NodeLine): string {
  const [worst, ...others] = vaults.filter(({ score }) => score !== null).toSorted((a, b) => (a.score ?? 0) - (b.score ?? 0));
  if (worst === undefined) return "-";
  const [lowest, highest] = [worst, others.at(-1) ?? worst].map(({ score }) => score?.toFixed(2));
  const standing = standings.findLast((one) => vaults.some((vault) => vault.standing === one)) ?? "";
  return `${lowest === highest ? lowest : `${lowest}-${highest}`} ${standing}`.trimEnd();
}

/** One line a vault: what it holds, and its score. */
function vaultTable(nodes: readonly NodeLine[]): readonly string[] {
  const rows = nodes.flatMap(({ name: node, vaults }) =>
    vaults.map(({ name, state, used, capacity, chunks, score, standing, age }) => [
      ...[name.slice(0, 8), node, state, `${describeBytes(used)} of ${describeBytes(capacity)}`, String(chunks)],
      ...[score?.toFixed(2) ?? "-", standing ?? "-", age === null ? "-" : String(age)],
    ]),
  );
  return columns([["VAULT", "NODE", "STATE", "USED", "CHUNKS", "SCORE", "STANDING", "AGE"], ...rows]);
}

/** What nodes counted against each other. */
function faultLines(nodes: readonly NodeLine[]): readonly string[] {
  const rows = nodes.flatMap(({ name, faults }) => (faults === null ? [] : [[name, String(faults.byNodes), countedText(faults.counts)]]));
  return rows.length === 0 ? ["  no node counted a fault of another"] : columns([["NODE", "COUNTED BY", "FAULTS"], ...rows]);
}

// The end of an id tells nodes apart, as on the page: all begin alike.
function shortened(peerId: string): string {
  return `…${peerId.slice(-6)}`;
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows.reduce<number[]>((sizes, row) => row.map((cell, i) => Math.max(sizes[i] ?? 0, cell.length)), []);
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}
