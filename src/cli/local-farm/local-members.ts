// The processes of a local farm beside what is remembered of them: looks at all of them at once, starts and stops them,
// and keeps `farm.json` and `run.json` in step with what it learns.
import { rm } from "node:fs/promises";
import { createFarmCounter, type FarmCounter } from "../../operator/node-access/farm-counter.ts";
import { withScores } from "../../operator/node-access/node-report.ts";
import { shouldRun } from "../../operator/vault-farm/node-roles.ts";
import type { ObservedFarm, ObservedGateway, ObservedNode, StopEvidence } from "../../operator/vault-farm/observed.ts";
import { createMembersTally, type MembersTold } from "../../operator/vault-farm/other-members.ts";
import type { NodeStatus } from "../../protocol/node-status.ts";
import { parsePeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FarmBook } from "./farm-book.ts";
import { type FarmState, type GatewayPlace, type NodePlace, type TakenNode, writeFarmState } from "./farm-state.ts";
import { gatewayIsReady, readNodeStatus } from "./member-health.ts";
import { createMemberProcess, type MemberProcess } from "./member-process.ts";
import { createMemberStarter, type MemberStarterParts } from "./member-starter.ts";
import { learnedOf, observedNode } from "./observed-node.ts";
import { writeRunningMembers } from "./run-file.ts";
import { clearTakenFolder } from "./taken-folders.ts";

export type LocalMembers = {
  /** Looks at all of them; whether the network is founded is not seen here. */
  observe(): Promise<Omit<ObservedFarm, "founded">>;
  startNode(name: string): Promise<void>;
  startGateway(name: string): Promise<void>;
  stop(name: string): void;
  /** Forgets a gateway that does not run, with its identity and cache. */
  removeGateway(name: string): Promise<void>;
  /** Takes a node that does not run out of the farm; its folder is cleared by `clearTaken`. */
  takeNode(node: TakenNode): void;
  /** Clears the folders of nodes taken away. A folder that cannot be cleared now stays for the next time; says why, where it is news. */
  clearTaken(): Promise<readonly string[]>;
  /** The node was told where these others listen. */
  noteTold(name: string, peers: readonly string[]): void;
  /** What is known of whether the node may be stopped; kept until the farm stops. */
  evidence(name: string): StopEvidence | undefined;
  setEvidence(name: string, evidence: StopEvidence): void;
  /** Writes down what changed since the last time. */
  record(): Promise<void>;
};

/** `onChange` is called when a process ended. */
export type LocalMembersParts = MemberStarterParts & { readonly clock: Clock; readonly onChange: () => void };

/** The members of the farm in `book`; nothing runs yet. */
export function createLocalMembers(parts: LocalMembersParts, book: FarmBook): LocalMembers {
  const starter = createMemberStarter(parts, book);
  const processes = new Map<string, MemberProcess>();
  const memory: Memory = { told: new Map(), evidence: new Map(), awaySinceMs: new Map(), counter: createFarmCounter() };
  const processOf = (name: string): MemberProcess => {
    const known = processes.get(name) ?? createMemberProcess(parts);
    processes.set(name, known);
    return known;
  };
  const observe = async (): Promise<Omit<ObservedFarm, "founded">> => {
    const { nodes, gateways } = book.state();
    const [statuses, gatewaysSeen] = await Promise.all([
      Promise.all(nodes.map(({ name, ports }) => (isUp(processOf(name)) ? readNodeStatus(ports.health) : undefined))),
      Promise.all(gateways.map((gateway) => observeGateway(gateway, processOf(gateway.name)))),
    ]);
    const seen = nodes.map((node, order) =>
      observeNode(node, { order, member: processOf(node.name), status: statuses[order] }, { parts, book, memory }),
    );
    const { networkId, copies } = parts.keys.genesis;
    const counting = seen.filter((node) => shouldRun(node) && node.awaySinceMs === undefined);
    const told = membersTold(networkId, statuses);
    const copiesOf = (node: ObservedNode): NodeStatus | undefined => statuses[seen.indexOf(node)];
    const look = { nodes: seen, counting, copiesOf, told, policy: copies };
    return {
      ...{ complete: true, networkId, replacingElsewhere: [], zones: [], gateways: gatewaysSeen },
      nodes: withScores(seen, statuses),
      ...memory.counter.take(look, parts.clock.monotonicMs()),
    };
  };
  return {
    observe,
    startNode: async (name) => {
      memory.told.set(name, await starter.startNode(name, processOf(name)));
    },
    startGateway: (name) => starter.startGateway(name, processOf(name)),
    stop: (name) => processOf(name).stop(),
    removeGateway: async (name) => {
      book.removeGateway(name);
      await rm(parts.folder.member("gateway", name).data, { recursive: true, force: true });
    },
    takeNode: (taken) => {
      book.takeNode(taken);
      for (const map of [processes, memory.told, memory.evidence, memory.awaySinceMs]) map.delete(taken.name);
    },
    clearTaken: createClearer(parts, book),
    noteTold: (name, peers) => memory.told.set(name, [...new Set([...(memory.told.get(name) ?? []), ...peers])]),
    evidence: (name) => memory.evidence.get(name),
    setEvidence: (name, evidence) => memory.evidence.set(name, evidence),
    record: createRecorder(parts, book, processes),
  };
}

// What is remembered between two looks; all of it is gathered anew at the next start.
type Memory = {
  readonly told: Map<string, readonly string[]>;
  readonly evidence: Map<string, StopEvidence>;
  readonly awaySinceMs: Map<string, number>;
  readonly counter: FarmCounter;
};

type Seen = { readonly order: number; readonly member: MemberProcess; readonly status: NodeStatus | undefined };

type Around = { readonly parts: LocalMembersParts; readonly book: FarmBook; readonly memory: Memory };

function observeNode(place: NodePlace, { order, member, status }: Seen, { parts, book, memory }: Around): ObservedNode {
  const { name } = place;
  const peerId = status?.networkId === parts.keys.genesis.networkId ? parsePeerId(status.peerId) : undefined;
  if (isUp(member)) member.noteReady(peerId !== undefined && status?.state === "ready");
  if (status !== undefined && peerId !== undefined) book.changeNode(name, { peerId, ...learnedOf(place, status) });
  const state = member.state();
  if (state.kind === "ready") memory.awaySinceMs.delete(name);
  else if (!memory.awaySinceMs.has(name)) memory.awaySinceMs.set(name, parts.clock.monotonicMs());
  const [evidence, awaySinceMs] = [memory.evidence.get(name), memory.awaySinceMs.get(name)];
  return observedNode(book.node(name) ?? place, {
    ...{ order, state, peersTold: memory.told.get(name) ?? [] },
    ...(status === undefined ? {} : { status }),
    ...(peerId === undefined ? {} : { peerId }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(awaySinceMs === undefined ? {} : { awaySinceMs }),
  });
}
async function observeGateway({ name, port }: GatewayPlace, member: MemberProcess): Promise<ObservedGateway> {
  if (isUp(member)) member.noteReady(await gatewayIsReady(port));
  return { name, state: member.state() };
}

function membersTold(networkId: string, statuses: readonly (NodeStatus | undefined)[]): MembersTold {
  const tally = createMembersTally(networkId);
  for (const status of statuses) if (status !== undefined) tally.add(status);
  return tally.told();
}

function isUp(member: MemberProcess): boolean {
  const { kind } = member.state();
  return kind === "starting" || kind === "ready";
}

function createRecorder(parts: LocalMembersParts, book: FarmBook, processes: ReadonlyMap<string, MemberProcess>): () => Promise<void> {
  // Written once in any case: what the manifest says may be all that is new.
  let written: { readonly state?: FarmState; readonly pids: string } = { pids: "" };
  return async () => {
    const running = [...processes].map(([name, member]) => ({ name, pid: member.pid() ?? 0 })).filter(({ pid }) => pid > 0);
    const now = { state: book.state(), pids: running.map(({ name, pid }) => `${name} ${pid}`).join() };
    if (written.state !== now.state) await writeFarmState(parts.folder, now.state);
    if (written.pids !== now.pids) await writeRunningMembers(parts.folder.run, running);
    written = now;
  };
}

function createClearer({ folder }: LocalMembersParts, book: FarmBook): () => Promise<readonly string[]> {
  const told = new Set<string>();
  return async () => {
    const news: string[] = [];
    for (const taken of book.state().taken ?? []) {
      const problem = await clearTakenFolder(folder, taken).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      if (problem === undefined) book.forgetTaken(taken.name);
      else if (!told.has(taken.name)) news.push(`the folder of ${taken.name} cannot be cleared, which is tried again: ${problem}`);
      told.add(taken.name);
    }
    return news;
  };
}
