// A local farm as `status` shows it: read from its folder and asked from its members, whoever runs it.
import type { PlanStep } from "../../operator/api/farm-status.ts";
import type { CopiesSummary, VaultView } from "../../protocol/network-view.ts";
import type { MembershipStatus, NodeStatus, SuspectStatus } from "../../protocol/node-status.ts";
import type { SeenFaults } from "../../protocol/peer-faults.ts";
import { readSeenFarm, type SeenFarm } from "./farm-copies.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { type LockHolder, lockHolder } from "./farm-lock.ts";
import type { FarmState } from "./farm-state.ts";
import { readLeavingSteps } from "./leaving-plan.ts";
import { readNodeStatus } from "./member-health.ts";
import { readRunningMembers } from "./run-file.ts";

/** A vault as its own node says it is, and as others see it. */
export type VaultLine = Omit<VaultView, "conduct">;

/** A node as scripts see it. `state`: the process's phase, `down` without a process, `silent` where it does not answer. `admin`: where it takes signed commands. */
export type NodeLine = {
  /** As in the manifest's farm: names its log and its folder. */
  readonly name: string;
  readonly peerId: string | null;
  readonly pid: number | null;
  readonly state: string;
  readonly admin: string;
  readonly zone: string;
  /** As a gateway sees it (live, away, suspected, gone; null where none answers), and how many nodes suspect it. */
  readonly seenAs: string | null;
  readonly suspectedBy: number;
  /** Why the nodes that answer route round it now (`closed`, `failed`, `silent`, `unseen`, `told`), and how many of them. */
  readonly causes: Readonly<Record<string, number>>;
  /** What others counted against it since their start, as a gateway tells; null where nothing. */
  readonly faults: SeenFaults | null;
  readonly vaults: readonly VaultLine[];
  /** Who is confirmed, as this node sees it; absent where it does not answer. */
  readonly membership?: MembershipStatus;
};
export type GatewayLine = { readonly name: string; readonly url: string; readonly pid: number | null };

/** The agreed shape of `status --json`. */
export type FarmView = {
  readonly farm: string;
  readonly gateways: readonly GatewayLine[];
  readonly nodes: readonly NodeLine[];
  /** As `GET /v1/network` of a gateway tells; null where none answers. */
  readonly copies: CopiesSummary | null;
  /** What is done about nodes that leave, and what it waits for; empty while none does. */
  readonly plan: readonly PlanStep[];
};

/** How a person sees a farm at a glance. `declared`: bytes of all its vaults, whether they run or not. */
export type FarmGlance = {
  readonly view: FarmView;
  readonly declared: { readonly vaults: number; readonly bytes: number };
  readonly runBy: LockHolder | undefined;
};

/** Looks at a farm. Members that do not answer in time are shown as such. */
export async function viewFarm(folder: FarmFolder, state: FarmState): Promise<FarmGlance> {
  const holder = await lockHolder(folder.lock);
  const running = await readRunningMembers(folder.run);
  const pidOf = (name: string): number | null => running.find((member) => member.name === name)?.pid ?? null;
  const answering = state.gateways.filter(({ name }) => pidOf(name) !== null).map(({ port }) => port);
  const [seen, statuses] = await Promise.all([
    readSeenFarm(answering),
    Promise.all(state.nodes.map(({ name, ports }) => (pidOf(name) === null ? undefined : readNodeStatus(ports.health)))),
  ]);
  const suspects = statuses.flatMap((status) => status?.suspects ?? []);
  const nodes = state.nodes.map((node, i) => viewNode(node, { pid: pidOf(node.name), status: statuses[i], seen, suspects }));
  const gateways = state.gateways.map(({ name, port }) => ({ name, url: `http://127.0.0.1:${port}`, pid: pidOf(name) }));
  const vaults = state.nodes.length * state.vaultsPerNode;
  const plan = await readLeavingSteps(folder, state, holder !== undefined);
  const view = { farm: state.name, gateways, nodes, copies: seen?.copies ?? null, plan };
  return { view, declared: { vaults, bytes: vaults * state.vaultCapacity }, runBy: holder };
}

type Answers = {
  readonly pid: number | null;
  readonly status: NodeStatus | undefined;
  readonly seen: SeenFarm | undefined;
  /** Whom the nodes that answer suspect. */
  readonly suspects: readonly SuspectStatus[];
};

function viewNode(node: FarmState["nodes"][number], { pid, status, seen, suspects }: Answers): NodeLine {
  const peerId = status?.peerId ?? node.peerId ?? null;
  const others = seen?.nodes.find((one) => one.peerId === peerId);
  const scoreOf = (vault: string): Pick<VaultLine, "score" | "standing" | "age"> => {
    const { score = null, standing = null, age = null } = others?.vaults.find(({ name }) => name === vault) ?? {};
    return { score, standing, age };
  };
  return {
    name: node.name,
    peerId,
    pid,
    state: status?.state ?? (pid === null ? "down" : "silent"),
    admin: `http://127.0.0.1:${node.ports.admin}`,
    zone: node.zone,
    ...(status?.membership === undefined ? {} : { membership: status.membership }),
    seenAs: others?.state ?? null,
    ...suspicionsOf(
      suspects.filter((suspect) => suspect.peerId === peerId),
      others?.suspectedBy.length ?? 0,
    ),
    faults: others?.faults ?? null,
    vaults: (status?.vaults ?? []).map(({ name, state, capacity, used, chunks }) => ({
      name,
      state,
      capacity,
      used,
      chunks,
      ...scoreOf(name),
    })),
  };
}

/**
 * How many nodes suspect one, and why: both by the same answers, where any node told. `seenBy`: how many a gateway knew of, which
 * hears of changes a moment later and knows no causes.
 */
export function suspicionsOf(suspects: readonly SuspectStatus[], seenBy: number): Pick<NodeLine, "suspectedBy" | "causes"> {
  const byCause = Map.groupBy(suspects, ({ cause }) => cause);
  const causes = Object.fromEntries([...byCause].map(([cause, those]) => [cause, those.length]));
  return { suspectedBy: suspects.length === 0 ? seenBy : suspects.length, causes };
}
