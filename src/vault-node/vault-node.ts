// A vault node, built top to bottom: files, volume, store, peers, membership, core, servers. Reading this file is reading
// what a node consists of; stopping goes the other way round.

import type { Detector } from "../network/detector/detector.ts";
import { createSuspicionBoard } from "../network/detector/suspicion-board.ts";
import { createLibp2pPeers } from "../network/libp2p/libp2p-peers.ts";
import { createFileCertificateStore } from "../network/membership/certificates/certificate-store.ts";
import type { CertificatePart } from "../network/membership/certificates/certificates.ts";
import { createFileRecordCache } from "../network/membership/file-record-cache.ts";
import { createMembership, type Membership } from "../network/membership/membership.ts";
import type { OpenNetwork } from "../network/membership/newcomers.ts";
import type { Peers } from "../network/peers.ts";
import type { LeavingProof } from "../protocol/messages/goodbye.ts";
import type { NodeAddress } from "../protocol/node-record.ts";
import { createLifecycle, type Lifecycle, type Part } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { createMetricsRegistry } from "../runtime/metrics-registry.ts";
import type { Program } from "../runtime/run-until-signal.ts";
import { repairDelayOf, type VaultNodeConfig } from "./config.ts";
import { createVaultNodeCore, type VaultNodeCore } from "./core.ts";
import { createDetectorMetrics, registerViewFigures } from "./detector-metrics.ts";
import { clashError } from "./errors.ts";
import { registerMembershipFigures, registerSpreadFigures } from "./membership-metrics.ts";
import { createNodeCounters } from "./metrics.ts";
import { createNodeDetector } from "./node-detector.ts";
import { loggedEvents } from "./node-events.ts";
import { readGenesisFile, readNetworkKeyFile } from "./node-files.ts";
import { createNodePhases } from "./node-phases.ts";
import { createServers, type Servers } from "./node-servers.ts";
import { identityOf, openBooks, openStore } from "./open-vaults.ts";
import type { Organs, VaultNodeTools } from "./organs.ts";
import { createOwnGrant, type OwnGrant } from "./own-grant.ts";
import { isAlone, watchPeersFile } from "./peers-file-watch.ts";
import { peersStartError } from "./peers-start-error.ts";
import { limitsOfRound } from "./reconciliation/reconciliation-limits.ts";
import { registerFigures } from "./register-figures.ts";
import { repairDelays, replicationLimits } from "./replication/replication-limits.ts";
import { createReplicationCounters, registerReplicationFigures } from "./replication-metrics.ts";
import { createLeaving } from "./safe-to-stop/leaving.ts";
import { openVolume, type Volume } from "./volume/volume.ts";

/** The program of a vault node. Its `start` rejects with a `VolumeError`, `VaultNodeError` or `ListenError` that says what to do. */
export function createVaultNode(config: VaultNodeConfig, tools: VaultNodeTools): Program {
  const failed = Promise.withResolvers<Error>();
  let running: Lifecycle | undefined;
  return {
    failed: failed.promise,
    start: async (signal) => {
      running = await build(config, tools, failed.resolve);
      await running.start(signal);
    },
    stop: async () => running?.stop(),
  };
}

async function build(config: VaultNodeConfig, tools: VaultNodeTools, fail: (error: Error) => void): Promise<Lifecycle> {
  const { clock, random, log } = tools;
  // What was opened is closed again where something after it fails.
  await using undo = new AsyncDisposableStack();
  const genesis = await readGenesisFile(config.genesisFile);
  const networkKey = config.networkKeyFile === undefined ? undefined : await readNetworkKeyFile(config.networkKeyFile);
  const volume = undo.adopt(
    await openVolume({ directory: config.dataDir, vaults: config.vaults, networkId: genesis.networkId }, random),
    (opened) => opened.close(),
  );
  const identity = identityOf(config, genesis, volume);
  const store = undo.adopt(await openStore(config, identity, { volume, ...tools }), (opened) => opened.close());
  const pointerBooks = await openBooks(identity, volume, log);
  const peers = await createLibp2pPeers({
    networkId: genesis.networkId,
    seed: volume.nodeSeed,
    ...(networkKey === undefined ? {} : { networkKey }),
    listen: { ...listenOf(config), heartbeatPort: () => detector.port() },
    clock,
    log: log.with({ part: "peers" }),
  });
  const board = createSuspicionBoard();
  const grant = createOwnGrant(volume);
  const membership: Membership = createMembership({
    peers,
    genesis,
    clock,
    random,
    log: log.with({ part: "membership" }),
    cache: createFileRecordCache(volume.peersCachePath, log),
    ...{ feed: board, onPause: () => detector.forget(), open: networkKey === undefined ? openNetwork(config) : undefined },
    own: { key: volume.nodeKey, startCounter: volume.startCounter, founder: config.founder },
    certificates: certificatePart(config, volume, grant, log),
  });
  const registry = createMetricsRegistry({ processMetrics: true });
  registerViewFigures(registry, membership.directory.nodes);
  registerSpreadFigures(registry, membership.directory, genesis);
  registerMembershipFigures(registry, membership.certificates);
  const onEvent = createDetectorMetrics(registry);
  const detector: Detector = createNodeDetector({ config, peers, membership, board, genesis, networkKey, clock, random, log, onEvent });
  const events = loggedEvents(createNodeCounters(registry), log);
  const replication = {
    limits: { ...replicationLimits, repairDelayMs: repairDelays(repairDelayOf(config)) },
    grant: grant.bytes,
    events: createReplicationCounters(registry),
  };
  const core = createVaultNodeCore({
    identity,
    peers,
    store,
    membership,
    clock,
    random,
    log,
    desired: volume.desired,
    events,
    scoreMemory: volume.scores,
    pointerBooks,
    replication,
    reconciliation: limitsOfRound(config.compareEveryMs),
    stopping: { key: volume.nodeKey, startCounter: volume.startCounter },
  });
  const phases = createNodePhases(membership.joined);
  const leaving = createLeaving({ ...identity, startCounter: volume.startCounter, directory: membership.directory, clock });
  const organs: Organs = { leaving, config, tools, identity, volume, grant, store, peers, membership, board, detector, core, phases };
  registerFigures(registry, organs);
  registerReplicationFigures(registry, { copies: core.copies, counted: () => core.figures().copies, policy: genesis.copies });
  const servers = createServers(organs, registry);
  membership.onClash((clash) => fail(clashError(volume.peerId, clash)));
  undo.move();
  return createLifecycle(partsOf(organs, servers), { clock, log }, { stopMs: config.stopGraceMs / 2 });
}

function certificatePart(config: VaultNodeConfig, volume: Volume, grant: OwnGrant, log: Log): CertificatePart {
  // Twice the repair delay: by then what the node held was copied elsewhere.
  const limits = { lostAfterMs: 2 * repairDelayOf(config) };
  return { store: createFileCertificateStore(volume.certificatePaths, log), grant: grant.bytes, limits };
}

/** In the order of their start; stopped in reverse. */
function partsOf(
  { config, tools, volume, store, peers, membership, detector, core, phases, leaving }: Organs,
  { health, admin }: Servers,
): readonly Part[] {
  const { clock, log } = tools;
  const use = (addresses: readonly NodeAddress[]): void => membership.bootstrap(withoutOwn(addresses, peers.addresses()));
  const watching = new AbortController();
  return [
    { name: "volume", stop: () => volume.close() },
    { name: "chunk store", stop: () => store.close() },
    { name: "health server", ...health },
    detector,
    { name: "peers", start: () => startPeers(peers, config), stop: () => peers.stop() },
    { name: "vaults", start: () => core.start(), stop: () => core.stop() },
    membership,
    { name: "service", stop: () => endService(core, membership, leaving.proof()) },
    { name: "admin server", ...admin },
    {
      name: "peers file",
      start: () => {
        if (config.peersFile === undefined) return;
        const needed = (): boolean => isAlone(membership.directory.nodes(), peers.self);
        void watchPeersFile({ path: config.peersFile, clock, log, needed, use }, watching.signal);
      },
      stop: () => watching.abort(),
    },
    {
      name: "readiness",
      start: () => {
        phases.started();
        const { peerId, startCounter } = volume;
        log.info("the vault node runs", { peerId, startCounter, health: health.port(), admin: admin.port(), addresses: peers.addresses() });
      },
      stop: () => phases.stopping(),
    },
  ];
}

// Nothing new, then goodbye, so that others route round while what is in flight ends.
async function endService(core: VaultNodeCore, membership: Membership, proof: LeavingProof | undefined): Promise<void> {
  core.closeForWork();
  await (proof === undefined ? membership.sayGoodbye("away") : membership.leave(proof));
  await core.idle();
  // What was acknowledged a moment ago may have no copy to spare yet.
  await core.handOver();
}

function openNetwork({ trustedRanges }: VaultNodeConfig): OpenNetwork {
  return trustedRanges === undefined ? {} : { trustedRanges };
}

function listenOf({ listenIp, announceIp, ports }: VaultNodeConfig): { ip: string; libp2p: number; lane: number; announceIp?: string } {
  return { ip: listenIp, libp2p: ports.libp2p, lane: ports.lane, ...(announceIp === undefined ? {} : { announceIp }) };
}

async function startPeers(peers: Peers, config: VaultNodeConfig): Promise<void> {
  await peers.start().catch((cause: unknown) => {
    throw peersStartError(cause, config);
  });
}

// A farm's peers file names all its nodes: dialling oneself would fail for ever.
function withoutOwn(addresses: readonly NodeAddress[], own: readonly NodeAddress[]): readonly NodeAddress[] {
  return addresses.filter(({ ip, libp2p }) => !own.some((mine) => mine.ip === ip && mine.libp2p === libp2p));
}
