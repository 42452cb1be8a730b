// The metrics of membership certificates: who is confirmed, whether enough of them can be reached, and what came of proposals.
import type { Certificates } from "../network/membership/certificates/certificates.ts";
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
  registry.gaugeOf(
    { name: "vaultfarm_certificate_proposals", help: "Proposals of this node since its start, by what came of them", labels: ["outcome"] },
    () => Object.entries(counts()).map(([outcome, value]) => ({ labels: { outcome }, value })),
  );
}
