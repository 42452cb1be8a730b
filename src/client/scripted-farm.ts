// A small farm for the client's own tests: vaults in memory that really keep, serve and sign over the in-memory network,
// and whose behaviour a test may bend. What a vault node really does is tested with the real one elsewhere.
import { createMemoryNetwork, type MemoryNetwork } from "../network/in-memory/memory-network.ts";
import { createNodeViews } from "../network/membership/node-views.ts";
import type { Answer, Handler, Peers, RequestKind } from "../network/peers.ts";
import { type Address, chunkAddress } from "../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { createGenesis, type Genesis } from "../protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed, vaultName } from "../protocol/keys.ts";
import { getChunksReply, getChunksRequest } from "../protocol/messages/get-chunks.ts";
import { hasChunksReply, hasChunksRequest } from "../protocol/messages/has-chunks.ts";
import { putChunksReply, putChunksRequest } from "../protocol/messages/put-chunks.ts";
import { createNodeRecord } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { type RefusalReason, signReceipt } from "../protocol/receipt.ts";
import type { NodeViewState, VaultState } from "../protocol/states.ts";
import type { Clock } from "../runtime/clock.ts";
import { silentLog } from "../runtime/log.ts";
import { seededRandom } from "../runtime/random.ts";
import type { ChunkCache } from "./chunk-fetcher.ts";
import { type ClientLimits, clientLimits } from "./client-limits.ts";
import { type ClientMetrics, silentMetrics } from "./client-metrics.ts";
import { createFarmClient } from "./create-farm-client.ts";
import type { FarmClient } from "./farm-client.ts";
import { createSelfEncryptor } from "./self-encryption/self-encryptor.ts";

/** How a vault behaves: as it should where nothing is set. */
export type Behaviour = {
  refuses?: RefusalReason | undefined;
  /** Signs with another key than the directory knows, for another node, or over other chunks. */
  forges?: "key" | "node" | "chunks" | undefined;
  servesWrongBytes?: boolean | undefined;
  /** Says of every chunk it lacks that this node took it. */
  pointsTo?: PeerId | undefined;
  /** Takes requests of these kinds and never answers. */
  silent?: readonly RequestKind[] | undefined;
  /** Called at each request, before it is carried out. */
  onRequest?: ((kind: RequestKind) => void) | undefined;
  /** What it answers in place of what it should; undefined: as it should. */
  answers?: ((kind: RequestKind) => Answer | undefined) | undefined;
};

export type ScriptedVault = {
  readonly number: number;
  readonly peer: PeerId;
  readonly chunks: Map<Address, Uint8Array>;
  readonly behaviour: Behaviour;
};

export type ScriptedFarm = {
  readonly genesis: Genesis;
  readonly network: MemoryNetwork;
  readonly vaults: readonly ScriptedVault[];
  readonly client: FarmClient;
  /** Requests the client sent, by kind. */
  readonly requests: Map<RequestKind, number>;
  /** Nodes whose failure the client reported. */
  readonly reported: Set<PeerId>;
  setState(peer: PeerId, state: NodeViewState): void;
  /** The vaults that have the chunk. */
  holders(address: Address): readonly ScriptedVault[];
  vault(peer: PeerId | undefined): ScriptedVault;
  /** The nodes closest to an address, nearest first. */
  closest(address: Address, count: number): readonly ScriptedVault[];
  stop(): Promise<void>;
};

export type FarmOptions = {
  readonly nodes: number;
  readonly clock: Clock;
  readonly limits?: Partial<ClientLimits>;
  readonly metrics?: Partial<ClientMetrics>;
  readonly chunkCache?: ChunkCache;
  readonly states?: (number: number) => VaultState;
};

const gib = 2 ** 30;
const copies = { min: 4, target: 5, max: 8 };

/** A started farm of `nodes` nodes with a vault each, in three zones, and a client that knows them all. */
export async function startScriptedFarm(options: FarmOptions): Promise<ScriptedFarm> {
  const { clock } = options;
  const genesis = createGenesis({ name: "scripted", copies, placeUnit: gib, createdAt: 0 }, signingKeyFromSeed(seedOf(0, 3)));
  const network = createMemoryNetwork({ clock, random: seededRandom(7) });
  const views = createNodeViews(genesis, clock.wallMs);
  const self = network.createPeers(seedOf(0, 4), { listen: false });
  const vaults: ScriptedVault[] = [];
  for (let number = 1; number <= options.nodes; number += 1)
    vaults.push(await startVault({ genesis, network, self, views, options }, number));
  await self.start();
  const requests = new Map<RequestKind, number>();
  const reported = new Set<PeerId>();
  const client = createFarmClient(
    {
      peers: {
        request: (peer, kind, message, asked) => {
          requests.set(kind, (requests.get(kind) ?? 0) + 1);
          return self.request(peer, kind, message, asked);
        },
      },
      membership: { directory: views.directory, reportFailure: (peer) => void reported.add(peer) },
      genesis,
      grant: new Uint8Array(8),
      encryptor: createSelfEncryptor({ workers: 1 }),
      clock,
      log: silentLog,
      metrics: { ...silentMetrics, ...options.metrics },
      ...(options.chunkCache === undefined ? {} : { chunkCache: options.chunkCache }),
    },
    { ...clientLimits, ...options.limits },
  );
  const vault = (peer: PeerId | undefined): ScriptedVault => {
    const found = vaults.find((one) => one.peer === peer);
    if (found === undefined) throw new RangeError(`no vault ${peer}`);
    return found;
  };
  return {
    genesis,
    network,
    vaults,
    client,
    requests,
    reported,
    setState: views.setState,
    holders: (address) => vaults.filter(({ chunks }) => chunks.has(address)),
    vault,
    closest: (address, count) => views.directory.closest(address, count, "read").holders.map(({ peer }) => vault(peer)),
    stop: () => client.stop(),
  };
}

type FarmParts = {
  readonly genesis: Genesis;
  readonly network: MemoryNetwork;
  readonly self: Peers;
  readonly views: ReturnType<typeof createNodeViews>;
  readonly options: FarmOptions;
};

async function startVault({ genesis, network, self, views, options }: FarmParts, number: number): Promise<ScriptedVault> {
  const peers = network.createPeers(seedOf(number, 1));
  const key = signingKeyFromSeed(seedOf(number, 2));
  const vault: ScriptedVault = { number, peer: peers.self, chunks: new Map(), behaviour: {} };
  const node = { vault, key, genesis, clock: options.clock };
  peers.handle("put-chunks", bent(vault, "put-chunks", put(node)));
  peers.handle("get-chunks", bent(vault, "get-chunks", get(node)));
  peers.handle("has-chunks", bent(vault, "has-chunks", has(node)));
  await peers.start();
  self.learn(peers.self, peers.addresses());
  const record = createNodeRecord(genesis.networkId, signingKeyFromSeed(seedOf(number, 1)), {
    addresses: peers.addresses(),
    domain: { region: "", zone: `zone-${number % 3}`, host: `host-${number}` },
    software: "test",
    startCounter: 1,
    sequence: 1,
    signedAtMs: 0,
    vaults: [{ key, capacity: 32 * gib, used: 0, chunks: 0, state: options.states?.(number) ?? "active", wallet: null }],
  });
  views.putRecord(record, "live");
  return vault;
}

function seedOf(number: number, kind: number): Uint8Array {
  const seed = new Uint8Array(32).fill(kind);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
}

type ScriptedNode = { readonly vault: ScriptedVault; readonly key: SigningKey; readonly genesis: Genesis; readonly clock: Clock };

function bent({ behaviour }: ScriptedVault, kind: RequestKind, handler: Handler): Handler {
  return async (from, message, signal) => {
    behaviour.onRequest?.(kind);
    const instead = behaviour.answers?.(kind);
    if (instead !== undefined) return instead;
    return behaviour.silent?.includes(kind) === true ? new Promise(() => {}) : handler(from, message, signal);
  };
}

function receiptOver({ vault, key, genesis, clock }: ScriptedNode, chunks: readonly Address[]): Uint8Array {
  const { forges } = vault.behaviour;
  const signer = forges === "key" ? signingKeyFromSeed(seedOf(999, 9)) : key;
  const node = forges === "node" ? ("12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN" as PeerId) : vault.peer;
  const signed = forges === "chunks" ? chunks.map((chunk) => chunkAddress(Buffer.from(chunk))) : chunks;
  return signReceipt(genesis.networkId, signer, { node, chunks: signed, storedAtMs: clock.wallMs() });
}

function put(node: ScriptedNode): Handler {
  return async (_from, message): Promise<Answer> => {
    const request = decodeMessage(putChunksRequest, message.body);
    if (!request.ok) throw new Error(request.why);
    const { refuses } = node.vault.behaviour;
    const chunks = request.value.groups.flatMap((group) => group.chunks);
    if (refuses === undefined)
      chunks.forEach((chunk, index) => {
        node.vault.chunks.set(chunk, new Uint8Array(message.chunks[index] ?? []));
      });
    message.release();
    const refused = refuses === undefined ? [] : chunks.map((chunk) => ({ chunk, reason: refuses }));
    const receipt = refuses === undefined ? receiptOver(node, chunks) : null;
    const groups = [{ vault: vaultName(node.key.publicKey), receipt, refused, refusals: [] }];
    return { body: encodeMessage(putChunksReply, { groups }), chunks: [] };
  };
}

function get({ vault }: ScriptedNode): Handler {
  return async (_from, message): Promise<Answer> => {
    const request = decodeMessage(getChunksRequest, message.body);
    if (!request.ok) throw new Error(request.why);
    const found = request.value.chunks.filter((chunk) => vault.chunks.has(chunk));
    const missing = request.value.chunks
      .filter((chunk) => !vault.chunks.has(chunk))
      .map((chunk) => ({ chunk, reason: "not-held" as const }));
    const bytes = found.map((chunk) => new Uint8Array(vault.chunks.get(chunk) ?? []));
    if (vault.behaviour.servesWrongBytes === true) for (const one of bytes) one[0] = (one[0] ?? 0) ^ 1;
    const { pointsTo } = vault.behaviour;
    const elsewhere = pointsTo === undefined ? {} : { elsewhere: missing.map(({ chunk }) => ({ chunk, peer: pointsTo })) };
    return { body: encodeMessage(getChunksReply, { found, missing, ...elsewhere }), chunks: bytes };
  };
}

function has(node: ScriptedNode): Handler {
  return async (_from, message): Promise<Answer> => {
    const request = decodeMessage(hasChunksRequest, message.body);
    if (!request.ok) throw new Error(request.why);
    const held = request.value.chunks.flatMap((chunk) => {
      const bytes = node.vault.chunks.get(chunk);
      return bytes === undefined ? [] : [{ chunk, vault: vaultName(node.key.publicKey), size: bytes.length }];
    });
    const signed = request.value.receipts && held.length > 0;
    const receipts = signed
      ? [
          receiptOver(
            node,
            held.map(({ chunk }) => chunk),
          ),
        ]
      : [];
    return { body: encodeMessage(hasChunksReply, { held, receipts }), chunks: [] };
  };
}
