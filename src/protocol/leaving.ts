// Whether a node's goodbye for good is to be believed: it must show its statement that nothing is missing without it, and the word
// of a second source that looked for itself, both made just before. Pure; whoever is not convinced takes it for an absence.
import type { Address } from "./address.ts";
import type { CopiesPolicy } from "./genesis.ts";
import { clockToleranceMs } from "./limits.ts";
import type { Goodbye } from "./messages/goodbye.ts";
import { readStopWitness } from "./safe-to-stop.ts";
import { checkStatement, checkWitness, stopPairAgeMax, type WitnessCandidate } from "./stop-decision.ts";

/** What is known where a goodbye arrives. */
export type LeavingQuestion = {
  readonly networkId: Address;
  readonly copies: CopiesPolicy;
  readonly goodbye: Goodbye;
  /** The host of the leaver, empty where hosts are not labelled. */
  readonly host: string;
  /** Whether the leaver said it here itself; otherwise it is passed on, perhaps to somebody who came later. */
  readonly firstHand: boolean;
  /** All nodes known that are not gone. */
  readonly known: readonly (WitnessCandidate & { readonly live: boolean })[];
};

export type LeavingVerdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Whether a `leaving` may be believed. */
export function checkLeaving({ networkId, copies, goodbye, host, firstHand, known }: LeavingQuestion): LeavingVerdict {
  const { departure, peerId, startCounter } = goodbye;
  if (departure.kind !== "leaving" || departure.proof === undefined) return no("it shows no statement that it may be stopped");
  const { statement: bytes, witness, leftAtMs } = departure.proof;
  const node = { peerId, host };
  const checked = checkStatement({ networkId, copies, node, purpose: "removal" }, bytes);
  if (!checked.ok) return no(checked.why);
  const { statement } = checked;
  if (statement.startCounter !== startCounter) return no("the statement is of another start");
  if (leftAtMs < statement.statedAtMs || leftAtMs - statement.statedAtMs > stopPairAgeMax) return no("the statement is too old");
  const word = readStopWitness(networkId, witness);
  if (!word.ok) return no(word.why);
  if (Math.abs(word.value.statedAtMs - statement.statedAtMs) > stopPairAgeMax + clockToleranceMs) return no("the second source is too old");
  // Who is silent here may have answered there, but nobody live here may have been passed over; later there may be others.
  const candidates = known.filter(({ live, peerId: other }) => (live && firstHand) || other === word.value.witness);
  return checkWitness({ networkId, node, candidates }, { statement: bytes, witness }, statement);
}

function no(why: string): LeavingVerdict {
  return { ok: false, why };
}
