// Carries out what was planned for a local farm: each action becomes processes, folders or signed commands. The decisions are
// the plan's alone; every action can be cut short and repeated.
import type { CommandOutcome, CommandPlace, NodeCommander } from "../../operator/node-access/node-commander.ts";
import { type AskedNode, evidenceAfter, evidenceRefused, type ProveAction, takeStopLook } from "../../operator/node-access/stop-look.ts";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FarmBook } from "./farm-book.ts";
import type { LocalMembers } from "./local-members.ts";
import { localPlace } from "./member-health.ts";
import { placeGateway, placeNode } from "./member-places.ts";
import { nodeAddressOf } from "./member-settings.ts";
import type { MemberStarterParts } from "./member-starter.ts";

export type LocalHands = {
  readonly parts: Pick<MemberStarterParts, "folder" | "random" | "port" | "keys"> & {
    readonly clock: Clock;
    readonly onNews: (sentence: string) => void;
  };
  readonly book: FarmBook;
  readonly members: Omit<LocalMembers, "observe">;
  readonly commander: Pick<NodeCommander, "grant" | "tellPeers" | "setDesired" | "safeToStop" | "witnessStop" | "leave">;
};

/** Carries out the actions in their order; commands to nodes side by side. Rejects with the system's error. */
export async function carryOut(actions: readonly FarmAction[], hands: LocalHands): Promise<void> {
  const commands: Promise<void>[] = [];
  for (const action of actions) {
    if (action.kind === "grant-node" || action.kind === "tell-peers" || action.kind === "command-node")
      commands.push(command(action, hands));
    else await act(action, hands);
  }
  await Promise.all(commands);
  // Again, where it failed when a node was taken away: its folder stays until its going is on disk.
  await hands.members.record();
  for (const sentence of await hands.members.clearTaken()) hands.parts.onNews(sentence);
}

type Command = FarmAction & { readonly kind: "grant-node" | "tell-peers" | "command-node" };

async function act(action: Exclude<FarmAction, Command>, hands: LocalHands): Promise<void> {
  const { parts, book, members } = hands;
  switch (action.kind) {
    case "create-node":
      return book.addNode(await placeNode(book.state(), action.zone, parts.random));
    case "create-gateway":
      return book.addGateway(await placeGateway(book.state(), parts.random, parts.port));
    case "start-node":
      return members.startNode(action.name);
    case "start-gateway":
      return members.startGateway(action.name);
    case "stop-node":
      return stopNode(action.name, hands);
    case "stop-gateway":
      return members.stop(action.name);
    case "remove-gateway":
      return members.removeGateway(action.name);
    case "assign-node":
      return assignNode(action, hands);
    case "prove-node":
      return proveNode(action, hands);
    case "remove-node":
      return removeNode(action, hands);
    // found-network is done by the loop itself; folders have no size of their own.
    case "found-network":
    case "grow-volume":
    case "wait":
      return;
  }
}

async function removeNode({ name, volume }: FarmAction & { readonly kind: "remove-node" }, { parts, members }: LocalHands): Promise<void> {
  members.takeNode({ name, volume });
  // On disk before its folder is touched: a node without its folder must not be started again.
  await members.record();
  parts.onNews(`${name} was taken away; its folder is ${volume === "keep" ? `kept in ${parts.folder.kept}` : "deleted"}`);
}

async function assignNode(
  { name, assigned, why }: FarmAction & { readonly kind: "assign-node" },
  { parts, book }: LocalHands,
): Promise<void> {
  const { leaving, released } = assigned;
  const kept = { ...(leaving === undefined ? {} : { leaving }), ...(released === undefined ? {} : { released }) };
  book.changeNode(name, { assigned: kept, ...(leaving === undefined ? {} : { drainedByPlan: true }) });
  parts.onNews(`${name} ${released === true ? "goes" : leaving === undefined ? "stays" : "is to leave"}: ${why}`);
}

// One that goes for good is told so with what was proven, and tells the others: they need not wait for it to come back. Where
// it cannot be told, they find out in their own time. One that refuses knows better what is so there now: it runs on.
async function stopNode(name: string, { book, members, commander }: LocalHands): Promise<void> {
  const evidence = members.evidence(name);
  const at = placeOf(name, book);
  const pair = evidence?.second ?? evidence?.first;
  if (book.node(name)?.assigned?.released === true && evidence !== undefined && pair !== undefined && at !== undefined) {
    const told = await commander.leave(at, pair);
    if (!told.ok && told.reason === "refused") return members.setEvidence(name, evidenceRefused(evidence, told.why));
  }
  members.stop(name);
}

async function proveNode(action: ProveAction, { parts, book, members, commander }: LocalHands): Promise<void> {
  const asked = (name: string): readonly AskedNode[] => {
    const at = placeOf(name, book);
    // All on one machine: their hosts are not told apart.
    return at === undefined ? [] : [{ name, peerId: at.node, host: "", at }];
  };
  const [node] = asked(action.name);
  const look = await takeStopLook(action.purpose, { ...parts, commander, node, witnesses: action.among.flatMap(asked) });
  members.setEvidence(action.name, evidenceAfter(action, members.evidence(action.name), look));
}

// A command that fails stays in the plan and is tried again at the next look.
async function command(action: Command, hands: LocalHands): Promise<void> {
  const at = placeOf(action.name, hands.book);
  if (at !== undefined && (await send(action, at, hands)).ok) noteDone(action, hands);
}

function send(action: Command, at: CommandPlace, { book, commander }: LocalHands): Promise<CommandOutcome> {
  if (action.kind === "grant-node") return commander.grant({ ...at, node: action.peerId });
  if (action.kind === "command-node") return commander.setDesired(at, action.state);
  return commander.tellPeers(at, action.peers.flatMap((name) => book.node(name) ?? []).map(nodeAddressOf));
}

function noteDone(action: Command, { book, members }: LocalHands): void {
  if (action.kind === "grant-node") book.changeNode(action.name, { granted: true });
  if (action.kind === "tell-peers") members.noteTold(action.name, action.peers);
}

function placeOf(name: string, book: FarmBook): CommandPlace | undefined {
  const node = book.node(name);
  return node?.peerId === undefined ? undefined : localPlace(node.ports.admin, node.peerId);
}
