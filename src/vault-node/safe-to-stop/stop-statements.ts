// What a node can say about stopping, itself or another: the works behind the admin port and behind the questions of other nodes,
// one of each at a time.
import { isStranger } from "../../network/directory.ts";
import { toHex } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { clockToleranceMs } from "../../protocol/limits.ts";
import type { WitnessRefusal } from "../../protocol/messages/stop-witness.ts";
import { readStopStatement, type StopPurpose } from "../../protocol/safe-to-stop.ts";
import { stopPairAgeMax } from "../../protocol/stop-decision.ts";
import { confirmStop } from "./confirm-stop.ts";
import { createStopJobs, type StopJob, type StopJobs } from "./stop-jobs.ts";
import { makeStopStatement } from "./stop-statement.ts";
import { turnAmongLive } from "./stop-turn.ts";
import { type StopWitnessParts, witnessStop } from "./stop-witness.ts";
import { createWitnessDesk, type WitnessDesk } from "./witness-desk.ts";

export type StopStatements = {
  /** This node's own statement, of the time after it was asked for. */
  state(purpose: StopPurpose): Promise<StopJob>;
  /** This node's word on another's statement. */
  witness(statement: Uint8Array): Promise<StopJob>;
  /** The word of the node whose turn it is among all that are live, see `confirmStop`. */
  confirm(statement: Uint8Array): Promise<StopJob>;
  /** Answers other nodes that ask for this node's word. */
  readonly desk: Pick<WitnessDesk, "ask">;
  stop(): void;
};

type Look = typeof witnessStop;

/** Statements over these parts. */
export function createStopStatements(parts: StopWitnessParts): StopStatements {
  const [own, others, confirmed] = [createStopJobs(parts.clock), createStopJobs(parts.clock), createStopJobs(parts.clock)];
  const look = (by: Look, statement: Uint8Array, signal: AbortSignal): Promise<Uint8Array> =>
    by(parts, statement, signal).then((word) => {
      if (word === undefined) throw new Error("not the statement of another node that is known here");
      return word;
    });
  const ask = (jobs: StopJobs, by: Look, statement: Uint8Array): Promise<StopJob> => {
    // A copy, since the bytes may belong to a request that ends before the work does.
    const bytes = new Uint8Array(statement);
    return jobs.ask(toHex(hash(bytes)), (signal) => look(by, bytes, signal));
  };
  const desk = createWitnessDesk({
    clock: parts.clock,
    refusal: (statement) => refusalOf(parts, statement),
    look: (statement, signal) => look(witnessStop, statement, signal),
  });
  return {
    state: (purpose) => own.ask(purpose, (signal) => makeStopStatement(parts, purpose, signal)),
    witness: (statement) => ask(others, witnessStop, statement),
    confirm: (statement) => ask(confirmed, confirmStop, statement),
    desk,
    stop: () => {
      for (const each of [own, others, confirmed, desk]) each.stop();
    },
  };
}

// Nodes that may be anybody's have this node work only for a word that would be believed.
function refusalOf({ genesis, directory, peers, clock }: StopWitnessParts, bytes: Uint8Array): WitnessRefusal | undefined {
  const read = readStopStatement(genesis.networkId, bytes);
  if (!read.ok || read.value.node === peers.self) return "unknown";
  const { node, statedAtMs } = read.value;
  const leaver = directory.node(node);
  if (leaver === undefined || isStranger(leaver)) return "unknown";
  if (Math.abs(clock.wallMs() - statedAtMs) > stopPairAgeMax + clockToleranceMs) return "too-old";
  return turnAmongLive(directory, bytes, node) === peers.self ? undefined : "other-turn";
}
