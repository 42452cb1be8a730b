// Safe to stop: a node's signed statement of what would be missing without it, and the signed word of a second source that
// looked for itself. Whether the two allow a stop is decided by stop-decision.ts.
import { z } from "zod";
import type { Address } from "./address.ts";
import { addressBytes } from "./address.ts";
import { concatBytes } from "./bytes.ts";
import type { Decoded } from "./encoding.ts";
import { hash, hashLength } from "./hash.ts";
import type { SigningKey } from "./keys.ts";
import { type PeerId, peerIdFromPublicKey, publicKeyOfPeerId } from "./peer-id.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { wireBytes, wireCount, wirePeerId } from "./wire-types.ts";

/** restart: it comes back with its disk · removal: it does not. */
export const stopPurposes = ["restart", "removal"] as const;
export type StopPurpose = (typeof stopPurposes)[number];

/** Largest statement of either kind, bytes. */
export const stopStatementMax = 1024;

/**
 * What a node holds and what would be missing without it. `membership`: digest of the nodes and vaults around its chunks;
 * `inventory`: see `createInventoryRoot`; `count`: chunks held; `stayers`: nodes that stay without it; `short`: chunks of
 * which too few copies would be left (`copiesNeeded`); `bytesLeft`: of the copies still to be made, `estimateSeconds` for
 * them at the pace of one node; `statedAtMs`: wall time.
 */
export type StopStatement = {
  readonly node: PeerId;
  readonly startCounter: number;
  readonly purpose: StopPurpose;
  readonly membership: Uint8Array;
  readonly inventory: Uint8Array;
  readonly count: number;
  readonly stayers: number;
  readonly short: number;
  readonly bytesLeft: number;
  readonly estimateSeconds: number;
  readonly statedAtMs: number;
};

/**
 * What the second source found. `statement`: hash of the one it checked; `membership`, `inventory`, `count`, `short`: as it
 * sees them; `audited`: chunks whose holders were challenged, `failed`: those of which too few showed their copy.
 */
export type StopWitness = {
  readonly witness: PeerId;
  readonly statement: Uint8Array;
  readonly membership: Uint8Array;
  readonly inventory: Uint8Array;
  readonly count: number;
  readonly short: number;
  readonly audited: number;
  readonly failed: number;
  readonly statedAtMs: number;
};

const digest: z.ZodType<Uint8Array, Uint8Array> = wireBytes(hashLength).refine(({ length }) => length === hashLength, "a hash");

const statementKind: SignedKind<StopStatement> = {
  tag: "safe-to-stop",
  fields: z.object({
    node: wirePeerId,
    startCounter: wireCount,
    purpose: z.enum(stopPurposes),
    membership: digest,
    inventory: digest,
    count: wireCount,
    stayers: wireCount,
    short: wireCount,
    bytesLeft: wireCount,
    estimateSeconds: wireCount,
    statedAtMs: wireCount,
  }),
};

const witnessKind: SignedKind<StopWitness> = {
  tag: "stop-witness",
  fields: z.object({
    witness: wirePeerId,
    statement: digest,
    membership: digest,
    inventory: digest,
    count: wireCount,
    short: wireCount,
    audited: wireCount,
    failed: wireCount,
    statedAtMs: wireCount,
  }),
};

/** A statement signed by the node itself. */
export function signStopStatement(networkId: Address, nodeKey: SigningKey, statement: Omit<StopStatement, "node">): Uint8Array {
  return signFields(statementKind, networkId, nodeKey, { ...statement, node: peerIdFromPublicKey(nodeKey.publicKey) });
}

/** A statement out of untrusted bytes, its signature checked. Never throws. */
export function readStopStatement(networkId: Address, bytes: Uint8Array): Decoded<StopStatement> {
  return readBy(statementKind, { networkId, bytes }, ({ node }) => node);
}

/** The word of a second source. */
export function signStopWitness(networkId: Address, nodeKey: SigningKey, witness: Omit<StopWitness, "witness">): Uint8Array {
  return signFields(witnessKind, networkId, nodeKey, { ...witness, witness: peerIdFromPublicKey(nodeKey.publicKey) });
}

/** The word of a second source out of untrusted bytes, its signature checked. Never throws. */
export function readStopWitness(networkId: Address, bytes: Uint8Array): Decoded<StopWitness> {
  return readBy(witnessKind, { networkId, bytes }, ({ witness }) => witness);
}

type Received = { readonly networkId: Address; readonly bytes: Uint8Array };

function readBy<T>(kind: SignedKind<T>, { networkId, bytes }: Received, signer: (fields: T) => PeerId): Decoded<T> {
  if (bytes.length > stopStatementMax) return { ok: false, code: "wrong-shape", why: `at most ${stopStatementMax} bytes` };
  const opened = openSigned(kind, bytes);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, networkId, publicKeyOfPeerId(signer(fields))))
    return { ok: false, code: "wrong-shape", why: `not signed by ${signer(fields)} for this network` };
  return { ok: true, value: fields };
}

/** How many copies of a chunk must be left without the node: `min` for a restart, `target` for a removal as far as nodes are left. */
export function copiesNeeded(purpose: StopPurpose, copies: { readonly min: number; readonly target: number }, stayers: number): number {
  return purpose === "restart" ? copies.min : Math.min(copies.target, stayers);
}

export type InventoryRoot = {
  /** Takes the next address; they come in ascending order. */
  add(address: Address): void;
  /** The root over all that came. */
  end(): Uint8Array;
};

/**
 * The root of an inventory's range digests: the 256 ranges of addresses with the same first byte, each the hash of its
 * addresses in order, and the hash of these. Only one range is in memory.
 */
export function createInventoryRoot(): InventoryRoot {
  const digests: Uint8Array[] = [];
  let range: Uint8Array[] = [];
  const close = (before: number): void => {
    while (digests.length < before) {
      digests.push(hash(concatBytes(...range)));
      range = [];
    }
  };
  return {
    add: (address) => {
      const bytes = addressBytes(address);
      close(bytes[0] ?? 0);
      range.push(bytes);
    },
    end: () => {
      close(256);
      return hash(concatBytes(...digests));
    },
  };
}
