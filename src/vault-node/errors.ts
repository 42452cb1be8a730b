// What can go wrong in a vault node, as error classes with closed sets of codes. Each message says what to do.
import type { IdentityClash } from "../network/membership/own-node.ts";
import type { NodeAddress } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";

/**
 * in-use: another process has the volume · newer-format: written by a newer program that this one cannot follow ·
 * older-format: too old for this one · fewer-vaults: the configuration wants fewer vaults than there are ·
 * damaged: a file of the volume is missing or unreadable · wrong-network: it belongs to another network.
 */
export type VolumeErrorCode = "in-use" | "newer-format" | "older-format" | "fewer-vaults" | "damaged" | "wrong-network";

/** A volume that cannot be used. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
  readonly code: VolumeErrorCode;
  constructor(code: VolumeErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** malformed: the request breaks the protocol · busy: over this peer's share · not-serving: fenced, offline or stopping · stranger: only nodes may ask. */
export const handlerErrorCodes = ["malformed", "busy", "not-serving", "stranger"] as const;
export type HandlerErrorCode = (typeof handlerErrorCodes)[number];

/** A request that gets no answer; the asker sees `refused`, or `busy`. */
export class HandlerError extends Error {
  override readonly name = "HandlerError";
  readonly code: HandlerErrorCode;
  readonly peer: PeerId;
  constructor(code: HandlerErrorCode, message: string, peer: PeerId) {
    super(message);
    this.code = code;
    this.peer = peer;
  }
}

/**
 * bad-file: a file named in the configuration is missing or not what it should be · disk-too-small: less than the declared
 * capacity · identity-clash: another node has this identity.
 */
export type VaultNodeErrorCode = "bad-file" | "disk-too-small" | "identity-clash";

/** A vault node that cannot start, or cannot go on. */
export class VaultNodeError extends Error {
  override readonly name = "VaultNodeError";
  readonly code: VaultNodeErrorCode;
  constructor(code: VaultNodeErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** Another process has this node's identity, with a higher start counter: the volume was copied. */
export function clashError(peerId: PeerId, clash: IdentityClash): VaultNodeError {
  const [own, other] = [addressesText(clash.own), addressesText(clash.other)];
  return new VaultNodeError(
    "identity-clash",
    `node ${peerId} runs twice: here at ${own} (start ${clash.ownStartCounter}) and at ${other} (start ${clash.otherStartCounter}); ` +
      "this one stops; if the volume was copied, start the copy with an empty volume instead",
  );
}

/** The file system has less than the vaults declare; sizes in bytes. */
export function diskTooSmallError(
  declared: { readonly vaults: number; readonly vaultCapacity: number },
  totalBytes: number,
): VaultNodeError {
  // Room for index and repair bookkeeping, and what every disk keeps free.
  const fitting = Math.floor((totalBytes * 0.9) / declared.vaults);
  return new VaultNodeError(
    "disk-too-small",
    `${declared.vaults} vaults of ${declared.vaultCapacity} bytes do not fit a disk of ${totalBytes} bytes: ` +
      `set VAULTFARM_VAULT_CAPACITY to at most ${fitting}, or use a larger disk`,
  );
}

function addressesText(addresses: readonly NodeAddress[]): string {
  return addresses.map(({ ip, libp2p }) => `${ip} port ${libp2p}`).join(", ");
}
