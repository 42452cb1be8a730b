// When a node that started has everything that is its own: once every node that answers has looked through its chunks
// with this node in view and owes it nothing. Until then its vaults say `joining`.
import { type Directory, memberNodes } from "../../network/directory.ts";
import type { Peers } from "../../network/peers.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { owedChunksReply, owedChunksRequest } from "../../protocol/messages/owed-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

export type JoiningParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly directory: Pick<Directory, "nodes" | "node">;
  readonly timeoutMs: number;
  /** Whether this node has met the network, or founds it. */
  joined(): boolean;
};

export type Joining = {
  /** Whether nothing is owed, or a network has just been founded here; never again false once it was true. */
  complete(): boolean;
  /** Asks those that have not yet said that they owe nothing. */
  ask(signal: AbortSignal): Promise<void>;
};

type Other = { readonly peer: PeerId; readonly start: number; readonly live: boolean };

/** A node that has just started. */
export function createJoining({ peers, directory, timeoutMs, joined }: JoiningParts): Joining {
  // Who owes nothing, by the start in which it said so.
  const clear = new Map<PeerId, number>();
  let complete = false;
  // Who is suspected for a moment may owe something still.
  const others = (): readonly Other[] =>
    memberNodes(directory)
      .filter(({ record, state, confirmed }) => (state === "live" || (state === "suspected" && !confirmed)) && record.peerId !== peers.self)
      .map(({ record, state }) => ({ peer: record.peerId, start: record.startCounter, live: state === "live" }));
  const askOne = async ({ peer, start }: Other, startCounter: number, signal: AbortSignal): Promise<void> => {
    try {
      const body = encodeMessage(owedChunksRequest, { startCounter });
      const answer = await peers.request(peer, "owed-chunks", { body, chunks: [] }, { timeoutMs, signal });
      const reply = decodeMessage(owedChunksReply, answer.body);
      answer.release();
      if (reply.ok && reply.value.looked && reply.value.owed === 0) clear.set(peer, start);
    } catch {
      // Asked again with the next look; a node that is silent for longer is no longer live.
    }
  };
  return {
    complete: () => {
      // Joined without knowing anybody: the first node of a network.
      complete ||= joined() && directory.nodes().every(({ record }) => record.peerId === peers.self);
      return complete;
    },
    ask: async (signal) => {
      const own = directory.node(peers.self)?.record.startCounter;
      if (complete || own === undefined) return;
      const asked = others().filter(({ peer, start, live }) => live && clear.get(peer) !== start);
      await Promise.all(asked.map((other) => askOne(other, own, signal)));
      // Whoever can reach nobody just now has heard nothing of what it is owed.
      const seen = others();
      complete = seen.some(({ live }) => live) && seen.every(({ peer, start }) => clear.get(peer) === start);
    },
  };
}
