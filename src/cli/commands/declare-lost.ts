// `vaultfarm declare-lost NODE…`: the owner's word that nodes are gone for good, for a farm that lost half of its confirmed
// nodes or more and can change nothing by itself any more. Says what it assumes; chunks do not wait for it.
import { resolve } from "node:path";
import { createNodeCommander } from "../../operator/node-access/node-commander.ts";
import { parseAddress } from "../../protocol/address.ts";
import { type MembershipStatement, quorumOf, signAsOwner } from "../../protocol/certificate.ts";
import type { MembershipStatus, NodeStatus } from "../../protocol/node-status.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { chooseNode } from "../local-farm/drain-farm.ts";
import { FarmError } from "../local-farm/farm-error.ts";
import { readFarmKeys } from "../local-farm/farm-keys.ts";
import type { FarmState, NodePlace } from "../local-farm/farm-state.ts";
import { findFarm } from "../local-farm/find-farm.ts";
import { localPlace, readNodeStatus } from "../local-farm/member-health.ts";
import type { Output } from "../output.ts";
import type { FarmChoice } from "./down.ts";

export type DeclareLostOptions = FarmChoice & {
  /** Say what it would assume, sign nothing. */
  readonly dryRun?: boolean;
};

type Answering = { readonly place: NodePlace; readonly status: NodeStatus };
/** One that knows a certificate. */
type Member = { readonly place: NodePlace; readonly peerId: PeerId; readonly membership: MembershipStatus };

/** Declares nodes lost. Rejects with a `CommandError` where one is unknown or answers, or a node refuses; with a `FarmError` where none that runs knows a certificate. */
export async function declareLost(
  world: CommandWorld,
  output: Output,
  names: readonly string[],
  options: DeclareLostOptions,
): Promise<void> {
  const { folder, state } = await findFarm(resolve(world.workFolder, options.data), options.name);
  const lost = [...new Map(names.map((name) => namedNode(state, name)).map((node) => [node.name, node])).values()];
  const answering = await answeringNodes(state.nodes);
  const lives = lost.find(({ name }) => answering.some(({ place }) => place.name === name));
  if (lives !== undefined)
    throw new CommandError(exitCodes.refused, "not-lost", `${lives.name} answers: it is not lost; nothing was signed`);
  const [best] = answering.flatMap(memberOf).toSorted((a, b) => b.membership.sequence - a.membership.sequence);
  const previous = best === undefined ? undefined : parseAddress(best.membership.head);
  if (best === undefined || previous === undefined)
    throw new FarmError("not-running", `no node of ${state.name} that knows a membership certificate answers; start it with: vaultfarm up`);
  const leaving = lost.map(({ peerId }) => peerId).sort();
  const statement: MembershipStatement = { sequence: best.membership.sequence + 1, previous, joining: [], leaving };
  const assumes = assumptions(best.membership, lost);
  for (const text of [`${state.name}: these nodes are declared lost for good, which assumes that`, ...assumes.map((one) => `  - ${one}`)])
    output.line(text);
  const answer = { farm: state.name, lost: lost.map(({ name, peerId }) => ({ name, peerId })), assumes };
  if (options.dryRun === true) {
    output.line("nothing was signed (--dry-run)");
    return output.json({ ...answer, signed: false });
  }
  const keys = await readFarmKeys(folder);
  const certificate = signAsOwner(keys.genesis, keys.owner, statement);
  const outcome = await createNodeCommander(keys, world).certify(localPlace(best.place.ports.admin, best.peerId), certificate.bytes);
  if (!outcome.ok) throw new CommandError(exitCodes.refused, "refused", `${best.place.name} did not take it: ${outcome.why}`);
  output.line(`signed by the owner as certificate ${statement.sequence} and given to ${best.place.name}, which tells the others`);
  output.json({ ...answer, signed: true, sequence: statement.sequence, certificate: certificate.id });
}

/** What the word rests on, in the words of a person who must answer for it. Pure. */
function assumptions({ sequence, confirmed }: MembershipStatus, lost: readonly { readonly name: string }[]): readonly string[] {
  const left = confirmed - lost.length;
  return [
    `${lost.map(({ name }) => name).join(", ")} never come back with records or spends that others rely on; whoever does come back asks to be let in anew`,
    `certificate ${sequence} is the newest: what the lost ones may have agreed on after it does not count`,
    `${left} confirmed nodes are left, of which ${left > 0 ? quorumOf(left) : 0} then decide; records of which no holder is left are lost`,
  ];
}

function namedNode(state: FarmState, asked: string): NodePlace & { readonly peerId: PeerId } {
  const place = chooseNode(state, asked);
  if (place.peerId === undefined)
    throw new CommandError(exitCodes.notFound, "no-node", `${place.name} never ran: it is confirmed nowhere, and cannot be lost`);
  return { ...place, peerId: place.peerId };
}

async function answeringNodes(nodes: readonly NodePlace[]): Promise<readonly Answering[]> {
  const asked = await Promise.all(
    nodes.map(async (place) => {
      const status = await readNodeStatus(place.ports.health);
      return status === undefined ? [] : [{ place, status }];
    }),
  );
  return asked.flat();
}

function memberOf({ place, status: { membership } }: Answering): readonly Member[] {
  const { peerId } = place;
  return membership === undefined || membership.sequence === 0 || peerId === undefined ? [] : [{ place, peerId, membership }];
}
