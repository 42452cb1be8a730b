// The client library over parts that are handed in, so that programs (libp2p) and simulations (network in memory) run the
// same code.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, chunkAddress, type ObjectAddress } from "../protocol/address.ts";
import type { Genesis } from "../protocol/genesis.ts";
import { chunkSizeMax } from "../protocol/limits.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { type ChunkCache, type ChunkFetcher, createChunkFetcher } from "./chunk-fetcher.ts";
import { believedHolders, countHolders } from "./chunk-head.ts";
import { abortError } from "./chunk-read.ts";
import { type ClientLimits, clientLimits } from "./client-limits.ts";
import { type ClientMetrics, silentMetrics } from "./client-metrics.ts";
import { type CopiesLedger, createCopiesLedger } from "./copies-ledger.ts";
import { createCopiesRecount } from "./copies-recount.ts";
import { createCopySender } from "./copy-sender.ts";
import type { CustomerMembership, CustomerParts } from "./customer-parts.ts";
import { createDistrust } from "./distrust.ts";
import { ClientError } from "./errors.ts";
import type { FarmClient, OpenObject, StoredChunk } from "./farm-client.ts";
import { createHeldQuestion, type HeldQuestion } from "./held-question.ts";
import { createLastCounts } from "./last-counts.ts";
import { type ChangeBell, createChangeBell, networkView } from "./network-view.ts";
import { type ObjectPutParts, putObject, putOneChunk } from "./object-put.ts";
import type { SelfEncryptor } from "./self-encryption/self-encryptor.ts";
import { createSpoolRoom } from "./spool.ts";

export type FarmClientParts = {
  readonly peers: CustomerParts["peers"];
  readonly membership: CustomerMembership;
  readonly genesis: Genesis;
  /** Without one the client only reads. */
  readonly grant?: Uint8Array;
  readonly encryptor: SelfEncryptor;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: ClientMetrics;
  readonly chunkCache?: ChunkCache;
  /** Where sources of unknown size are kept while they arrive; default: the system's place for such files. */
  readonly spoolDir?: string;
  /** Bytes that they may take there at once; absent: as much as there is. */
  readonly spoolBytesMax?: number;
};

/** A client; `stop` ends what is under way, the encryptor included. */
export function createFarmClient(parts: FarmClientParts, limits: ClientLimits = clientLimits): FarmClient {
  const { membership, genesis, clock, log, encryptor } = parts;
  const { directory } = membership;
  const stopping = new AbortController();
  const customer: CustomerParts = {
    peers: parts.peers,
    membership,
    genesis,
    distrusts: createDistrust(directory, genesis.copies.target, clock),
    grant: parts.grant ?? null,
    clock,
    log,
    metrics: parts.metrics ?? silentMetrics,
    limits,
  };
  const held = createHeldQuestion(customer, false);
  const { bell, ledger, changed } = createCopiesBooks(customer, held, stopping.signal);
  const puts: ObjectPutParts = {
    ...customer,
    encryptor,
    ledger: {
      ...ledger,
      note: (chunk, holders) => {
        ledger.note(chunk, holders);
        changed();
      },
    },
    sender: createCopySender(customer),
    held: createHeldQuestion(customer, true),
    stopping: stopping.signal,
    spoolDir: parts.spoolDir ?? join(tmpdir(), "vaultfarm-spool"),
    ...(parts.spoolBytesMax === undefined ? {} : { spoolRoom: createSpoolRoom(parts.spoolBytesMax) }),
  };
  const fetcher = createChunkFetcher(customer, parts.chunkCache);
  const orStopped = (signal?: AbortSignal): AbortSignal =>
    signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]);
  const lastCounts = createLastCounts(directory);
  const forgetChanges = directory.onChange(() => changed());
  const forgetCertificates = membership.certificates?.onChange(() => bell.ring());
  return {
    putObject: (source, options = {}) => putObject(puts, source, options),
    openObject: (address, signal) => openObject({ encryptor, fetcher, limits, orStopped }, address, signal),
    putChunk: (address, bytes, signal) => putChunk(puts, address, bytes, orStopped(signal)),
    getChunk: async (address, signal) => {
      const chunk = await fetcher.fetch(address, "bulk", orStopped(signal));
      const bytes = new Uint8Array(chunk.bytes);
      chunk.release();
      return bytes;
    },
    headChunk: async (address, signal) => {
      const found = await countHolders({ ...customer, held }, address, orStopped(signal));
      if (found !== undefined) puts.ledger.note(address, found.holders);
      return found === undefined ? undefined : { size: found.size, copies: found.holders.length };
    },
    network: () => networkView({ genesis, membership, ledger, lastCounts }, clock.wallMs()),
    onNetworkChange: bell.onRing,
    ready: () => directory.nodes().filter(({ state }) => state === "live").length >= genesis.copies.min,
    stop: async () => {
      stopping.abort(new ClientError("stopped", "the client is stopping"));
      forgetChanges();
      lastCounts.stop();
      forgetCertificates?.();
      bell.stop();
      await encryptor.stop();
    },
  };
}

type CopiesBooks = { readonly bell: ChangeBell; readonly ledger: CopiesLedger; changed(): void };

/** What is believed of the copies of the chunks in use, counted anew where nodes come and go, and who is told of changes. */
function createCopiesBooks(customer: CustomerParts, held: HeldQuestion, stopping: AbortSignal): CopiesBooks {
  const { membership, genesis, clock, limits } = customer;
  const bell = createChangeBell(clock, limits.changeDelayMs);
  const ledger = createCopiesLedger(limits.ledgerChunksMax);
  const isLive = (peer: PeerId): boolean => membership.directory.node(peer)?.state === "live";
  const recount = createCopiesRecount({
    below: (chunksMax) => ledger.below(genesis.copies.target, isLive, chunksMax),
    note: (chunk, holders) => {
      ledger.note(chunk, holders);
      bell.ring();
    },
    closest: (chunk) => believedHolders(customer, chunk, genesis.copies.target),
    isLive,
    ...{ held, clock, limits, stopping },
  });
  const changed = (): void => {
    bell.ring();
    recount();
  };
  return { bell, ledger, changed };
}

type ReaderParts = {
  readonly encryptor: Pick<SelfEncryptor, "open">;
  readonly fetcher: ChunkFetcher;
  readonly limits: ClientLimits;
  readonly orStopped: (signal?: AbortSignal) => AbortSignal;
};

async function openObject(
  { encryptor, fetcher, limits, orStopped }: ReaderParts,
  address: ObjectAddress,
  signal?: AbortSignal,
): Promise<OpenObject> {
  // A root map is always small; how large the other chunks are is known once it was read.
  const size: { bytes: number | undefined } = { bytes: undefined };
  const kind = (): "small" | "bulk" => (size.bytes === undefined || size.bytes <= limits.smallObjectMax ? "small" : "bulk");
  const opened = await encryptor.open(address, (chunk, by) => fetcher.fetch(chunk, kind(), orStopped(by)), signal);
  size.bytes = opened.bytes;
  return opened;
}

async function putChunk(parts: ObjectPutParts, address: Address, bytes: Uint8Array, signal: AbortSignal): Promise<StoredChunk> {
  if (bytes.length === 0) throw new ClientError("empty", "a chunk has at least one byte");
  if (bytes.length > chunkSizeMax) throw new ClientError("too-large", `a chunk has at most ${chunkSizeMax} bytes, got ${bytes.length}`);
  if (chunkAddress(bytes) !== address) throw new ClientError("wrong-hash", "the bytes do not have this address", { chunk: address });
  if (signal.aborted) throw abortError(signal.reason);
  const probe = bytes.length > parts.limits.smallObjectMax;
  const { holders, sent } = await putOneChunk(parts, { address, bytes, probe }, signal);
  return { address, copies: holders.length, sent };
}
