// Gets the word of the second source on another node's statement from the node whose turn it is among all of the network, whoever
// commands it: over the connection that nodes have to each other. Whoever stops a node asks one of its own nodes for this.
import { NetworkError } from "../../network/errors.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { hash } from "../../protocol/hash.ts";
import { type StopWitnessReply, stopWitnessReply, stopWitnessRequest } from "../../protocol/messages/stop-witness.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { readStopStatement, readStopWitness } from "../../protocol/safe-to-stop.ts";
import { HandlerError } from "../errors.ts";
import { turnAmongLive } from "./stop-turn.ts";
import { type StopWitnessParts, witnessStop } from "./stop-witness.ts";

const askEveryMs = 250;

/**
 * The signed word of the node whose turn it is; this node's own where it is that one, or that one does not know the question.
 * Undefined where it is no statement of another node known here. Rejects where that one does not answer, or declines.
 */
export async function confirmStop(parts: StopWitnessParts, bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const turn = turnToAsk(parts, bytes);
  return (turn === undefined ? undefined : await askForWord(parts, turn, bytes, signal)) ?? witnessStop(parts, bytes, signal);
}

// Never for its own statement: who leaves must not be the one that says who confirms it. A node that comes back shows nobody anything.
function turnToAsk({ genesis, directory, peers }: StopWitnessParts, bytes: Uint8Array): PeerId | undefined {
  const read = readStopStatement(genesis.networkId, bytes);
  if (!read.ok || read.value.purpose !== "removal" || read.value.node === peers.self) return undefined;
  if (directory.node(read.value.node) === undefined) return undefined;
  const turn = turnAmongLive(directory, bytes, read.value.node);
  return turn === peers.self ? undefined : turn;
}

export type AskForWordParts = Pick<StopWitnessParts, "genesis" | "peers" | "clock" | "questionTimeoutMs">;

/** The word of `witness`, asked for until it is made; undefined where it refuses the question, as older and fenced nodes do. */
export async function askForWord(
  parts: AskForWordParts,
  witness: PeerId,
  statement: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  for (;;) {
    const reply = await askOnce(parts, witness, statement, signal);
    if (reply === undefined) return undefined;
    if (reply.kind === "signed") return checked(parts, witness, statement, reply.word);
    if (reply.kind === "declined") throw new Error(`it is the turn of ${witness}, which declines: ${reply.why}`);
    await parts.clock.sleep(askEveryMs, signal);
  }
}

async function askOnce(
  { peers, questionTimeoutMs }: AskForWordParts,
  witness: PeerId,
  statement: Uint8Array,
  signal: AbortSignal,
): Promise<StopWitnessReply | undefined> {
  const message = { body: encodeMessage(stopWitnessRequest, { statement }), chunks: [] };
  try {
    const answer = await peers.request(witness, "stop-witness", message, { timeoutMs: questionTimeoutMs, signal });
    const reply = decodeMessage(stopWitnessReply, answer.body);
    answer.release();
    if (!reply.ok) throw new HandlerError("malformed", reply.why, witness);
    return reply.value;
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof NetworkError)) throw cause;
    if (cause.code === "refused") return undefined;
    throw new Error(`it is the turn of ${witness}, which gives no answer: ${cause.code}`, { cause });
  }
}

function checked({ genesis }: AskForWordParts, witness: PeerId, statement: Uint8Array, word: Uint8Array): Uint8Array {
  const read = readStopWitness(genesis.networkId, word);
  if (!read.ok || read.value.witness !== witness || !equalBytes(read.value.statement, hash(statement)))
    throw new HandlerError("malformed", "not its own word on this statement", witness);
  return word;
}
