// One look at whether a node may be stopped: its own statement, and the word of a second source on it. What there is of both
// is remembered; whether it suffices is decided by the protocol's one decision, in the plan.
import { readStopStatement } from "../../protocol/safe-to-stop.ts";
import { checkStatement, type StopPair, type WitnessCandidate, witnessFor } from "../../protocol/stop-decision.ts";
import type { StatementOutcome } from "../node-access/node-commander.ts";
import type { FarmAction } from "../vault-farm/actions.ts";
import type { StopEvidence } from "../vault-farm/observed.ts";
import { type FarmHands, placeOf } from "./hands.ts";

type ProveAction = FarmAction & { readonly kind: "prove-node" };

/** A statement that is being made is asked for again so often, and so long within one look; then at the next. */
const askEveryMs = 250;
const asksMax = 16;

/** Takes the look, and remembers what came of it. Never rejects for what a node does. */
export async function proveNode(action: ProveAction, hands: FarmHands): Promise<void> {
  const { name, purpose, among, keep } = action;
  const before = hands.memory.node(name).evidence;
  const look = await lookOnce(action, hands);
  hands.metrics.proved("pair" in look ? "confirmed" : "not-yet");
  const kept = keep && before?.purpose === purpose && before.first !== undefined ? before.first : undefined;
  const evidence: StopEvidence =
    "pair" in look
      ? kept === undefined
        ? { purpose, among, first: look.pair }
        : { purpose, among, first: kept, second: look.pair }
      : { purpose, among, problem: look.problem };
  hands.memory.setEvidence(name, evidence);
}

type Look = { readonly pair: StopPair } | { readonly problem: NonNullable<StopEvidence["problem"]> };

async function lookOnce({ name, purpose, among }: ProveAction, hands: FarmHands): Promise<Look> {
  const { keys, commander, observed, clock } = hands;
  const { networkId, copies } = keys.genesis;
  const at = placeOf(name, hands);
  if (at === undefined) return { problem: { why: "it does not answer" } };
  const own = await untilMade(hands, () => commander.safeToStop(at, purpose));
  if (own.kind !== "signed") return { problem: { why: `it makes no statement: ${own.why}` } };
  const self: WitnessCandidate = { peerId: at.node, host: hostOf(name, hands) };
  const read = readStopStatement(networkId, own.bytes);
  const far = read.ok ? { short: read.value.short, bytesLeft: read.value.bytesLeft } : {};
  const checked = checkStatement({ networkId, copies, node: self, purpose }, own.bytes);
  if (!checked.ok) return { problem: { why: checked.why, ...far } };
  const candidates = observed.nodes.flatMap((node) =>
    among.includes(node.name) && node.peerId !== undefined ? [{ peerId: node.peerId, host: node.host, name: node.name }] : [],
  );
  const turn = witnessFor(own.bytes, self, candidates);
  const witness = candidates.find(({ peerId }) => peerId === turn?.peerId);
  const there = witness === undefined ? undefined : placeOf(witness.name, hands);
  if (witness === undefined || there === undefined) return { problem: { why: "no other node answers that could look for itself", ...far } };
  const word = await untilMade(hands, () => commander.witnessStop(there, own.bytes));
  if (word.kind !== "signed") return { problem: { why: `${witness.name} does not confirm it: ${word.why}`, ...far } };
  return { pair: { statement: own.bytes, witness: word.bytes, takenAtMs: clock.monotonicMs() } };
}

function hostOf(name: string, { observed }: FarmHands): string {
  return observed.nodes.find((node) => node.name === name)?.host ?? "";
}

async function untilMade(
  { clock }: Pick<FarmHands, "clock">,
  ask: () => Promise<StatementOutcome>,
): Promise<Exclude<StatementOutcome, { kind: "working" }>> {
  for (let asked = 0; asked < asksMax; asked += 1) {
    const made = await ask();
    if (made.kind !== "working") return made;
    await clock.sleep(askEveryMs);
  }
  return { kind: "failed", why: "it is still being made" };
}
