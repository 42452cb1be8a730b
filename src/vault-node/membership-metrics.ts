// The metrics of membership certificates: who is confirmed, whether enough of them can be reached, and what came of proposals.

import type { Directory } from "../network/directory.ts";
import type { Certificates } from "../network/membership/certificates/certificates.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { MetricsRegistry } from "../runtime/metrics-registry.ts";

/** Makes them; all are read at each scrape. Nothing where the node takes no part in certificates. */
export function registerMembershipFigures(
  registry: MetricsRegistry,
  certificates: Pick<Certificates, "status" | "counts"> | undefined,
): void {
  if (certificates === undefined) return;
  const { status, counts } = certificates;
  const one = (name: string, help: string, read: () => number): void =>
    registry.gaugeOf({ name, help, labels: [] }, () => [{ labels: {}, value: read() }]);
  one("vaultfarm_confirmed_nodes", "Nodes confirmed by certificate", () => status().confirmed);
  one("vaultfarm_confirmed_nodes_reachable", "Confirmed nodes that this one sees live, itself among them", () => status().reachable);
  one("vaultfarm_confirmed_nodes_needed", "Confirmed nodes that must sign a membership certificate", () => status().needed);
  one("vaultfarm_membership_sequence", "Number of the newest membership certificate, 0 before the first", () => status().sequence);
  one(
    "vaultfarm_membership_partitioned",
    "1 where too few confirmed nodes are reachable to change who is confirmed; chunks are served all the same",
    () => Number(status().state === "partitioned"),
  );
  one(
    "vaultfarm_group_losses_tolerated",
    "Holders of a record group that may be lost while it still takes writes",
    () => status().group.losses,
  );
  one(
    "vaultfarm_group_liars_tolerated",
    "Holders of a record group that may lie without harm; 0 below four confirmed nodes",
    () => status().group.liars,
  );
  registry.gaugeOf(
    { name: "vaultfarm_certificate_proposals", help: "Proposals of this node since its start, by what came of them", labels: ["outcome"] },
    () => Object.entries(counts()).map(([outcome, value]) => ({ labels: { outcome }, value })),
  );
}

/** Whether new copies can be spread as they should, as this node's directory sees it: the same for all chunks. */
export function registerSpreadFigures(
  registry: MetricsRegistry,
  { closest }: Pick<Directory, "closest">,
  genesis: Pick<Genesis, "networkId" | "copies">,
): void {
  registry.gaugeOf(
    {
      name: "vaultfarm_spread_short",
      help: "1 where new copies cannot be spread as they should: too few nodes take chunks, or too few in other zones",
      labels: ["why"],
    },
    () => {
      const { short } = closest(genesis.networkId, genesis.copies.target, "write");
      return (["nodes", "zones"] as const).map((why) => ({ labels: { why }, value: Number(short === why) }));
    },
  );
}
