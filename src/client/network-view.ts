// The network as a customer sees it, out of the directory; and one call for changes that come together.
import type { Directory, NodeView } from "../network/directory.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { CopiesLedger } from "./copies-ledger.ts";
import type { NetworkView, NodeSummary } from "./farm-client.ts";

/** The view of now. */
export function networkView(genesis: Genesis, directory: Directory, ledger: CopiesLedger): NetworkView {
  const { networkId, name, copies: policy } = genesis;
  const isLive = (peer: NodeView["record"]["peerId"]): boolean => directory.node(peer)?.state === "live";
  return { networkId, name, nodes: directory.nodes().map(summary), copies: { policy, ...ledger.figures(policy, isLive) } };
}

function summary({ record, state }: NodeView): NodeSummary {
  const [address] = record.addresses;
  const ip = address?.ip.includes(":") === true ? `[${address.ip}]` : address?.ip;
  return {
    peerId: record.peerId,
    address: address === undefined ? "" : `${ip}:${address.libp2p}`,
    zone: record.domain.zone,
    state,
    vaults: record.vaults.map(({ name, state: vaultState, capacity, used, chunks }) => ({
      name,
      state: vaultState,
      capacity,
      used,
      chunks,
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
