// Sends copies to one vault: tells it first, and leaves out what is there or comes from another, reads the chunks, sends them in one message, and believes
// only receipts that hold.
import type { Directory } from "../../network/directory.ts";
import { NetworkError } from "../../network/errors.ts";
import type { Delivery, Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type RefusalReason, readReceipt, refusalReasons } from "../../protocol/receipt.ts";
import type { ChunkStore, ReadOutcome } from "../chunk-store/chunk-store.ts";
import type { BytePace } from "./byte-pace.ts";
import { announceTo } from "./survey.ts";

/**
 * stored: a receipt holds · held: it was there already · coming: another node is sending it · gone: this node has it no more, or damaged · unread: it cannot be
 * read here just now · or why not; `silent`:
 * no proper answer.
 */
export type PushOutcome = "stored" | "held" | "coming" | "gone" | "unread" | "silent" | RefusalReason;

/** Whether the vault answered that it does not take the chunk. */
export function isRefusal(outcome: PushOutcome): outcome is RefusalReason {
  return (refusalReasons as readonly string[]).includes(outcome);
}

/** Copies for one vault, together within the limits of one message. */
export type Push = { readonly to: PeerId; readonly vault: VaultName; readonly chunks: readonly Address[] };

export type PusherParts = {
  readonly genesis: Genesis;
  readonly peers: Pick<Peers, "request" | "self">;
  readonly directory: Pick<Directory, "node">;
  readonly store: Pick<ChunkStore, "get">;
  /** This node's own grant; null where it has none. */
  grant(): Uint8Array | null;
  readonly pace: BytePace;
  readonly limits: { readonly pushTimeoutMs: number; readonly questionTimeoutMs: number };
  /** A chunk could not be read: it is damaged. */
  onDamaged(vault: VaultName, address: Address): void;
};

type Found = { readonly address: Address; readonly read: Extract<ReadOutcome, { kind: "found" }> };

/** What became of each chunk. Rejects only where `signal` aborts, or the own store fails. */
export async function push(parts: PusherParts, order: Push, signal: AbortSignal): Promise<ReadonlyMap<Address, PushOutcome>> {
  const outcomes = new Map<Address, PushOutcome>();
  const question = { peers: parts.peers, timeoutMs: parts.limits.questionTimeoutMs };
  const there = await announceTo(question, order.to, order.chunks, signal);
  if (there === undefined) return new Map(order.chunks.map((address) => [address, "silent"]));
  for (const address of there.held) outcomes.set(address, "held");
  for (const address of there.coming) outcomes.set(address, "coming");
  const wanted = order.chunks.filter((address) => !outcomes.has(address));
  for (const address of wanted) outcomes.set(address, "gone");
  const found = await readAll(parts, wanted, outcomes);
  try {
    if (found.length === 0) return outcomes;
    await parts.pace.take(
      found.reduce((sum, { read }) => sum + read.bytes.length, 0),
      signal,
    );
    for (const [address, outcome] of await send(parts, order, found, signal)) outcomes.set(address, outcome);
    return outcomes;
  } finally {
    for (const { read } of found) read.release();
  }
}

async function readAll(
  { store, onDamaged }: PusherParts,
  chunks: readonly Address[],
  outcomes: Map<Address, PushOutcome>,
): Promise<readonly Found[]> {
  const reads = await Promise.allSettled(chunks.map((address) => store.get(address)));
  return reads.flatMap((settled, i) => {
    const address = chunks[i];
    if (address === undefined) return [];
    if (settled.status === "rejected") {
      // Too many reads at a time, or too many open files: the chunk is there, and is sent a little later.
      outcomes.set(address, "unread");
      return [];
    }
    if (settled.value.kind === "damaged") onDamaged(settled.value.vault, address);
    return settled.value.kind === "found" ? [{ address, read: settled.value }] : [];
  });
}

async function send(
  parts: PusherParts,
  { to, vault }: Push,
  found: readonly Found[],
  signal: AbortSignal,
): Promise<readonly [Address, PushOutcome][]> {
  const chunks = found.map(({ address }) => address);
  const body = encodeMessage(putChunksRequest, { grant: parts.grant(), groups: [{ vault, chunks }] });
  const message = { body, chunks: found.map(({ read }) => read.bytes) };
  try {
    const answer = await parts.peers.request(to, "put-chunks", message, { timeoutMs: parts.limits.pushTimeoutMs, signal });
    return judge(parts, to, chunks, answer);
  } catch (error) {
    signal.throwIfAborted();
    const outcome = error instanceof NetworkError && error.code === "busy" ? "busy" : "silent";
    return chunks.map((address) => [address, outcome]);
  }
}

function judge(parts: PusherParts, to: PeerId, chunks: readonly Address[], answer: Delivery): readonly [Address, PushOutcome][] {
  const reply = decodeMessage(putChunksReply, answer.body);
  answer.release();
  if (!reply.ok) return chunks.map((address) => [address, "silent"]);
  const { groups } = reply.value;
  const vouched = new Set(groups.flatMap(({ receipt }) => (receipt === null ? [] : receiptChunks(parts, to, receipt))));
  const refused = new Map(groups.flatMap((group) => group.refused.map(({ chunk, reason }) => [chunk, reason])));
  return chunks.map((address) => [address, vouched.has(address) ? "stored" : (refused.get(address) ?? "silent")]);
}

/** The chunks of a receipt; none where it is not of a vault that the directory knows on this very node. */
function receiptChunks({ genesis, directory }: PusherParts, from: PeerId, bytes: Uint8Array): readonly Address[] {
  const read = readReceipt(genesis.networkId, bytes);
  if (!read.ok || read.value.node !== from) return [];
  const known = directory.node(from)?.record.vaults.some(({ publicKey }) => publicKey === read.value.vault);
  return known === true ? read.value.chunks : [];
}
