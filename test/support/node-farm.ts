// A farm of real vault node processes without the command line, each with the settings a test wants, and a client beside
// them: for tests and benches that kill nodes for good or add some.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient } from "../../src/client/connect.ts";
import type { FarmClient } from "../../src/client/farm-client.ts";
import {
  type CommandKeys,
  type CommandPlace,
  createNodeCommander,
  type NodeCommander,
} from "../../src/operator/node-access/node-commander.ts";
import { parseAddress } from "../../src/protocol/address.ts";
import { adminSignatureHeader, signAdminRequest } from "../../src/protocol/admin-request.ts";
import { type MembershipStatement, signAsOwner } from "../../src/protocol/certificate.ts";
import { createGenesis, type Genesis } from "../../src/protocol/genesis.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import type { NodeAddress } from "../../src/protocol/node-record.ts";
import type { NodeStatus } from "../../src/protocol/node-status.ts";
import { type PeerId, parsePeerId, peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import { type SuspicionStatus, suspicionStatus } from "../../src/protocol/suspicion-status.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { readConfig, type VaultNodeConfig } from "../../src/vault-node/config.ts";
import { until } from "./deadline.ts";
import type { NodeSeat } from "./node-group.ts";
import { healthPortOf, startVaultNode, statusOf, type VaultNodeProcess } from "./vault-node-process.ts";

export type FarmNode = {
  readonly peer: PeerId;
  readonly health: number;
  status(): Promise<NodeStatus>;
  /** The value of a metric's one series, or the sum of all its series. */
  metric(name: string): Promise<number>;
  /** How it sees all others. */
  views(): Promise<SuspicionStatus["nodes"]>;
  /** Sends a signed admin command; resolves with status and parsed body. */
  command(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Where it takes commands. */
  readonly admin: CommandPlace;
  /** Where its volume lies. */
  readonly dataDir: string;
  readonly zone: string;
  /** Stops the process where it stands, and lets it go on. */
  freeze(): void;
  thaw(): void;
  /** Ends the process without warning. */
  kill(): Promise<void>;
  /** Ends it as an orderly stop does. */
  terminate(): Promise<void>;
};

export type NodeFarm = {
  readonly genesis: Genesis;
  readonly genesisFile: string;
  /** What commands its nodes as the command line and the operator do. */
  readonly keys: CommandKeys;
  readonly commander: NodeCommander;
  /** The owner's grant, with which another process may put. */
  grantFor(peer: PeerId): Uint8Array;
  /** Where its nodes listen, those that were killed among them. */
  readonly addresses: readonly NodeAddress[];
  readonly nodes: readonly FarmNode[];
  readonly client: FarmClient;
  /** Starts one more node with an empty volume, and other settings where it has some. */
  grow(change?: Partial<VaultNodeConfig>): Promise<FarmNode>;
  /** Starts one more node, which the owner granted nothing. Not among the nodes. */
  startStranger(): Promise<FarmNode>;
  /** Ends a node without warning and starts it again on its volume; the node as it is now, in its old place among the nodes. */
  restart(node: FarmNode): Promise<FarmNode>;
  /** Gives a node a membership certificate signed by the owner; without `previous` it is the first of the chain. */
  certify(
    node: FarmNode,
    statement: Omit<MembershipStatement, "previous"> & { readonly previous?: string },
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  remove(): Promise<void>;
};

export type NodeFarmOptions = Partial<
  Pick<VaultNodeConfig, "repairDelayMs" | "compareEveryMs" | "vaultCapacity" | "vaults" | "profile">
> & {
  readonly nodes: number;
  /** Labels dealt out to the nodes in turn; absent: none. */
  readonly zones?: readonly string[];
  /** Where each node runs; absent: all here. */
  readonly seat?: (number: number) => NodeSeat;
  /** Where the client listens, which every node must reach. */
  readonly clientIp?: string;
};

const mib = 1024 * 1024;
const owner = signingKeyFromSeed(systemRandom.bytes(32));
const freePorts = { libp2p: 0, lane: 0, heartbeat: 0, health: 0, admin: 0 };
/** Far from the numbers of the nodes, which its folder is named by too. */
const strangerNumber = 1_000;
const here: NodeSeat = { ip: "127.0.0.1", prefix: [] };

type Parts = {
  readonly folder: string;
  readonly genesis: Genesis;
  readonly options: NodeFarmOptions;
  readonly processes: VaultNodeProcess[];
  readonly addresses: NodeAddress[];
  /** Settings of single nodes that the others do not have. */
  readonly changes: Map<number, Partial<VaultNodeConfig>>;
};

/** A farm whose nodes have all met and may put. */
export async function startNodeFarm(options: NodeFarmOptions): Promise<NodeFarm> {
  const folder = await mkdtemp(join(tmpdir(), "node-farm-"));
  const capacity = options.vaultCapacity ?? 256 * mib;
  const copies = { min: 4, target: 5, max: 8 };
  const genesis = createGenesis({ name: "test", copies, placeUnit: capacity / 32, createdAt: systemClock.wallMs() }, owner);
  await writeFile(join(folder, "genesis"), genesis.bytes);
  const parts: Parts = {
    folder,
    genesis,
    options: { ...options, vaultCapacity: capacity },
    processes: [],
    addresses: [],
    changes: new Map(),
  };
  const nodes: FarmNode[] = [];
  for (let n = 0; n < options.nodes; n += 1) nodes.push(await startNode(parts, n));
  const client = await startClient(parts);
  await until(
    "the client has met every node",
    () => client.network().nodes.filter(({ state }) => state === "live").length === nodes.length,
  );
  const keys: CommandKeys = { genesis, owner, admin: owner };
  return {
    genesis,
    genesisFile: join(folder, "genesis"),
    keys,
    commander: createNodeCommander(keys, { clock: systemClock, random: systemRandom }),
    addresses: parts.addresses,
    nodes,
    client,
    grow: async (change = {}) => {
      parts.changes.set(nodes.length, change);
      const node = await startNode(parts, nodes.length);
      nodes.push(node);
      return node;
    },
    startStranger: () => startNode(parts, strangerNumber, false),
    restart: async (node) => {
      const number = nodes.indexOf(node);
      await node.kill();
      const again = await startNode(parts, number);
      nodes[number] = again;
      return again;
    },
    grantFor: (peerId) => createGrant(genesis, owner, { peerId, notAfterMs: 0 }),
    certify: (node, statement) => {
      const previous = parseAddress(statement.previous ?? genesis.networkId) ?? genesis.networkId;
      return node.command("PUT", "/v1/certificate", signAsOwner(genesis, owner, { ...statement, previous }).bytes);
    },
    remove: async () => {
      await client.stop();
      for (const { child } of parts.processes) child.kill("SIGKILL");
      await Promise.all(parts.processes.map(({ ended }) => ended));
      await rm(folder, { recursive: true });
    },
  };
}

async function startClient({ genesis, addresses, options }: Parts): Promise<FarmClient> {
  const seed = systemRandom.bytes(32);
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);
  return connectClient({
    seed,
    genesis,
    grant: createGrant(genesis, owner, { peerId, notAfterMs: 0 }),
    bootstrap: () => addresses,
    listen: { ip: options.clientIp ?? here.ip, libp2p: 0, lane: 0 },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
}

async function startNode(
  { folder, genesis, options, processes, addresses, changes }: Parts,
  number: number,
  isGranted = true,
): Promise<FarmNode> {
  const name = `node-${number}`;
  const peersFile = join(folder, `${name}.peers`);
  await writeFile(peersFile, JSON.stringify(addresses.slice(0, 4)));
  const settings = readConfig({
    VAULTFARM_DATA_DIR: join(folder, name),
    VAULTFARM_GENESIS_FILE: join(folder, "genesis"),
    VAULTFARM_VAULT_CAPACITY: String(options.vaultCapacity),
  });
  const { nodes: _count, zones = [], seat: seatOf = () => here, clientIp: _clientIp, ...change } = options;
  const seat = seatOf(number);
  const zone = zones[number % zones.length] ?? "";
  const process = startVaultNode(
    {
      ...settings,
      ports: freePorts,
      listenIp: seat.ip,
      peersFile,
      founder: number === 0,
      host: name,
      zone,
      stopGraceMs: 10_000,
      ...change,
      ...changes.get(number),
    },
    seat.prefix,
  );
  processes.push(process);
  const health = await healthPortOf(process);
  const first = await statusOf(health, seat.ip);
  const peer = parsePeerId(first.peerId);
  if (peer === undefined) throw new Error(`a node without a PeerId: ${first.peerId}`);
  addresses.push(...first.addresses);
  const node = nodeOf(genesis, process, { ip: seat.ip, peer, health, admin: first.ports.admin, zone, dataDir: settings.dataDir });
  if (isGranted) await node.command("PUT", "/v1/grant", createGrant(genesis, owner, { peerId: peer, notAfterMs: 0 }));
  await until(`${name} is ready`, async () => (await node.status()).state === "ready");
  return node;
}

type Reached = {
  readonly ip: string;
  readonly peer: PeerId;
  readonly health: number;
  readonly admin: number;
  readonly zone: string;
  readonly dataDir: string;
};

function nodeOf(genesis: Genesis, { child, ended }: VaultNodeProcess, { ip, peer, health, admin, zone, dataDir }: Reached): FarmNode {
  const command: FarmNode["command"] = async (method, path, content) => {
    const body = content instanceof Uint8Array ? content : Buffer.from(content === undefined ? "" : JSON.stringify(content));
    const terms = { node: peer, nonce: systemRandom.bytes(16), notAfterMs: systemClock.wallMs() + 15_000 };
    const header = signAdminRequest(genesis.networkId, owner, { method, path, body }, terms);
    const answer = await fetch(`http://${ip}:${admin}${path}`, {
      method,
      headers: { [adminSignatureHeader]: header },
      ...(method === "GET" ? {} : { body: Buffer.from(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return {
    peer,
    health,
    zone,
    dataDir,
    status: () => statusOf(health, ip),
    metric: async (name) => {
      const text = await (await fetch(`http://${ip}:${health}/metrics`)).text();
      const series = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
      return series.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
    views: async () => suspicionStatus.parse(await (await fetch(`http://${ip}:${health}/v1/suspicions`)).json()).nodes,
    command,
    admin: { ip, port: admin, node: peer },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    terminate: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
