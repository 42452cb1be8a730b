// put-chunks: keeps chunks for this node's vaults. One check of admission, one write for the whole message, one receipt a
// vault over everything that is durable afterwards, one signed refusal a reason for the rest.
import type { Answer, Delivery, Handler } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { chunkSizeMax, chunksPerMessageMax } from "../../protocol/limits.ts";
import { type PutChunksRequest, type PutGroupReply, putChunksReply, putChunksRequest } from "../../protocol/messages/put-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type RefusalReason, signReceipt, signRefusal } from "../../protocol/receipt.ts";
import { takesNewChunks } from "../../protocol/states.ts";
import { type AdmissionPolicy, admitPut } from "../admission.ts";
import type { PutEntry } from "../chunk-store/chunk-store.ts";
import { HandlerError } from "../errors.ts";
import { type HandlerParts, readRequest } from "./parts.ts";

// The only kind of network there is yet.
const policy: AdmissionPolicy = { kind: "owner" };

/** A chunk as sent: what it is called, and what its bytes are really called. */
type Sent = PutEntry & { readonly hash: Address };

/** What became of one chunk, and which vault answers for it. */
type Outcome = { readonly entry: Sent; readonly vault: VaultName; readonly result: "stored" | "held" | RefusalReason };

/** The handler of put-chunks. Throws a `HandlerError` for a message that breaks the protocol. */
export function createPutChunks(parts: HandlerParts): Handler {
  return async (from, message): Promise<Answer> => {
    const request = readRequest(putChunksRequest, message, from);
    const entries = pairEntries(request, message, from);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
    const share = parts.shares.take(from, bytes);
    try {
      const grant = parts.grants.standing(from, request.grant);
      const admission = admitPut({ policy, peer: from, grant, payment: null, quotas: share === undefined ? "exceeded" : "within" });
      const outcomes =
        admission.kind === "admitted"
          ? await keep(parts, from, entries)
          : entries.map((entry) => ({ entry, vault: entry.vault, result: admission.reason }));
      tell(parts, outcomes);
      return { body: encodeMessage(putChunksReply, { groups: replyOf(parts, outcomes) }), chunks: [] };
    } finally {
      parts.expected.came(
        from,
        entries.map(({ address }) => address),
      );
      share?.release();
      message.release();
    }
  };
}

// The bytes travel beside the body in the order in which the groups list the chunks.
function pairEntries(request: PutChunksRequest, message: Delivery, from: PeerId): readonly Sent[] {
  const listed = request.groups.flatMap(({ vault, chunks }) => chunks.map((address) => ({ vault, address })));
  if (listed.length !== message.chunks.length || listed.length > chunksPerMessageMax)
    throw new HandlerError("malformed", `${listed.length} chunks listed, ${message.chunks.length} sent`, from);
  return listed.map(({ vault, address }, index) => {
    const [bytes, hash] = [message.chunks[index], message.hashes[index]];
    if (bytes === undefined || hash === undefined || bytes.length === 0 || bytes.length > chunkSizeMax)
      throw new HandlerError("malformed", `a chunk has 1 to ${chunkSizeMax} bytes`, from);
    return { vault, address, bytes, hash };
  });
}

async function keep(parts: HandlerParts, from: PeerId, entries: readonly Sent[]): Promise<readonly Outcome[]> {
  const refused = entries.map((entry) => refusalOf(parts, from, entry));
  const wanted = entries.filter((_entry, index) => refused[index] === undefined);
  const results = new Map<PutEntry, Outcome["result"]>(await write(parts, wanted));
  return entries.map((entry, index) => {
    const result = refused[index] ?? results.get(entry) ?? "read-only";
    // A chunk lies in one vault of a node only: what another vault of ours held before, that one answers for.
    const vault = result === "held" ? (parts.store.info(entry.address)?.vault ?? entry.vault) : entry.vault;
    return { entry, vault, result };
  });
}

async function write(parts: HandlerParts, entries: readonly PutEntry[]): Promise<readonly [PutEntry, Outcome["result"]][]> {
  if (entries.length === 0) return [];
  const startedMs = parts.clock.monotonicMs();
  const outcomes = await parts.store.put(entries);
  parts.events.storePutTook((parts.clock.monotonicMs() - startedMs) / 1000);
  return entries.map((entry, index) => [entry, outcomes[index] ?? "read-only"]);
}

// Why a chunk is not even tried; undefined where the store shall decide. Putting again what is held succeeds in every state.
function refusalOf({ vaults, store, stateOf, isFull, isFar }: HandlerParts, from: PeerId, entry: Sent): "held" | RefusalReason | undefined {
  const vault = vaults.get(entry.vault);
  if (vault === undefined) return "unknown-vault";
  if (!takesNewChunks(stateOf(vault.name))) {
    if (store.info(entry.address) !== undefined) return "held";
    return isFull(vault.name) ? "full" : "cordoned";
  }
  if (store.info(entry.address) === undefined && isFar(from, entry.address)) return "not-near";
  return entry.hash === entry.address ? undefined : "wrong-hash";
}

function replyOf(parts: HandlerParts, outcomes: readonly Outcome[]): readonly PutGroupReply[] {
  const byVault = Map.groupBy(outcomes, ({ vault }) => vault);
  return [...byVault].map(([vault, ofVault]) => groupReply(parts, vault, ofVault));
}

function groupReply({ genesis, node, vaults, clock }: HandlerParts, vault: VaultName, outcomes: readonly Outcome[]): PutGroupReply {
  const key = vaults.get(vault)?.key;
  const kept = outcomes.filter(({ result }) => isKept(result)).map(({ entry }) => entry.address);
  const refused = outcomes.flatMap(({ entry, result }) => (isKept(result) ? [] : [{ chunk: entry.address, reason: result }]));
  const now = clock.wallMs();
  const receipt =
    key === undefined || kept.length === 0 ? null : signReceipt(genesis.networkId, key, { node, chunks: kept, storedAtMs: now });
  const refusals = [...Map.groupBy(refused, ({ reason }) => reason)].flatMap(([reason, list]) => {
    const chunks: readonly Address[] = list.map(({ chunk }) => chunk);
    // A vault that is not ours has no key here: its refusal stands unsigned in `refused`.
    return key === undefined ? [] : [signRefusal(genesis.networkId, key, { node, chunks, reason, refusedAtMs: now })];
  });
  return { vault, receipt, refused, refusals };
}

function isKept(result: Outcome["result"]): result is "stored" | "held" {
  return result === "stored" || result === "held";
}

function tell({ events, onStored, onFull }: HandlerParts, outcomes: readonly Outcome[]): void {
  for (const { entry, result } of outcomes) if (result === "full" && entry.hash === entry.address) onFull(entry.vault, entry.address);
  onStored(outcomes.flatMap(({ entry, result }) => (result === "stored" ? [entry.address] : [])));
  for (const [vault, ofVault] of Map.groupBy(outcomes, (outcome) => outcome.vault)) {
    const stored = ofVault.filter(({ result }) => result === "stored");
    const held = ofVault.filter(({ result }) => result === "held").length;
    const bytes = stored.reduce((sum, { entry }) => sum + entry.bytes.length, 0);
    if (stored.length + held > 0) events.chunksKept(vault, { stored: stored.length, held, bytes });
  }
  for (const [result, list] of Map.groupBy(outcomes, (outcome) => outcome.result))
    if (!isKept(result)) events.chunksRefused(result, list.length);
}
