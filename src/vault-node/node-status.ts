// Gathers what a node answers on GET /v1/status.
import type { Certificates } from "../network/membership/certificates/certificates.ts";
import type { Membership } from "../network/membership/membership.ts";
import type { Peers } from "../network/peers.ts";
import type { NodePhase, NodeStatus } from "../protocol/node-status.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import type { VaultNodeCore } from "./core.ts";
import type { NodeIdentity } from "./core-parts.ts";
import { membersSeen } from "./members-seen.ts";

export type StatusParts = {
  readonly identity: NodeIdentity;
  readonly startCounter: number;
  readonly peers: Pick<Peers, "addresses">;
  readonly store: ChunkStore;
  readonly core: VaultNodeCore;
  readonly clock: Clock;
  readonly membership: Pick<Membership, "directory" | "causeOf">;
  phase(): NodePhase;
  joined(): boolean;
  granted(): boolean;
  ports(): NodeStatus["ports"];
  /** Absent where the node takes no part in membership certificates. */
  readonly certificates: Pick<Certificates, "status"> | undefined;
};

// Whoever behaves badly stands first; a farm of hundreds of vaults must not make each status a large one.
const seenMax = 64;

/** The node's status of now. */
export async function readStatus(parts: StatusParts): Promise<NodeStatus> {
  const { identity, store, core } = parts;
  const view = { self: identity.peerId, directory: parts.membership.directory, policy: identity.genesis.copies };
  const { copies } = core.figures();
  return {
    peerId: identity.peerId,
    networkId: identity.genesis.networkId,
    version: identity.software,
    startCounter: parts.startCounter,
    state: parts.phase(),
    admin: core.desired(),
    joined: parts.joined(),
    granted: parts.granted(),
    addresses: parts.peers.addresses(),
    zone: identity.domain.zone,
    host: identity.domain.host,
    vaults: core.vaults().map(({ vault, state, used, chunks }) => ({
      name: vault.name,
      publicKey: vault.key.publicKey,
      state,
      capacity: vault.capacity,
      used,
      chunks,
    })),
    disk: await store.disk(),
    store: store.health(),
    seen: core.upkeep.scoreboard
      .scores()
      .slice(0, seenMax)
      .map(({ peer, ...rest }) => ({ peerId: peer, ...rest })),
    ...(copies === null ? {} : { copies: { live: copies.live, partial: copies.partial, onLeavers: copies.onLeavers } }),
    suspects: suspectsOf(parts.membership),
    members: membersSeen(view, parts.clock.wallMs()),
    membership: parts.certificates?.status(),
    ports: parts.ports(),
  };
}

/** Whom this node suspects, and why. */
function suspectsOf({ directory, causeOf }: StatusParts["membership"]): NonNullable<NodeStatus["suspects"]> {
  return directory.nodes().flatMap(({ record, state, confirmed }) => {
    if (state !== "suspected") return [];
    return [{ peerId: record.peerId, cause: causeOf(record.peerId) ?? "unseen", confirmed }];
  });
}
