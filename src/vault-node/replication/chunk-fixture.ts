// One chunk in a farm, for tests of what is decided about it: the real directory and lasting view, nodes that hold it, point to
// who does, or give no answer, and time that is set.
import { strict as assert } from "node:assert";
import { createNodeViews, type NodeViews } from "../../network/membership/node-views.ts";
import type { Peers } from "../../network/peers.ts";
import { type Address, addressFromBytes, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { type SigningKey, signingKeyFromSeed, type VaultName, vaultName } from "../../protocol/keys.ts";
import { hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import { createNodeRecord, type NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { VaultState } from "../../protocol/states.ts";
import { createKeepView, type KeepView } from "./keep-view.ts";
import { type RepairDelays, repairDelays } from "./replication-limits.ts";

export const policy: { readonly min: number; readonly target: number; readonly max: number } = { min: 4, target: 5, max: 8 };
export const delays: RepairDelays = repairDelays(1_000);
export const nodesMax = 12;

const placeUnit = 20;
const network = addressFromBytes(new Uint8Array(32));
const keyOf = (n: number): SigningKey => signingKeyFromSeed(new Uint8Array(32).fill(n + 1));
const vaultKeyOf = (n: number): SigningKey => keyOf(n + 100);
const signRecord = (n: number, state: VaultState): NodeRecord =>
  createNodeRecord(network, keyOf(n), {
    addresses: [],
    domain: { region: "", zone: `zone ${n % 3}`, host: `host ${n}` },
    ...{ software: "", startCounter: 1, sequence: 1, signedAtMs: 0 },
    vaults: [{ key: vaultKeyOf(n), capacity: 320, used: 0, chunks: 0, state, wallet: null }],
  });

// Signed once: many farms are made of them.
const signed = new Map<string, NodeRecord>();
const vaults = new Map<PeerId, VaultName>();

/** The record of node `n`, whose one vault is in this state. */
export function recordIn(n: number, state: VaultState): NodeRecord {
  const name = `${n} ${state}`;
  const record = signed.get(name) ?? signRecord(n, state);
  signed.set(name, record);
  vaults.set(record.peerId, vaultName(vaultKeyOf(n).publicKey));
  return record;
}

export type ChunkFarm = {
  readonly views: NodeViews;
  readonly view: KeepView;
  readonly address: Address;
  readonly holders: Set<PeerId>;
  /** Those that seem to be there, and give no answer. */
  readonly deaf: Set<PeerId>;
  /** Who took the chunk, where a vault without room knows it. */
  readonly pointers: Map<PeerId, PeerId>;
  /** What any of them answers to has-chunks. */
  readonly request: Peers["request"];
  setNow(ms: number): void;
};

/** Nodes that all live, and a chunk that nobody holds; another `chunk`, another address. */
export function createChunkFarm(records: readonly NodeRecord[], chunk: number, circle: number): ChunkFarm {
  let now = 0;
  const views = createNodeViews({ placeUnit }, () => now);
  for (const record of records) views.putRecord(record, "live");
  const view = createKeepView({ directory: views.directory, policy, placeUnit, delays, circle, nowMs: () => now });
  const address = chunkAddress(Uint8Array.of(chunk, chunk >> 8));
  const [holders, deaf, pointers] = [new Set<PeerId>(), new Set<PeerId>(), new Map<PeerId, PeerId>()];
  const request: Peers["request"] = async (peer, _kind, message) => {
    const question = decodeMessage(hasChunksRequest, message.body);
    if (!question.ok || deaf.has(peer)) throw new Error("no answer");
    const held = holders.has(peer) ? [{ chunk: address, vault: vaults.get(peer) ?? assert.fail(), size: 1 }] : [];
    const taker = pointers.get(peer);
    const elsewhere = taker === undefined ? [] : [{ chunk: address, peer: taker }];
    return { body: encodeMessage(hasChunksReply, { held, receipts: [], elsewhere }), chunks: [], hashes: [], release: () => {} };
  };
  const setNow = (ms: number): void => {
    now = ms;
    view.tick();
  };
  return { views, view, address, holders, deaf, pointers, request, setNow };
}
