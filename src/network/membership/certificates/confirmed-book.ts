// The book of confirmed nodes: the chain of membership certificates as far as this node has it, and who is confirmed by it.
// No input or output; whoever changes it keeps it.
import type { Address } from "../../../protocol/address.ts";
import {
  type CertificateRefusal,
  type ChainHead,
  emptyChain,
  headAfter,
  judgeCertificate,
  type ReadCertificate,
  readCertificate,
} from "../../../protocol/certificate.ts";
import type { Genesis } from "../../../protocol/genesis.ts";
import { certificateBytesPerMessageMax, certificatesPerMessageMax, knownIdsMax } from "../../../protocol/messages/certificates.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";

/**
 * fresh: taken in; `replaced` certificates of the nodes gave way to one of the owner · known · outdone: another one is final
 * in its place · ahead: follows one that is not here · refused: no honest peer has it.
 */
export type CertificateOffer =
  | { readonly kind: "fresh"; readonly certificate: ReadCertificate; readonly replaced: number }
  | { readonly kind: "known" | "outdone" | "ahead" }
  | { readonly kind: "refused"; readonly code: CertificateRefusal | "malformed"; readonly why: string };

export type ConfirmedBook = {
  head(): ChainHead;
  offer(bytes: Uint8Array): CertificateOffer;
  /** Whether this id is in the chain, or is the network's own. */
  has(id: Address): boolean;
  /** Whether a node was confirmed once and left by certificate since. */
  left(peer: PeerId): boolean;
  /** Ids of the chain, newest first, in steps that double; the network's id last. */
  known(): readonly Address[];
  /** What follows the first of `known` that is here, as much as fits one message. */
  after(known: readonly Address[]): readonly Uint8Array[];
  all(): readonly Uint8Array[];
};

/** An empty book. */
export function createConfirmedBook(genesis: Genesis): ConfirmedBook {
  const chain: ReadCertificate[] = [];
  // How many certificates lead to an id.
  const lengths = new Map<Address, number>([[genesis.networkId, 0]]);
  const left = new Set<PeerId>();
  let head = emptyChain(genesis.networkId);

  const append = (certificate: ReadCertificate): void => {
    chain.push(certificate);
    lengths.set(certificate.id, chain.length);
    head = headAfter(head, certificate.id, certificate.statement);
    for (const peer of certificate.statement.joining) left.delete(peer);
    for (const peer of certificate.statement.leaving) left.add(peer);
  };
  const cutTo = (length: number): void => {
    for (const { id } of chain.slice(length)) lengths.delete(id);
    const kept = chain.splice(0).slice(0, length);
    left.clear();
    head = emptyChain(genesis.networkId);
    for (const certificate of kept) append(certificate);
  };
  const offer = (bytes: Uint8Array): CertificateOffer => {
    const read = readCertificate(genesis.networkId, bytes);
    if (!read.ok) return { kind: "refused", code: "malformed", why: read.why };
    const certificate = read.value;
    const before = lengths.get(certificate.statement.previous);
    if (lengths.has(certificate.id)) return { kind: "known" };
    if (before === undefined) return { kind: "ahead" };
    const rival = chain[before];
    if (rival !== undefined && !outdoes(certificate, rival)) return { kind: "outdone" };
    const verdict = judgeCertificate(genesis, before === chain.length ? head : headAt(genesis, chain, before), certificate);
    if (!verdict.ok) return { kind: "refused", code: verdict.code, why: verdict.why };
    const replaced = chain.length - before;
    if (replaced > 0) cutTo(before);
    append(certificate);
    return { kind: "fresh", certificate, replaced };
  };
  return {
    head: () => head,
    offer,
    has: (id) => lengths.has(id),
    left: (peer) => left.has(peer),
    known: () => knownIds(genesis.networkId, chain),
    after: (known) => fitting(chain.slice(known.map((id) => lengths.get(id)).find((length) => length !== undefined) ?? 0)),
    all: () => chain.map(({ bytes }) => bytes),
  };
}

/** The owner's word outdoes that of the nodes; of two by the owner the one with the lower id, so that everybody decides alike. */
function outdoes(offered: ReadCertificate, rival: ReadCertificate): boolean {
  if (offered.approval.kind !== "owner") return false;
  return rival.approval.kind !== "owner" || offered.id < rival.id;
}

/** Where the chain stood after so many: in one pass, for whoever offers a rival makes this side look. */
function headAt(genesis: Genesis, chain: readonly ReadCertificate[], length: number): ChainHead {
  const confirmed = new Set<PeerId>();
  for (const { statement } of chain.slice(0, length)) {
    for (const peer of statement.joining) confirmed.add(peer);
    for (const peer of statement.leaving) confirmed.delete(peer);
  }
  return { id: chain[length - 1]?.id ?? genesis.networkId, sequence: length, confirmed };
}

function knownIds(networkId: Address, chain: readonly ReadCertificate[]): readonly Address[] {
  const ids: Address[] = [];
  for (let at = chain.length - 1, step = 1; at >= 0 && ids.length < knownIdsMax - 1; at -= step) {
    const id = chain[at]?.id;
    if (id !== undefined) ids.push(id);
    if (ids.length > 1) step *= 2;
  }
  return [...ids, networkId];
}

function fitting(certificates: readonly ReadCertificate[]): readonly Uint8Array[] {
  const some: Uint8Array[] = [];
  let size = 0;
  for (const { bytes } of certificates) {
    size += bytes.length;
    if (some.length >= certificatesPerMessageMax || size > certificateBytesPerMessageMax) break;
    some.push(bytes);
  }
  return some;
}
