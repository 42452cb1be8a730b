// A farm in words: the few lines after the start, and the table of `status`.
import { describeBytes } from "../operator/api/quantity.ts";
import type { FarmGlance, NodeLine } from "./local-farm/farm-view.ts";

/** What `up` says once everything runs. `dataFolder` as a person would write it. */
export function readyText({ view }: FarmGlance, dataFolder: string): string {
  const urls = view.gateways.map(({ url }) => url);
  const gateways = urls.length === 0 ? [] : [`  page      ${urls[0]}`, `  gateways  ${urls.join("  ")}`];
  const use = urls.length === 0 ? [] : ["  store     npx vaultfarm put FILE", "  read      npx vaultfarm get ADDRESS -o FILE"];
  return [
    headline({ view }, "is ready"),
    ...gateways,
    `  data      ${dataFolder}`,
    "",
    ...use,
    "  look      npx vaultfarm status",
    "  stop      Ctrl-C (the data stays)",
  ].join("\n");
}

/** What `status` says. */
export function statusText(glance: FarmGlance, dataFolder: string): string {
  const { view, runBy } = glance;
  const how = runBy === undefined ? "does not run (start it with: vaultfarm up)" : `is run by process ${runBy}`;
  const gateways = view.gateways.map(({ url, pid }) => `${url} ${pid === null ? "(down)" : `(process ${pid})`}`);
  return [
    headline(glance, how),
    `  gateways  ${gateways.join("  ") || "none"}`,
    `  data      ${dataFolder}`,
    "",
    ...columns([["NODE", "PROCESS", "STATE", "ZONE", "VAULTS", "USED", "CHUNKS"], ...view.nodes.map(nodeRow)]),
  ].join("\n");
}

function headline({ view }: Pick<FarmGlance, "view">, how: string): string {
  const ready = view.nodes.filter(({ state }) => state === "ready").length;
  const vaults = view.nodes.flatMap((node) => node.vaults);
  const declared = vaults.reduce((sum, { capacity }) => sum + capacity, 0);
  return `${view.farm} ${how}: ${ready} of ${view.nodes.length} nodes, ${vaults.length} vaults, ${describeBytes(declared)} declared`;
}

function nodeRow({ peerId, pid, state, zone, vaults }: NodeLine): readonly string[] {
  const used = vaults.reduce((sum, vault) => sum + vault.used, 0);
  const chunks = vaults.reduce((sum, vault) => sum + vault.chunks, 0);
  const odd = [...new Set(vaults.map((vault) => vault.state).filter((vaultState) => vaultState !== "active"))];
  const vaultText = `${vaults.length}${odd.length === 0 ? "" : ` (${odd.join(", ")})`}`;
  return [peerId ?? "not known yet", pid === null ? "-" : String(pid), state, zone || "-", vaultText, describeBytes(used), String(chunks)];
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows.reduce<number[]>((sizes, row) => row.map((cell, i) => Math.max(sizes[i] ?? 0, cell.length)), []);
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd());
}
