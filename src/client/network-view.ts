// The network as a customer sees it, out of the directory; and one call for changes that come together.
import { isStranger, type NodeView, type Placement } from "../network/directory.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { MembershipSummary } from "../protocol/network-view.ts";
import type { MembershipStatus } from "../protocol/node-status.ts";
import type { SeenFaults } from "../protocol/peer-faults.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { type SpreadShort, spreadShort } from "../protocol/spread.ts";
import { takesNewChunks } from "../protocol/states.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { CopiesLedger } from "./copies-ledger.ts";
import type { CustomerMembership } from "./customer-parts.ts";
import type { NetworkView, NodeSummary, VaultStanding } from "./farm-client.ts";
import { faultsOf, publishers, standingsOf, sumCopies, suspicionsBy } from "./farm-figures.ts";
import type { LastCounts } from "./last-counts.ts";

export type NetworkViewParts = {
  readonly genesis: Genesis;
  readonly membership: Pick<CustomerMembership, "directory" | "certificates">;
  readonly ledger: CopiesLedger;
  readonly lastCounts: Pick<LastCounts, "of">;
};

/** The view of now. Nodes that others only tell of are no nodes of the farm: neither shown nor heard. */
export function networkView({ genesis, membership, ledger, lastCounts }: NetworkViewParts, wallMs: number): NetworkView {
  const { networkId, name, copies: policy } = genesis;
  const { directory, certificates } = membership;
  const isLive = (peer: NodeView["record"]["peerId"]): boolean => directory.node(peer)?.state === "live";
  // Before nodes are looked at: looking for holders takes in the last heartbeats, and may change what nodes are.
  const placement = directory.closest(networkId, policy.target, "write");
  const nodes = directory.nodes().filter((node) => !isStranger(node));
  const counted = publishers(nodes, wallMs);
  const own = { ...ledger.figures(policy, isLive), none: ledger.below(1, isLive, Number.POSITIVE_INFINITY).length };
  const seen: SeenByNodes = { suspicions: suspicionsBy(counted), standings: standingsOf(counted), faults: faultsOf(counted) };
  return {
    networkId,
    name,
    nodes: nodes.map((node) => summary(node, seen)),
    copies: { ...sumCopies(policy, { nodes: counted, last: lastCounts }, own), ...spreadOf(placement, nodes, policy.target) },
    membership: certificates === undefined ? null : asSeenFromOutside(certificates.status()),
  };
}

/** Of a pick for any address: how copies can be spread is the same for all. */
function spreadOf({ holders, short }: Placement, nodes: readonly NodeView[], target: number): { spread?: SpreadShort } {
  const zoneOf = new Map(nodes.map(({ record }) => [record.peerId, record.domain.zone]));
  const taking = nodes.filter(({ record, state }) => state === "live" && record.vaults.some((vault) => takesNewChunks(vault.state)));
  const spread = spreadShort({
    ...{ short, target },
    chosen: holders.map(({ peer }) => zoneOf.get(peer) ?? ""),
    nodes: taking.map(({ record }) => record.domain.zone),
  });
  return spread === undefined ? {} : { spread };
}

function asSeenFromOutside({ isConfirmed: _own, ...summary }: MembershipStatus): MembershipSummary {
  return summary;
}

type SeenByNodes = {
  readonly suspicions: ReadonlyMap<PeerId, readonly PeerId[]>;
  readonly standings: ReadonlyMap<VaultName, VaultStanding>;
  readonly faults: ReadonlyMap<PeerId, SeenFaults>;
};

const noStanding: VaultStanding = { score: null, conduct: null, standing: null, age: null };

function summary({ record, state, confirmed }: NodeView, { suspicions, standings, faults }: SeenByNodes): NodeSummary {
  const atFault = faults.get(record.peerId);
  const [address] = record.addresses;
  const ip = address?.ip.includes(":") === true ? `[${address.ip}]` : address?.ip;
  return {
    peerId: record.peerId,
    address: address === undefined ? "" : `${ip}:${address.libp2p}`,
    zone: record.domain.zone,
    state,
    confirmed,
    suspectedBy: suspicions.get(record.peerId) ?? [],
    ...(atFault === undefined ? {} : { faults: atFault }),
    vaults: record.vaults.map(({ name, state: vaultState, capacity, used, chunks }) => ({
      name,
      state: vaultState,
      capacity,
      used,
      chunks,
      ...(standings.get(name) ?? noStanding),
    })),
  };
}

export type ChangeBell = { ring(): void; onRing(listener: () => void): () => void; stop(): void };

/** Tells its listeners once, `delayMs` after the first of the changes that come together. */
export function createChangeBell(clock: Clock, delayMs: number): ChangeBell {
  const listeners = new Set<() => void>();
  let pending: Timer | undefined;
  const tell = (): void => {
    pending = undefined;
    for (const listener of [...listeners]) listener();
  };
  return {
    ring: () => {
      if (listeners.size > 0) pending ??= clock.after(delayMs, tell);
    },
    onRing: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: () => {
      pending?.cancel();
      listeners.clear();
    },
  };
}
