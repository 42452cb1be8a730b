// One look at whether a node may be stopped: its own statement, and the word of a second source on it. What there is of both
// becomes evidence; whether it suffices is decided by the protocol's one decision, in the plan.
import { readStopStatement } from "../../protocol/safe-to-stop.ts";
import { checkStatement, type StopPair, type WitnessCandidate, witnessFor } from "../../protocol/stop-decision.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FarmAction } from "../vault-farm/actions.ts";
import type { StopEvidence } from "../vault-farm/observed.ts";
import type { CommandKeys, CommandPlace, NodeCommander, StatementOutcome } from "./node-commander.ts";
import { stopPairOf } from "./stop-pair.ts";

export type ProveAction = FarmAction & { readonly kind: "prove-node" };

/** A node that may be asked; `host` empty where hosts are not told apart, `at`: absent where it cannot be reached now. */
export type AskedNode = WitnessCandidate & { readonly name: string; readonly at?: CommandPlace };

/** `witnesses`: all that may be asked for the word of the second source, and are it where nobody else is in the network. */
export type StopLookParts = {
  readonly keys: Pick<CommandKeys, "genesis">;
  readonly commander: Pick<NodeCommander, "safeToStop" | "witnessStop">;
  readonly clock: Clock;
  readonly node: AskedNode | undefined;
  readonly witnesses: readonly AskedNode[];
};

/** What one look showed. */
export type StopLook = { readonly pair: StopPair } | { readonly problem: NonNullable<StopEvidence["problem"]> };

/** A statement that is being made is asked for again so often, and so long within one look; then at the next. */
const askEveryMs = 250;
const asksMax = 16;

/** Takes the look. Never rejects for what a node does. */
export async function takeStopLook(purpose: ProveAction["purpose"], parts: StopLookParts): Promise<StopLook> {
  const { keys, commander, node, witnesses } = parts;
  const { networkId, copies } = keys.genesis;
  const at = node?.at;
  if (node === undefined || at === undefined) return { problem: { why: "it does not answer" } };
  const own = await untilMade(parts, () => commander.safeToStop(at, purpose));
  if (own.kind === "working") return { problem: { why: "its statement is still being made", unfinished: true } };
  // Its answer may just have been lost.
  const silent = own.kind === "failed" && own.reason === "no-answer" ? { unfinished: true as const } : {};
  if (own.kind === "failed") return { problem: { why: `it makes no statement: ${own.why}`, ...silent } };
  const read = readStopStatement(networkId, own.bytes);
  const far = read.ok ? { short: read.value.short, bytesLeft: read.value.bytesLeft } : {};
  const checked = checkStatement({ networkId, copies, node, purpose }, own.bytes);
  if (!checked.ok) return { problem: { why: checked.why, obstacle: checked.obstacle, ...far } };
  const turn = witnessFor(own.bytes, node, witnesses);
  const witness = witnesses.find(({ peerId }) => peerId === turn?.peerId);
  const there = witness?.at;
  if (witness === undefined || there === undefined) return { problem: { why: "no other node answers that could look for itself", ...far } };
  const word = await untilMade(parts, () => commander.witnessStop(there, own.bytes));
  if (word.kind === "working") return { problem: { why: `${witness.name} is still looking for itself`, unfinished: true, ...far } };
  if (word.kind === "failed") return { problem: { why: `${witness.name} does not confirm it: ${word.why}`, ...far } };
  const taken = { statement: own.bytes, witness: word.bytes, takenAtMs: parts.clock.monotonicMs() };
  return { pair: stopPairOf({ ...taken, networkId, asked: witness.peerId }) };
}

/** What is known after a look that `action` asked for, `before` it being what was known. Pure. */
export function evidenceAfter(
  { purpose, among, keep }: Pick<ProveAction, "purpose" | "among" | "keep">,
  before: StopEvidence | undefined,
  look: StopLook,
): StopEvidence {
  if (!("pair" in look)) return { purpose, among, problem: look.problem };
  const kept = keep && before?.purpose === purpose ? before.first : undefined;
  return kept === undefined ? { purpose, among, first: look.pair } : { purpose, among, first: kept, second: look.pair };
}

/** That the node itself would not go with what was proven: nothing is known until it is proven anew. Pure. */
export function evidenceRefused(before: StopEvidence, why: string): StopEvidence {
  const { purpose, among } = before;
  return { purpose, among, problem: { why: `it does not go with the proof of before: ${why}`, unfinished: true } };
}

async function untilMade({ clock }: Pick<StopLookParts, "clock">, ask: () => Promise<StatementOutcome>): Promise<StatementOutcome> {
  let made: StatementOutcome = { kind: "working" };
  for (let asked = 0; asked < asksMax && made.kind === "working"; asked += 1) {
    if (asked > 0) await clock.sleep(askEveryMs);
    made = await ask();
  }
  return made;
}
