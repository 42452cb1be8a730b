// The processes of a local farm beside what is remembered of them: looks at all of them at once, starts and stops them,
// and keeps `farm.json` and `run.json` in step with what it learns.
import { rm } from "node:fs/promises";
import type { ObservedFarm, ObservedGateway, ObservedNode } from "../../operator/vault-farm/observed.ts";
import { parsePeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FarmBook } from "./farm-book.ts";
import { type GatewayPlace, type NodePlace, writeFarmState } from "./farm-state.ts";
import { gatewayIsReady, readNodeStatus } from "./member-health.ts";
import { createMemberProcess, type MemberProcess } from "./member-process.ts";
import { createMemberStarter, type MemberStarterParts } from "./member-starter.ts";
import { writeRunningMembers } from "./run-file.ts";

export type LocalMembers = {
  /** Looks at all of them; whether the network is founded is not seen here. */
  observe(): Promise<Omit<ObservedFarm, "founded">>;
  startNode(name: string): Promise<void>;
  startGateway(name: string): Promise<void>;
  stop(name: string): void;
  /** Forgets a gateway that does not run, with its identity and cache. */
  removeGateway(name: string): Promise<void>;
  /** The node was told where these others listen. */
  noteTold(name: string, peers: readonly string[]): void;
  /** Writes down what changed since the last time. */
  record(): Promise<void>;
};

/** `onChange` is called when a process ended. */
export type LocalMembersParts = MemberStarterParts & { readonly clock: Clock; readonly onChange: () => void };

/** The members of the farm in `book`; nothing runs yet. */
export function createLocalMembers(parts: LocalMembersParts, book: FarmBook): LocalMembers {
  const starter = createMemberStarter(parts, book);
  const processes = new Map<string, MemberProcess>();
  const told = new Map<string, readonly string[]>();
  const processOf = (name: string): MemberProcess => {
    const known = processes.get(name) ?? createMemberProcess(parts);
    processes.set(name, known);
    return known;
  };
  const observe = async (): Promise<Omit<ObservedFarm, "founded">> => {
    const { nodes, gateways } = book.state();
    const [nodesSeen, gatewaysSeen] = await Promise.all([
      Promise.all(nodes.map((node) => observeNode(node, processOf(node.name), { parts, book, told }))),
      Promise.all(gateways.map((gateway) => observeGateway(gateway, processOf(gateway.name)))),
    ]);
    return { complete: true, replacingElsewhere: false, zones: [], nodes: nodesSeen, gateways: gatewaysSeen };
  };
  return {
    observe,
    startNode: async (name) => {
      told.set(name, await starter.startNode(name, processOf(name)));
    },
    startGateway: (name) => starter.startGateway(name, processOf(name)),
    stop: (name) => processOf(name).stop(),
    removeGateway: async (name) => {
      book.removeGateway(name);
      await rm(parts.folder.member("gateway", name).data, { recursive: true, force: true });
    },
    noteTold: (name, peers) => told.set(name, [...new Set([...(told.get(name) ?? []), ...peers])]),
    record: createRecorder(parts, book, processes),
  };
}

type Memory = { readonly parts: LocalMembersParts; readonly book: FarmBook; readonly told: ReadonlyMap<string, readonly string[]> };

async function observeNode(node: NodePlace, member: MemberProcess, { parts, book, told }: Memory): Promise<ObservedNode> {
  const status = isUp(member) ? await readNodeStatus(node.ports.health) : undefined;
  const peerId = status?.networkId === parts.keys.genesis.networkId ? parsePeerId(status.peerId) : undefined;
  if (isUp(member)) member.noteReady(peerId !== undefined && status?.state === "ready");
  const granted = status?.granted ?? node.granted;
  if (peerId !== undefined) book.changeNode(node.name, { peerId, granted });
  const seen = { name: node.name, zone: node.zone, state: member.state(), granted, peersTold: told.get(node.name) ?? [] };
  return { ...everywhere, ...seen, ...(peerId === undefined ? {} : { peerId }) };
}

// What is the same for all nodes on this machine. Without a report nothing is taken away, and what a person told a node stays.
const everywhere = {
  addressed: true,
  host: "",
  hostState: "fine",
  createdMs: 0,
  byHand: false,
  desired: "Active",
  deleting: false,
  assigned: {},
  volume: "bound",
  volumeBytes: Number.POSITIVE_INFINITY,
} as const;

async function observeGateway({ name, port }: GatewayPlace, member: MemberProcess): Promise<ObservedGateway> {
  if (isUp(member)) member.noteReady(await gatewayIsReady(port));
  return { name, state: member.state() };
}

function isUp(member: MemberProcess): boolean {
  const { kind } = member.state();
  return kind === "starting" || kind === "ready";
}

function createRecorder(parts: LocalMembersParts, book: FarmBook, processes: ReadonlyMap<string, MemberProcess>): () => Promise<void> {
  let written = { state: book.state(), pids: "" };
  return async () => {
    const running = [...processes].map(([name, member]) => ({ name, pid: member.pid() ?? 0 })).filter(({ pid }) => pid > 0);
    const now = { state: book.state(), pids: running.map(({ name, pid }) => `${name} ${pid}`).join() };
    if (written.state !== now.state) await writeFarmState(parts.folder, now.state);
    if (written.pids !== now.pids) await writeRunningMembers(parts.folder.run, running);
    written = now;
  };
}
