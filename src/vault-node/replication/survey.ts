// Asks the nodes around chunks which of them they hold: one question a node for up to 2,048 chunks, nodes side by side.
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { addressesPerRequestMax } from "../../protocol/limits.ts";
import { type HasChunksReply, type HasChunksRequest, hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/** What the nodes around a chunk said: who holds it, who did not answer, who has no room for it and points to whom. */
export type Sighting = { readonly holders: Set<PeerId>; readonly silent: Set<PeerId>; readonly elsewhere: Map<PeerId, PeerId> };

export type SurveyParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly timeoutMs: number;
};

/** Asks each of `whom(address)` about each chunk; this node is never asked. Never rejects: who fails is silent. */
export async function survey(
  parts: SurveyParts,
  addresses: readonly Address[],
  whom: (address: Address) => readonly PeerId[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Address, Sighting>> {
  const sightings = new Map<Address, Sighting>();
  const questions = new Map<PeerId, Address[]>();
  for (const address of addresses) {
    sightings.set(address, { holders: new Set(), silent: new Set(), elsewhere: new Map() });
    for (const peer of whom(address)) {
      if (peer === parts.peers.self) continue;
      const list = questions.get(peer) ?? [];
      list.push(address);
      questions.set(peer, list);
    }
  }
  await Promise.all([...questions].map(([peer, list]) => askInTurn(parts, peer, list, { sightings, signal })));
  return sightings;
}

type Asking = { readonly sightings: ReadonlyMap<Address, Sighting>; readonly signal: AbortSignal };

async function askInTurn(parts: SurveyParts, peer: PeerId, addresses: readonly Address[], { sightings, signal }: Asking): Promise<void> {
  let failed = false;
  for (let from = 0; from < addresses.length; from += addressesPerRequestMax) {
    const asked = addresses.slice(from, from + addressesPerRequestMax);
    // A node that failed once is not waited for again in this survey.
    const said: HeldThere | undefined = failed ? undefined : await heldAt(parts, peer, asked, signal);
    failed = said === undefined;
    for (const address of asked) {
      const taker = said?.elsewhere.get(address);
      if (said === undefined) sightings.get(address)?.silent.add(peer);
      else if (said.held.has(address)) sightings.get(address)?.holders.add(peer);
      else if (taker !== undefined) sightings.get(address)?.elsewhere.set(peer, taker);
    }
  }
}

/** What a node says it holds, and for which chunks it has no room, with who took them. */
export type HeldThere = { readonly held: ReadonlySet<Address>; readonly elsewhere: ReadonlyMap<Address, PeerId> };

/** Which of these chunks a node says it holds; undefined where it gave no proper answer. */
export async function heldAt(
  parts: SurveyParts,
  peer: PeerId,
  chunks: readonly Address[],
  signal: AbortSignal,
): Promise<HeldThere | undefined> {
  const said = await ask(parts, peer, { chunks, receipts: false }, signal);
  return said && { held: heldOf(said), elsewhere: new Map(said.elsewhere?.map((one) => [one.chunk, one.peer])) };
}

/** What a node that is about to be sent chunks need not be sent: what it holds, and what another is sending it. */
export type NotWanted = { readonly held: ReadonlySet<Address>; readonly coming: ReadonlySet<Address> };

/** Tells a node that these chunks are about to be sent, as far as it wants them; undefined where it gave no proper answer. */
export async function announceTo(
  parts: SurveyParts,
  peer: PeerId,
  chunks: readonly Address[],
  signal: AbortSignal,
): Promise<NotWanted | undefined> {
  const said = await ask(parts, peer, { chunks, receipts: false, sending: true }, signal);
  return said && { held: heldOf(said), coming: new Set(said.coming) };
}

function heldOf({ held }: HasChunksReply): ReadonlySet<Address> {
  return new Set(held.map(({ chunk }) => chunk));
}

async function ask(
  { peers, timeoutMs }: SurveyParts,
  peer: PeerId,
  request: HasChunksRequest,
  signal: AbortSignal,
): Promise<HasChunksReply | undefined> {
  try {
    const body = encodeMessage(hasChunksRequest, request);
    const answer = await peers.request(peer, "has-chunks", { body, chunks: [] }, { timeoutMs, signal });
    const reply = decodeMessage(hasChunksReply, answer.body);
    answer.release();
    return reply.ok ? reply.value : undefined;
  } catch {
    return undefined;
  }
}
