// What this node shows when it leaves for good: its own statement and the second source's word, handed to it by whoever took them.
// They are judged as other nodes will judge them, when they come and again when the node goes.
import { type Directory, memberNodes } from "../../network/directory.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import { checkLeaving, type LeavingVerdict } from "../../protocol/leaving.ts";
import type { LeavingProof } from "../../protocol/messages/goodbye.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";

export type LeavingParts = {
  readonly genesis: Genesis;
  readonly peerId: PeerId;
  readonly startCounter: number;
  readonly directory: Pick<Directory, "nodes" | "node">;
  readonly clock: Clock;
};

export type Leaving = {
  /** Keeps a pair for the goodbye, where others would believe it. */
  offer(statement: Uint8Array, witness: Uint8Array): LeavingVerdict;
  /** The proof of now; undefined where there is none that still holds: the node then goes for a while. */
  proof(): LeavingProof | undefined;
};

/** Nothing to show yet. */
export function createLeaving({ genesis, peerId, startCounter, directory, clock }: LeavingParts): Leaving {
  let pair: Pick<LeavingProof, "statement" | "witness"> | undefined;
  const judge = (proof: LeavingProof): LeavingVerdict =>
    checkLeaving({
      ...{ networkId: genesis.networkId, copies: genesis.copies },
      goodbye: { peerId, startCounter, sequence: 0, departure: { kind: "leaving", proof } },
      firstHand: true,
      host: directory.node(peerId)?.record.domain.host ?? "",
      known: memberNodes(directory)
        .filter(({ record, state }) => state !== "gone" && record.vaults.length > 0)
        .map(({ record, state }) => ({ peerId: record.peerId, host: record.domain.host, live: state === "live" })),
    });
  const now = (): number => Math.floor(clock.wallMs());
  return {
    offer: (statement, witness) => {
      const offered = { statement: new Uint8Array(statement), witness: new Uint8Array(witness) };
      const verdict = judge({ ...offered, leftAtMs: now() });
      if (verdict.ok) pair = offered;
      return verdict;
    },
    proof: () => {
      const proof = pair === undefined ? undefined : { ...pair, leftAtMs: now() };
      return proof !== undefined && judge(proof).ok ? proof : undefined;
    },
  };
}
