// This node's own record: numbered, signed and renewed here; and the clash, when another process shows the same identity.
import type { Address } from "../../protocol/address.ts";
import type { SigningKey } from "../../protocol/keys.ts";
import { createNodeRecord, isNewer, type NodeAddress, type NodeRecord, type NodeRecordDraft } from "../../protocol/node-record.ts";

/** A node that is itself a member: its key, how often its volume was started, and whether it began the network. */
export type OwnNode = { readonly key: SigningKey; readonly startCounter: number; readonly founder: boolean };

/** What a node says of itself; counters and time are filled in. */
export type OwnRecordDraft = Omit<NodeRecordDraft, "startCounter" | "sequence" | "signedAtMs">;

/** Two processes with one identity. This one must stop; its addresses, the other's, and both start counters. */
export type IdentityClash = {
  readonly own: readonly NodeAddress[];
  readonly other: readonly NodeAddress[];
  readonly ownStartCounter: number;
  readonly otherStartCounter: number;
};

/** `stop`: this process must go · `renew`: the other must, and learns it from a record newer than its own · `ignore`: an old record of this very process. */
export type ClashVerdict =
  | { readonly kind: "stop"; readonly clash: IdentityClash }
  | { readonly kind: "renew" }
  | { readonly kind: "ignore" };

/** Signs the record of this draft that follows `previous`. */
export function signOwnRecord(
  networkId: Address,
  own: OwnNode,
  draft: OwnRecordDraft,
  at: { readonly sequence: number; readonly wallMs: number },
): NodeRecord {
  return createNodeRecord(networkId, own.key, { ...draft, startCounter: own.startCounter, sequence: at.sequence, signedAtMs: at.wallMs });
}

/**
 * What a record of the own identity means that came from outside. The lower start counter goes; of two equal ones (a
 * volume copied while stopped) the one whose addresses sort lower, so that both sides decide alike.
 */
export function judgeClash(current: NodeRecord, seen: NodeRecord): ClashVerdict {
  if (seen.startCounter < current.startCounter || Buffer.compare(seen.bytes, current.bytes) === 0) return { kind: "ignore" };
  const stop: ClashVerdict = {
    kind: "stop",
    clash: {
      own: current.addresses,
      other: seen.addresses,
      ownStartCounter: current.startCounter,
      otherStartCounter: seen.startCounter,
    },
  };
  if (seen.startCounter > current.startCounter) return stop;
  const [mine, theirs] = [addressText(current), addressText(seen)];
  // An earlier record of this process lies behind the current one and has its addresses.
  if (mine === theirs && !isNewer(seen, current)) return { kind: "ignore" };
  return mine < theirs ? stop : { kind: "renew" };
}

function addressText({ addresses }: NodeRecord): string {
  return addresses.map(({ ip, libp2p }) => `${ip} ${libp2p}`).join(",");
}
