// A node's statement and the word on it, as they become a pair to decide by. The word is asked of one of our own nodes, another than the
// one that is to stop; where it is another node's turn, it brings that one's word.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { readStopWitness } from "../../protocol/safe-to-stop.ts";
import type { StopPair } from "../../protocol/stop-decision.ts";

/** The two as they came; `asked`: the node that was asked for the word. */
export type TakenPair = Omit<StopPair, "turn"> & { readonly networkId: Address; readonly asked: PeerId };

/** The pair, with whose turn it was where the node that was asked answered with another's word. Pure. */
export function stopPairOf({ networkId, asked, ...taken }: TakenPair): StopPair {
  const read = readStopWitness(networkId, taken.witness);
  return read.ok && read.value.witness !== asked ? { ...taken, turn: read.value.witness } : taken;
}
