// Mistakes put back on purpose, each at a port of the code under test, so that nothing in it knows of them: the store, the
// network, or the directory behaves as if the code behind or before it were wrong.
import type { Directory, NodeView } from "../../src/network/directory.ts";
import type { Membership } from "../../src/network/membership/membership.ts";
import type { Delivery, Message, Peers } from "../../src/network/peers.ts";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import {
  auditChunksReply,
  auditChunksRequest,
  auditKey,
  auditProof,
  signAuditStatement,
} from "../../src/protocol/messages/audit-chunks.ts";
import { getChunksReply } from "../../src/protocol/messages/get-chunks.ts";
import { suspicions } from "../../src/protocol/messages/suspicions.ts";
import { type PeerId, peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import type { ChunkStore } from "../../src/vault-node/chunk-store/chunk-store.ts";
import type { HostedVault } from "../../src/vault-node/hosted-vault.ts";
import type { Bug } from "./sim-options.ts";

/** The store of a node that has just started, with the bug in it. */
export function storeWith(bug: Bug, store: ChunkStore): ChunkStore {
  if (bug === "lost-acknowledgement") return acknowledgeEarly(store);
  if (bug === "inventory-forgets-fresh") return listOld(store);
  return store;
}

/** A store that acknowledges new chunks at once; their sync goes on behind, as with one that trusts the system's cache. */
function acknowledgeEarly(store: ChunkStore): ChunkStore {
  return {
    ...store,
    put: async (entries) => {
      store.put(entries).catch(() => {});
      return entries.map(({ address }) => (store.info(address) === undefined ? "stored" : "held"));
    },
  };
}

/** A store whose list is the one of its opening. */
function listOld(store: ChunkStore): ChunkStore {
  const old = new Set(store.addresses());
  return {
    ...store,
    addresses: function* (vault) {
      for (const address of store.addresses(vault)) if (old.has(address)) yield address;
    },
  };
}

/** What a node's core sees of membership, with the bug in it. */
export function membershipWith(bug: Bug, membership: Membership, self: PeerId): Membership {
  if (bug === "repair-trusts-suspicion") return seenAs(membership, (view) => ({ ...view, confirmed: true }));
  if (bug === "gone-still-counts") return seenAs(membership, (view) => ({ ...view, confirmed: false }));
  if (bug === "vaults-count-as-nodes") return apart(membership, self);
  return membership;
}

/** Every other node is seen as one node for each of its vaults. */
function apart(membership: Membership, self: PeerId): Membership {
  const { directory } = membership;
  const split = (view: NodeView): readonly NodeView[] => (view.record.peerId === self ? [view] : byVault(view));
  const nodes = (): readonly NodeView[] => directory.nodes().flatMap(split);
  return {
    ...membership,
    directory: {
      ...directory,
      nodes,
      node: (peer) => nodes().find(({ record }) => record.peerId === peer),
      onChange: (listener) =>
        directory.onChange((peer) => {
          const view = directory.node(peer);
          for (const { record } of view === undefined ? [] : split(view)) listener(record.peerId);
          if (view === undefined) listener(peer);
        }),
    },
  };
}

/** A node with its first vault, and one more node for each other, called by its vault's key and said to be on a machine of its own. */
function byVault(view: NodeView): readonly NodeView[] {
  const { record } = view;
  return record.vaults.map((vault, index) => {
    if (index === 0) return { ...view, record: { ...record, vaults: [vault] } };
    const domain = { ...record.domain, host: `${record.domain.host}/${index}` };
    return { ...view, record: { ...record, domain, peerId: peerIdFromPublicKey(vault.publicKey), vaults: [vault] } };
  });
}

function seenAs(membership: Membership, change: (view: NodeView) => NodeView): Membership {
  const { directory } = membership;
  const changed = (view: NodeView): NodeView => (view.state === "suspected" ? change(view) : view);
  return {
    ...membership,
    directory: {
      ...directory,
      nodes: () => directory.nodes().map(changed),
      node: (peer) => {
        const view = directory.node(peer);
        return view === undefined ? undefined : changed(view);
      },
    },
  };
}

/** The peers that a node's membership is given, with the bug in them. */
export function witnessPeersWith(bug: Bug, peers: Peers): Peers {
  return bug === "hearsay-confirms" ? parrot(peers) : peers;
}

/** A witness that answers every word about a silent node with the same word. */
function parrot(peers: Peers): Peers {
  return {
    ...peers,
    handle: (kind, handler) =>
      peers.handle(kind, async (from, message, signal) => {
        const told = kind === "suspicions" ? decodeMessage(suspicions, message.body) : undefined;
        const answer = await handler(from, message, signal);
        return told?.ok ? { body: encodeMessage(suspicions, told.value), chunks: [] } : answer;
      }),
  };
}

/** What a forger needs: the node's own store, and the vaults of any node. */
export type Forgery = {
  readonly networkId: Address;
  readonly store: ChunkStore;
  readonly directory: Directory;
  vaultsOf(peer: PeerId): readonly HostedVault[];
};

/** The network of a node, with the bug in it. */
export function nodePeersWith(bug: Bug, peers: Peers, forgery: Forgery): Peers {
  if (bug === "vaults-count-as-nodes") return reachedByVault(peers, forgery.directory);
  if (bug !== "trim-without-proof") return peers;
  return {
    ...peers,
    request: async (peer, kind, message, options) => {
      const answer = await peers.request(peer, kind, message, options);
      return kind === "audit-chunks" ? believed(forgery, { auditor: peers.self, node: peer }, message) : answer;
    },
  };
}

/** A network in which a vault's name reaches its node. */
function reachedByVault(peers: Peers, directory: Directory): Peers {
  const hostOf = (peer: PeerId): PeerId =>
    directory.nodes().find(({ record }) => record.vaults.some(({ publicKey }) => peerIdFromPublicKey(publicKey) === peer))?.record.peerId ??
    peer;
  return { ...peers, request: (peer, kind, message, options) => peers.request(hostOf(peer), kind, message, options) };
}

/** The proofs that an honest holder would give, whatever the one asked has: as good as not asking. */
async function believed(
  { networkId, store, vaultsOf }: Forgery,
  { auditor, node }: { readonly auditor: PeerId; readonly node: PeerId },
  message: Message,
): Promise<Delivery> {
  const request = decodeMessage(auditChunksRequest, message.body);
  const [vault] = vaultsOf(node);
  if (!request.ok || vault === undefined) throw new Error("an audit that no node of the simulation would send");
  const { nonce, chunks } = request.value;
  const key = auditKey({ nonce, auditor, node, vault: vault.key.publicKey });
  const proofs: { chunk: Address; proof: Uint8Array }[] = [];
  for (const chunk of chunks) {
    const read = await store.get(chunk);
    if (read.kind === "found") proofs.push({ chunk, proof: auditProof(key, read.bytes) });
  }
  const statements = proofs.length === 0 ? [] : [signAuditStatement(networkId, vault.key, { nonce, auditor, node, proofs })];
  const body = encodeMessage(auditChunksReply, { statements, missing: [], later: [] });
  return { body, chunks: [], hashes: [], release: () => {} };
}

/** The network of a reader, with the bug in it. */
export function readerPeersWith(bug: Bug, peers: Peers): Peers {
  if (bug !== "accept-unverified") return peers;
  return {
    ...peers,
    request: async (peer, kind, message, options) => {
      const answer = await peers.request(peer, kind, message, options);
      if (kind !== "get-chunks") return answer;
      const reply = decodeMessage(getChunksReply, answer.body);
      const claimed = reply.ok ? reply.value.found : [];
      return { ...answer, hashes: answer.chunks.map((chunk, index) => claimed[index] ?? chunkAddress(chunk)) };
    },
  };
}
