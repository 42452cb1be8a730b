// One look at whether a node of a cluster may be stopped, and what is remembered of it.
import { type AskedNode, evidenceAfter, type ProveAction, takeStopLook } from "../node-access/stop-look.ts";
import { type FarmHands, placeOf } from "./hands.ts";

/** Takes the look, and remembers what came of it. Never rejects for what a node does. */
export async function proveNode(action: ProveAction, hands: FarmHands): Promise<void> {
  const { name, purpose, among } = action;
  const before = hands.memory.node(name).evidence;
  const witnesses = among.flatMap((other) => askedNode(other, hands) ?? []);
  const look = await takeStopLook(purpose, { ...hands, node: askedNode(name, hands), witnesses });
  hands.metrics.proved("pair" in look ? "confirmed" : "not-yet");
  hands.memory.setEvidence(name, evidenceAfter(action, before, look));
}

function askedNode(name: string, hands: FarmHands): AskedNode | undefined {
  const node = hands.observed.nodes.find((one) => one.name === name);
  if (node?.peerId === undefined) return undefined;
  const at = placeOf(name, hands);
  return { name, peerId: node.peerId, host: node.host, ...(at === undefined ? {} : { at }) };
}
