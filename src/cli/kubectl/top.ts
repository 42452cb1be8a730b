// `kubectl vaultfarm top`: who holds how much, by node or by vault.
import { describeBytes } from "../../operator/api/quantity.ts";
import { vaultScoresOf } from "../../operator/node-access/node-report.ts";
import { type NodeStatus, nodeStatus } from "../../protocol/node-status.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import type { Output } from "../output.ts";
import { type Cluster, chooseFarm, listNodes, withCluster } from "./cluster.ts";
import { type FarmSeen, farmSeen, type NodeSeen } from "./farm-seen.ts";
import { askFarm, type LiveAnswers, unseenText } from "./live-farm.ts";
import { bytesOf, fullText, nodeTable } from "./node-table.ts";
import { rightsText } from "./rights.ts";
import type { ShowOptions } from "./show.ts";
import { tableText } from "./words.ts";

type SortKey = "used" | "chunks" | "score" | "name";
export type TopOptions = ShowOptions & { readonly sort: SortKey; readonly vaults?: boolean };

/** A vault as its own node and the others tell it. `score`: null where no other node has seen it. Bytes. */
type VaultSeen = NodeStatus["vaults"][number] & {
  readonly node: string;
  readonly zone: string;
  readonly host: string;
  readonly score: number | null;
};

/** Shows the nodes of a farm, or its vaults, the fullest first. Rejects with a `CommandError`. */
export async function top(world: CommandWorld, output: Output, name: string | undefined, options: TopOptions): Promise<void> {
  await withCluster(world, options, "top", async (cluster) => {
    const farm = await chooseFarm(cluster, name);
    const seen = farmSeen(farm, await listNodes(cluster, farm));
    const wide = options.output === "wide";
    if (options.vaults === true) return topVaults(world, output, cluster, { seen, sort: options.sort, wide });
    const sorted = seen.nodes.toSorted((a, b) => orders[options.sort](a, b));
    output.json({ farm: seen.name, nodes: sorted });
    output.line(nodeTable(sorted, { wide, nowMs: world.clock.wallMs() }));
  });
}

type VaultsAsked = { readonly seen: FarmSeen; readonly sort: SortKey; readonly wide: boolean };

async function topVaults({ clock }: CommandWorld, output: Output, cluster: Cluster, { seen, sort, wide }: VaultsAsked): Promise<void> {
  const live = await askFarm(cluster, clock, seen, "v1/status");
  const vaults = vaultsOf(seen, live).toSorted((a, b) => vaultOrders[sort](a, b));
  if (vaults.length === 0) throw noVaults(seen, live);
  output.json({ farm: seen.name, vaults, unseen: live.unseen });
  output.line(vaultTable(vaults, wide));
  if (!output.isJson && live.unseen.length > 0) output.note(`no vaults of ${unseenText(live)}`);
}

function noVaults({ name }: FarmSeen, { forbidden, unseen }: LiveAnswers): CommandError {
  if (forbidden !== null)
    return new CommandError(exitCodes.refused, "forbidden", `${forbidden}; top --vaults needs the rights: ${rightsText("top")}`);
  const why = unseen[0] === undefined ? "it has no pods" : `${unseen[0].pod}: ${unseen[0].why}`;
  const message = `no node of ${name} says what its vaults hold (${why}); see kubectl vaultfarm status ${name}`;
  return new CommandError(exitCodes.unreachable, "no-vaults", message);
}

/** The vaults of all nodes that answered. Pure. */
function vaultsOf({ nodes }: FarmSeen, { texts }: LiveAnswers): readonly VaultSeen[] {
  const statuses = nodes.flatMap(({ name, status: { pod } }) => {
    const status = readStatus(texts.get(pod ?? ""));
    return status === undefined ? [] : [{ name, status }];
  });
  const scores = vaultScoresOf(statuses.map(({ status }) => status));
  return statuses.flatMap(({ name: node, status: { zone, host, vaults } }) =>
    vaults.map((vault) => ({ ...vault, node, zone, host, score: scores.get(vault.name)?.score ?? null })),
  );
}

function readStatus(text: string | undefined): NodeStatus | undefined {
  try {
    const parsed = nodeStatus.safeParse(JSON.parse(text ?? ""));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const orders: Readonly<Record<SortKey, (a: NodeSeen, b: NodeSeen) => number>> = {
  used: (a, b) => bytesOf(b.status.used) - bytesOf(a.status.used),
  chunks: (a, b) => (b.status.chunks ?? -1) - (a.status.chunks ?? -1),
  score: (a, b) => Number(b.status.score ?? -1) - Number(a.status.score ?? -1),
  name: (a, b) => (a.name < b.name ? -1 : 1),
};

const vaultOrders: Readonly<Record<SortKey, (a: VaultSeen, b: VaultSeen) => number>> = {
  used: (a, b) => b.used - a.used,
  chunks: (a, b) => b.chunks - a.chunks,
  score: (a, b) => (b.score ?? -1) - (a.score ?? -1),
  name: (a, b) => (a.name < b.name ? -1 : 1),
};

/** Digits of a vault's name that tell the vaults of a farm apart, as in metrics. */
const nameDigits = 12;

function vaultTable(vaults: readonly VaultSeen[], wide: boolean): string {
  const more = (cells: readonly string[]): readonly string[] => (wide ? cells : []);
  const rows = vaults.map(({ name, node, state, used, capacity, chunks, score, zone, host }) => [
    wide ? name : name.slice(0, nameDigits),
    node,
    state,
    describeBytes(used),
    describeBytes(capacity),
    fullText(used, capacity),
    String(chunks),
    score === null ? "-" : score.toFixed(2),
    ...more([zone === "" ? "-" : zone, host === "" ? "-" : host]),
  ]);
  return tableText([["VAULT", "NODE", "STATE", "USED", "CAPACITY", "FULL", "CHUNKS", "SCORE", ...more(["ZONE", "HOST"])], ...rows]);
}
