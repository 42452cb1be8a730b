// Says in words where copies cannot be spread as they should: too few nodes take chunks, or too few in other zones. It is the same
// for all chunks: the rule counts the nodes of each zone, whatever the address (protocol/failure-domains.ts).

/** Where new copies fall short of the rule, in words; absent where they do not. */
export type SpreadShort = { readonly short: "nodes" | "zones"; readonly text: string };

export type SpreadFacts = {
  /** What `closest` says of a pick for writing. */
  readonly short: "none" | "nodes" | "zones";
  /** The zones of the chosen holders. */
  readonly chosen: readonly string[];
  /** The zone of each node that takes new chunks now. */
  readonly nodes: readonly string[];
  readonly target: number;
};

/** Undefined where the rule holds. Pure. */
export function spreadShort({ short, chosen, nodes, target }: SpreadFacts): SpreadShort | undefined {
  if (short === "none") return undefined;
  if (short === "nodes") {
    const take = nodes.length === 1 ? "node takes" : "nodes take";
    return { short, text: `only ${nodes.length} ${take} chunks now, so that none gets the intended ${target} copies` };
  }
  const perZone = countsOf(nodes);
  const fair = Math.ceil(target / Math.max(1, perZone.size));
  const small = [...perZone].filter(([, count]) => count < fair).sort(([a], [b]) => (a < b ? -1 : 1));
  const most = Math.max(0, ...countsOf(chosen).values());
  const why = small.slice(0, namedMax).map(([zone, count]) => `${zoneText(zone)} has ${count}`);
  const more = small.length > namedMax ? [`${small.length - namedMax} more have too few`] : [];
  return {
    short,
    text: `up to ${most} of the ${target} copies of a chunk share a zone (${fair} if nodes were spread evenly): of nodes that take chunks ${[...why, ...more].join(", ")}`,
  };
}

// Zones named at most.
const namedMax = 3;

function countsOf(zones: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(zones, (zone) => zone)].map(([zone, those]) => [zone, those.length]));
}

function zoneText(zone: string): string {
  return zone === "" ? "no zone" : `zone ${zone}`;
}
