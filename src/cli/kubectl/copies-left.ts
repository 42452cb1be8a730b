// How much a farm still has to copy and how long that takes, out of what its nodes count at this moment. Pure.

/** Copies that a node is about to make: for a node that drains or was lost, and for vaults that join. */
export type NodeCopies = { readonly node: string; readonly copies: number; readonly bytes: number; readonly estimateSeconds: number };

/** Nodes copy side by side, so the slowest of them says how long it takes. */
export type CopiesLeft = Omit<NodeCopies, "node"> & { readonly nodes: readonly NodeCopies[] };

/** What `texts`, the metrics of each node, say together. A node that counts no copies yet is left out. */
export function copiesLeft(texts: ReadonlyMap<string, string>): CopiesLeft {
  const nodes = [...texts].flatMap(([node, text]) => nodeCopies(node, text) ?? []).toSorted((a, b) => b.bytes - a.bytes);
  const sum = (of: "copies" | "bytes"): number => nodes.reduce((total, one) => total + one[of], 0);
  const estimateSeconds = Math.max(0, ...nodes.map((one) => one.estimateSeconds));
  return { copies: sum("copies"), bytes: sum("bytes"), estimateSeconds, nodes };
}

function nodeCopies(node: string, text: string): NodeCopies | undefined {
  const bytes = sumOf(text, "vaultfarm_copies_waiting_bytes");
  if (bytes === undefined) return undefined;
  const copies = (sumOf(text, "vaultfarm_below_target_copies") ?? 0) + (sumOf(text, "vaultfarm_placement_copies") ?? 0);
  return { node, copies, bytes, estimateSeconds: Math.ceil(sumOf(text, "vaultfarm_repair_eta_seconds") ?? 0) };
}

/** The sum of a metric's series in Prometheus text; undefined where it has none. */
function sumOf(text: string, name: string): number | undefined {
  const series = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, "gm"))];
  const values = series.map((found) => Number(found[1])).filter(Number.isFinite);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
