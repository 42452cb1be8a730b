// What the handlers have in common: the parts they are made of, and how a body becomes a typed request.
import type { z } from "zod";
import type { Message } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage } from "../../protocol/encoding.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { VaultState } from "../../protocol/states.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { GrantCache } from "../admission.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { HandlerError } from "../errors.ts";
import type { ExpectedCopies } from "../expected-copies.ts";
import type { HostedVault } from "../hosted-vault.ts";
import type { NodeEvents } from "../node-events.ts";
import type { PeerShares } from "../peer-shares.ts";

export type HandlerParts = {
  readonly genesis: Genesis;
  readonly node: PeerId;
  readonly vaults: ReadonlyMap<VaultName, HostedVault>;
  /** The state of a vault of this node, now. */
  stateOf(vault: VaultName): VaultState;
  readonly store: ChunkStore;
  readonly grants: GrantCache;
  readonly shares: PeerShares;
  readonly clock: Clock;
  readonly events: NodeEvents;
  /** Whether a chunk from this peer lies too far from here to be kept. */
  isFar(from: PeerId, address: Address): boolean;
  /** What other nodes are sending. */
  readonly expected: ExpectedCopies;
  /** Chunks became durable that were not held before. */
  onStored(addresses: readonly Address[]): void;
  /** Whether a vault takes nothing new for want of room. */
  isFull(vault: VaultName): boolean;
  /** A vault refused a chunk for want of room. */
  onFull(vault: VaultName, address: Address): void;
  /** Who took a chunk that this node had no room for; undefined where that is not known. */
  takerOf(address: Address): PeerId | undefined;
  /** The same as long as this node has no room for it still: who asks need not offer it again. */
  takerInstead(address: Address): PeerId | undefined;
};

/** The typed request in a message. Throws a `HandlerError` malformed. */
export function readRequest<T>(schema: z.ZodType<T>, message: Message, from: PeerId): T {
  const decoded = decodeMessage(schema, message.body);
  if (!decoded.ok) throw new HandlerError("malformed", decoded.why, from);
  return decoded.value;
}
