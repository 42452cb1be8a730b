// Spreads certificates: this node compares its chain with that of a peer, takes in what follows, and answers those who ask.
// A peer that shows an id unknown here is asked back.
import { decodeMessage, encodeMessage } from "../../../protocol/encoding.ts";
import { certificatesReply, certificatesRequest } from "../../../protocol/messages/certificates.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Handler, Peers } from "../../peers.ts";
import type { CertificateLimits } from "./certificate-limits.ts";
import type { ConfirmedBook } from "./confirmed-book.ts";

export type ExchangeParts = {
  readonly peers: Pick<Peers, "request">;
  readonly book: ConfirmedBook;
  /** This node's grant while it wants in. */
  readonly grant: () => Uint8Array | null;
  readonly onGrant: (peer: PeerId, grant: Uint8Array) => void;
  /** A peer has seen this node's grant. */
  readonly onShown: (peer: PeerId) => void;
  /** Takes in a certificate from a peer; whether it was new. Rejects where the disk fails. */
  readonly take: (bytes: Uint8Array, from: PeerId) => Promise<boolean>;
  readonly offend: (peer: PeerId, why: string) => void;
  /** Whether a message of this many bytes from a peer may be looked at. */
  readonly admits: (peer: PeerId, bytes: number) => boolean;
};

export type ChainExchange = {
  readonly handler: Handler;
  /** Compares the chains, once at a time with each peer. Never rejects: whoever does not answer is asked again some time. */
  meet(peer: PeerId): Promise<void>;
};

export function createChainExchange(parts: ExchangeParts, limits: CertificateLimits): ChainExchange {
  const meetings = new Set<PeerId>();
  const meet = async (peer: PeerId): Promise<void> => {
    if (meetings.has(peer)) return;
    meetings.add(peer);
    try {
      for (let round = 0; round < limits.exchangeRoundsMax; round++) if (!(await compare(parts, peer, limits))) return;
    } catch {
      // Its silence is noticed elsewhere; a disk that fails stops more than this.
    } finally {
      meetings.delete(peer);
    }
  };
  const handler: Handler = async (from, { body }) => {
    const { book } = parts;
    const request = parts.admits(from, body.length) ? decodeMessage(certificatesRequest, body) : undefined;
    if (request?.ok === false) parts.offend(from, request.why);
    if (request?.ok !== true) throw new Error("certificates: not looked at");
    const { known, grant } = request.value;
    if (grant !== null) parts.onGrant(from, grant);
    const newest = known[0];
    if (newest !== undefined && !book.has(newest)) void meet(from);
    const { id, sequence } = book.head();
    return { body: encodeMessage(certificatesReply, { certificates: book.after(known), head: id, sequence }), chunks: [] };
  };
  return { handler, meet };
}

/** One question; whether it brought something and there is more to be had. */
async function compare(parts: ExchangeParts, peer: PeerId, limits: CertificateLimits): Promise<boolean> {
  const { peers, book } = parts;
  const grant = parts.grant();
  const body = encodeMessage(certificatesRequest, { known: book.known(), grant });
  const delivery = await peers.request(peer, "certificates", { body, chunks: [] }, { timeoutMs: limits.requestTimeoutMs });
  const reply = decodeMessage(certificatesReply, delivery.body);
  delivery.release();
  if (!reply.ok) {
    parts.offend(peer, reply.why);
    return false;
  }
  if (grant !== null) parts.onShown(peer);
  // All at once, in their order: they are written together.
  const taken = await Promise.all(reply.value.certificates.map((bytes) => parts.take(bytes, peer)));
  return taken.includes(true) && !book.has(reply.value.head);
}
