// A group of real vault node processes with one genesis and network key, without the command line around them: killed,
// frozen and started again one by one, each asked how it sees the others.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../src/protocol/bytes.ts";
import { createGenesis, type Genesis } from "../../src/protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "../../src/protocol/keys.ts";
import type { ProfileName } from "../../src/protocol/network-profile.ts";
import type { NodeAddress } from "../../src/protocol/node-record.ts";
import { type SuspicionStatus, suspicionStatus } from "../../src/protocol/suspicion-status.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { readConfig } from "../../src/vault-node/config.ts";
import { until } from "./deadline.ts";
import { startVaultNode, type VaultNodeProcess } from "./vault-node-process.ts";

/** Where a node listens, and the command that runs it there (none = here). */
export type NodeSeat = { readonly ip: string; readonly prefix: readonly string[] };

export type GroupNode = {
  readonly number: number;
  readonly seat: NodeSeat;
  process: VaultNodeProcess;
  peerId: string;
  health: number;
  addresses: readonly NodeAddress[];
};

export type NodeGroup = {
  readonly nodes: readonly GroupNode[];
  readonly genesis: Genesis;
  readonly owner: SigningKey;
  readonly networkKey: Uint8Array;
  readonly directory: string;
  /** How a node sees all. */
  views(node: GroupNode): Promise<SuspicionStatus["nodes"]>;
  metrics(node: GroupNode): Promise<string>;
  /** Resolves once each of `among` sees `count` nodes live and hears those it watches. */
  settled(among?: readonly GroupNode[]): Promise<void>;
  /** Starts a killed node again on its volume. */
  restart(node: GroupNode): Promise<void>;
  /** Kills all and removes the folder. */
  remove(): Promise<void>;
};

export type GroupOptions = {
  readonly count: number;
  readonly profile: ProfileName;
  readonly seat?: (number: number) => NodeSeat;
};

const mib = 2 ** 20;
const here: NodeSeat = { ip: "127.0.0.1", prefix: [] };
const settleMs = 60_000;

/** Starts the nodes and waits until all see each other live. */
export async function startNodeGroup({ count, profile, seat = () => here }: GroupOptions): Promise<NodeGroup> {
  const directory = await mkdtemp(join(tmpdir(), "vaultfarm-group-"));
  const owner = signingKeyFromSeed(systemRandom.bytes(32));
  const networkKey = systemRandom.bytes(32);
  const copies = { min: Math.min(4, count), target: Math.min(5, count), max: 8 };
  const genesis = createGenesis({ name: "group", copies, placeUnit: mib, createdAt: Date.now() }, owner);
  await writeFile(join(directory, "genesis"), genesis.bytes);
  await writeFile(join(directory, "network-key"), toHex(networkKey));
  await writeFile(join(directory, "peers"), "[]");
  const start = (number: number): VaultNodeProcess => startAt(directory, number, { profile, seat: seat(number) });
  const nodes: GroupNode[] = [];
  const views: NodeGroup["views"] = async (node) => suspicionStatus.parse(JSON.parse(await ask(node, "/v1/suspicions"))).nodes;
  const group: NodeGroup = {
    ...{ nodes, genesis, owner, networkKey, directory, views },
    metrics: (node) => ask(node, "/metrics"),
    settled: async (among = nodes) => {
      const isSettled = async (node: GroupNode): Promise<boolean> =>
        (await views(node).catch(() => [])).filter(({ state, hint }) => state === "live" && hint !== "silent" && hint !== "told").length ===
        count;
      await until("all see all live", async () => (await Promise.all(among.map(isSettled))).every(Boolean), settleMs);
    },
    restart: async (node) => {
      node.process = start(node.number);
      await running(node);
    },
    remove: async () => {
      for (const { process } of nodes) process.child.kill("SIGKILL");
      await Promise.all(nodes.map(({ process }) => process.ended));
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    for (let number = 0; number < count; number += 1) {
      const node: GroupNode = { number, seat: seat(number), process: start(number), peerId: "", health: 0, addresses: [] };
      nodes.push(node);
      await running(node);
      if (number === 0) await writeFile(join(directory, "peers"), JSON.stringify(node.addresses));
    }
    await group.settled();
  } catch (error) {
    await group.remove();
    throw error;
  }
  return group;
}

function startAt(directory: string, number: number, { profile, seat }: { profile: ProfileName; seat: NodeSeat }): VaultNodeProcess {
  const config = readConfig({
    VAULTFARM_DATA_DIR: join(directory, `node-${number}`),
    VAULTFARM_GENESIS_FILE: join(directory, "genesis"),
    VAULTFARM_NETWORK_KEY_FILE: join(directory, "network-key"),
    VAULTFARM_PEERS_FILE: join(directory, "peers"),
    VAULTFARM_VAULT_CAPACITY: String(64 * mib),
    VAULTFARM_FOUNDER: String(number === 0),
    VAULTFARM_LISTEN_IP: seat.ip,
    VAULTFARM_NETWORK_PROFILE: profile,
  });
  return startVaultNode({ ...config, ports: { libp2p: 0, lane: 0, heartbeat: 0, health: 0, admin: 0 } }, seat.prefix);
}

async function running(node: GroupNode): Promise<GroupNode> {
  const line = await node.process.said("the vault node runs");
  node.peerId = String(line["peerId"]);
  node.health = Number(line["health"]);
  node.addresses = line["addresses"] as readonly NodeAddress[];
  return node;
}

async function ask({ seat, health }: GroupNode, path: string): Promise<string> {
  const response = await fetch(`http://${seat.ip}:${health}${path}`, { signal: AbortSignal.timeout(5_000) });
  return response.text();
}
