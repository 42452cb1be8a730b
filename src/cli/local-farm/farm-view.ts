// A local farm as `status` shows it: read from its folder and asked from its members, whoever runs it.
import type { MembershipStatus } from "../../protocol/node-status.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { type LockHolder, lockHolder } from "./farm-lock.ts";
import type { FarmState } from "./farm-state.ts";
import { readNodeStatus } from "./member-health.ts";
import { readRunningMembers } from "./run-file.ts";

export type VaultLine = {
  readonly name: string;
  readonly state: string;
  readonly capacity: number;
  readonly used: number;
  readonly chunks: number;
};

/** A node as scripts see it. `state`: the process's phase, `down` without a process, `silent` where it does not answer. `admin`: where it takes signed commands. */
export type NodeLine = {
  /** As in the manifest's farm: names its log and its folder. */
  readonly name: string;
  readonly peerId: string | null;
  readonly pid: number | null;
  readonly state: string;
  readonly admin: string;
  readonly zone: string;
  readonly vaults: readonly VaultLine[];
  /** Who is confirmed, as this node sees it; absent where it does not answer. */
  readonly membership?: MembershipStatus;
};
export type GatewayLine = { readonly name: string; readonly url: string; readonly pid: number | null };

/** The agreed shape of `status --json`. */
export type FarmView = { readonly farm: string; readonly gateways: readonly GatewayLine[]; readonly nodes: readonly NodeLine[] };

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
  const nodes = await Promise.all(state.nodes.map((node) => viewNode(node, pidOf(node.name))));
  const gateways = state.gateways.map(({ name, port }) => ({ name, url: `http://127.0.0.1:${port}`, pid: pidOf(name) }));
  const vaults = state.nodes.length * state.vaultsPerNode;
  return { view: { farm: state.name, gateways, nodes }, declared: { vaults, bytes: vaults * state.vaultCapacity }, runBy: holder };
}

async function viewNode(node: FarmState["nodes"][number], pid: number | null): Promise<NodeLine> {
  const status = pid === null ? undefined : await readNodeStatus(node.ports.health);
  return {
    name: node.name,
    peerId: status?.peerId ?? node.peerId ?? null,
    pid,
    state: status?.state ?? (pid === null ? "down" : "silent"),
    admin: `http://127.0.0.1:${node.ports.admin}`,
    zone: node.zone,
    ...(status?.membership === undefined ? {} : { membership: status.membership }),
    vaults: (status?.vaults ?? []).map(({ name, state, capacity, used, chunks }) => ({ name, state, capacity, used, chunks })),
  };
}
