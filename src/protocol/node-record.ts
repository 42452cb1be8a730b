// Node records: what a node says of itself and its vaults, signed by the node key, each vault entry signed by the vault
// key too. They spread by gossip; for one PeerId the newest (start counter, sequence) wins.
import { z } from "zod";
import type { Address } from "./address.ts";
import { toHex } from "./bytes.ts";
import { hash } from "./hash.ts";
import { type PublicKey, type SigningKey, type VaultName, vaultName } from "./keys.ts";
import { clockToleranceMs, nodeAddressCountMax, nodeRecordMax, vaultsPerNodeMax } from "./limits.ts";
import { type NodeFigures, nodeFigures } from "./node-figures.ts";
import { type PeerId, peerIdFromPublicKey, publicKeyOfPeerId } from "./peer-id.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "./signed.ts";
import { type VaultState, vaultStates } from "./states.ts";
import { wireBytes, wireCount, wirePeerId, wirePublicKey } from "./wire-types.ts";

const port = z.int().min(0).max(65535);

/** Where a node listens: an IP address (never a name) and its three ports; 0 = not offered. */
export type NodeAddress = { readonly ip: string; readonly libp2p: number; readonly lane: number; readonly heartbeat: number };
export const nodeAddress: z.ZodType<NodeAddress> = z.object({
  ip: z.union([z.ipv4(), z.ipv6()]),
  libp2p: port,
  lane: port,
  heartbeat: port,
});

/** What may fail together, from large to small; empty text = not known. */
export type FailureDomain = { readonly region: string; readonly zone: string; readonly host: string };
const failureDomain: z.ZodType<FailureDomain> = z.object({
  region: z.string().max(63),
  zone: z.string().max(63),
  host: z.string().max(253),
});

/** What a vault vouches for with its own key: that this node hosts it, and how many bytes it declares. */
type VaultClaim = { readonly publicKey: PublicKey; readonly node: PeerId; readonly capacity: number };
const vaultEntryKind: SignedKind<VaultClaim> = {
  tag: "vault-entry",
  fields: z.object({ publicKey: wirePublicKey, node: wirePeerId, capacity: wireCount }),
};

type HostedVault = {
  readonly entry: Uint8Array;
  readonly used: number;
  readonly chunks: number;
  readonly state: VaultState;
  readonly wallet: PublicKey | null;
};
const hostedVault: z.ZodType<HostedVault> = z.object({
  entry: wireBytes(512),
  used: wireCount,
  chunks: wireCount,
  state: z.enum(vaultStates),
  wallet: wirePublicKey.nullable(),
});

type RecordFields = {
  readonly peerId: PeerId;
  readonly addresses: readonly NodeAddress[];
  readonly domain: FailureDomain;
  readonly software: string;
  /** Rises by one at every start of the process; a copy of the volume has a lower one or a clash. */
  readonly startCounter: number;
  /** Rises by one with every record of this start. */
  readonly sequence: number;
  /** Wall time, milliseconds. */
  readonly signedAtMs: number;
  readonly vaults: readonly HostedVault[];
  /** For people to see; absent from older nodes. */
  readonly figures?: NodeFigures;
};
const recordFields: z.ZodType<RecordFields> = z.object({
  peerId: wirePeerId,
  addresses: z.array(nodeAddress).max(nodeAddressCountMax),
  domain: failureDomain,
  software: z.string().max(63),
  startCounter: wireCount,
  sequence: wireCount,
  signedAtMs: wireCount,
  vaults: z.array(hostedVault).max(vaultsPerNodeMax),
  figures: z.exactOptional(nodeFigures),
});
const recordKind: SignedKind<RecordFields> = { tag: "node-record", fields: recordFields };

/** A vault as its node's record shows it; capacity and used in bytes. */
export type VaultEntry = {
  readonly name: VaultName;
  readonly publicKey: PublicKey;
  readonly capacity: number;
  readonly used: number;
  readonly chunks: number;
  readonly state: VaultState;
  readonly wallet: PublicKey | null;
};

/** A verified node record with its bytes, which are passed on unchanged. */
export type NodeRecord = Omit<RecordFields, "vaults"> & { readonly vaults: readonly VaultEntry[]; readonly bytes: Uint8Array };

/** What a node fills in to make its record; each vault brings its own key. */
export type NodeRecordDraft = Omit<RecordFields, "vaults" | "peerId"> & {
  readonly vaults: readonly (Omit<VaultEntry, "name" | "publicKey"> & { readonly key: SigningKey })[];
};

/** A record signed by the node and each of its vaults. Throws for a draft over a limit. */
export function createNodeRecord(networkId: Address, nodeKey: SigningKey, draft: NodeRecordDraft): NodeRecord {
  const peerId = peerIdFromPublicKey(nodeKey.publicKey);
  const vaults = draft.vaults.map(({ key, capacity, used, chunks, state, wallet }) => ({
    entry: signEntry(networkId, key, { publicKey: key.publicKey, node: peerId, capacity }),
    used,
    chunks,
    state,
    wallet,
  }));
  const bytes = signFields(recordKind, networkId, nodeKey, { ...draft, peerId, vaults });
  const entries = draft.vaults.map(({ key, ...rest }) => ({ ...rest, name: vaultName(key.publicKey), publicKey: key.publicKey }));
  return { ...draft, peerId, vaults: entries, bytes };
}

/** Why a record was refused: over the size limit, not a record, of another network, not signed by its node or vaults, or signed too far in the future. */
export const recordRefusals = ["too-large", "malformed", "other-network", "bad-signature", "future"] as const;
export type RecordRefusal = (typeof recordRefusals)[number];

/** A verified record, or why there is none. */
export type RecordReading =
  | { readonly ok: true; readonly value: NodeRecord }
  | { readonly ok: false; readonly code: RecordRefusal; readonly why: string };

/** A record out of untrusted bytes, all signatures checked, not from the future (`wallMs`). Never throws. */
export function readNodeRecord(networkId: Address, bytes: Uint8Array, wallMs: number): RecordReading {
  if (bytes.length > nodeRecordMax) return refuse("too-large", `a node record has at most ${nodeRecordMax} bytes, got ${bytes.length}`);
  const opened = openSigned(recordKind, bytes);
  if (!opened.ok) return refuse("malformed", opened.why);
  const { fields } = opened.value;
  if (opened.value.networkId !== networkId) return refuse("other-network", `of network ${opened.value.networkId}, ours is ${networkId}`);
  // The time is checked first: it costs nothing, a signature costs a tenth of a millisecond.
  if (fields.signedAtMs > wallMs + clockToleranceMs) return refuse("future", `signed at ${fields.signedAtMs}, here it is ${wallMs}`);
  if (!verifyOpened(opened.value, networkId, publicKeyOfPeerId(fields.peerId))) return refuse("bad-signature", "bad signature of the node");
  const vaults = readVaults(networkId, fields);
  return vaults.ok ? { ok: true, value: { ...fields, vaults: vaults.value, bytes } } : vaults;
}

function refuse(code: RecordRefusal, why: string): { readonly ok: false; readonly code: RecordRefusal; readonly why: string } {
  return { ok: false, code, why };
}

type VaultReading = { readonly ok: true; readonly value: readonly VaultEntry[] } | ReturnType<typeof refuse>;

function readVaults(networkId: Address, fields: RecordFields): VaultReading {
  const vaults: VaultEntry[] = [];
  const names = new Set<VaultName>();
  for (const { entry, ...rest } of fields.vaults) {
    const read = readEntry(networkId, entry);
    if (!read.ok) return read;
    const { publicKey, node, capacity, name } = read.value;
    if (names.has(name)) return refuse("malformed", `vault ${name} is listed twice`);
    if (node !== fields.peerId) return refuse("bad-signature", `a vault entry that was signed for ${node}`);
    names.add(name);
    vaults.push({ ...rest, capacity, publicKey, name });
  }
  return { ok: true, value: vaults };
}

// A vault's claim stays the same from record to record: it is signed and verified once, so that a record of 256 vaults
// costs one signature, not 257.
const signedEntries = new WeakMap<SigningKey, { readonly networkId: Address; readonly claim: VaultClaim; readonly entry: Uint8Array }>();
const readEntries = new Map<string, VaultClaim & { readonly name: VaultName }>();
const readEntriesMax = 16_384;

function signEntry(networkId: Address, key: SigningKey, claim: VaultClaim): Uint8Array {
  const before = signedEntries.get(key);
  if (before?.networkId === networkId && before.claim.node === claim.node && before.claim.capacity === claim.capacity) return before.entry;
  const entry = signFields(vaultEntryKind, networkId, key, claim);
  signedEntries.set(key, { networkId, claim, entry });
  return entry;
}

type EntryReading = { readonly ok: true; readonly value: VaultClaim & { readonly name: VaultName } } | ReturnType<typeof refuse>;

function readEntry(networkId: Address, entry: Uint8Array): EntryReading {
  const key = `${networkId} ${toHex(hash(entry))}`;
  const known = readEntries.get(key);
  if (known !== undefined) return { ok: true, value: known };
  const opened = openSigned(vaultEntryKind, entry);
  if (!opened.ok) return refuse("malformed", opened.why);
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, networkId, fields.publicKey)) return refuse("bad-signature", "a vault entry that its vault did not sign");
  if (readEntries.size >= readEntriesMax) readEntries.clear();
  const value = { ...fields, name: vaultName(fields.publicKey) };
  readEntries.set(key, value);
  return { ok: true, value };
}

/** Whether `a` replaces `b` as the record of one PeerId. */
export function isNewer(a: Pick<NodeRecord, "startCounter" | "sequence">, b: Pick<NodeRecord, "startCounter" | "sequence">): boolean {
  return a.startCounter !== b.startCounter ? a.startCounter > b.startCounter : a.sequence > b.sequence;
}
