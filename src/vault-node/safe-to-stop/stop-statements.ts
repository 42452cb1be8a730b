// What a node can say about stopping, itself or another: the two works behind the admin port, one of each at a time.
import { toHex } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import type { StopPurpose } from "../../protocol/safe-to-stop.ts";
import { createStopJobs, type StopJob } from "./stop-jobs.ts";
import { makeStopStatement } from "./stop-statement.ts";
import { type StopWitnessParts, witnessStop } from "./stop-witness.ts";

export type StopStatements = {
  /** This node's own statement, of the time after it was asked for. */
  state(purpose: StopPurpose): Promise<StopJob>;
  /** This node's word on another's statement. */
  witness(statement: Uint8Array): Promise<StopJob>;
  stop(): void;
};

/** Statements over these parts. */
export function createStopStatements(parts: StopWitnessParts): StopStatements {
  const [own, others] = [createStopJobs(parts.clock), createStopJobs(parts.clock)];
  return {
    state: (purpose) => own.ask(purpose, (signal) => makeStopStatement(parts, purpose, signal)),
    witness: (statement) => {
      // A copy, since the bytes may belong to a request that ends before the work does.
      const bytes = new Uint8Array(statement);
      return others.ask(toHex(hash(bytes)), async (signal) => {
        const word = await witnessStop(parts, bytes, signal);
        if (word === undefined) throw new Error("not the statement of another node that is known here");
        return word;
      });
    },
    stop: () => {
      own.stop();
      others.stop();
    },
  };
}
