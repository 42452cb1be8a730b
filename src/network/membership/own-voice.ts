// What this node says of itself: its records, one after another, its goodbye, and what it does on meeting its double.
import type { Genesis } from "../../protocol/genesis.ts";
import { type Departure, signGoodbye } from "../../protocol/messages/goodbye.ts";
import type { NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Gossip } from "./gossip.ts";
import { type IdentityClash, judgeClash, type OwnNode, type OwnRecordDraft, signOwnRecord } from "./own-node.ts";
import type { Roster } from "./roster.ts";

export type OwnVoiceParts = {
  readonly own: OwnNode | undefined;
  readonly genesis: Genesis;
  readonly clock: Clock;
  readonly log: Log;
  readonly roster: Roster;
  readonly gossip: Gossip;
  readonly connected: () => readonly PeerId[];
};

export type OwnVoice = {
  announce(draft: OwnRecordDraft): void;
  /** Says the last record again with a new number: after a pause, or against an old double. */
  renew(): void;
  sayGoodbye(departure: Departure): Promise<void>;
  /** A record with this node's identity came from outside. */
  meetDouble(record: NodeRecord): void;
  onClash(listener: (clash: IdentityClash) => void): () => void;
};

/** Silent until the first `announce`, and again after a goodbye. */
export function createOwnVoice(parts: OwnVoiceParts): OwnVoice {
  const { own, genesis, clock, log, roster, gossip } = parts;
  const listeners = new Set<(clash: IdentityClash) => void>();
  let last: { readonly draft: OwnRecordDraft; readonly record: NodeRecord } | undefined;
  let sequence = 0;
  let silent = false;

  const announce = (draft: OwnRecordDraft): void => {
    if (own === undefined) throw new Error("a peer without a node of its own has nothing to announce");
    if (silent) return;
    sequence += 1;
    const record = signOwnRecord(genesis.networkId, own, draft, { sequence, wallMs: Math.floor(clock.wallMs()) });
    last = { draft, record };
    roster.putOwn(record);
    for (const peer of parts.connected()) gossip.push(peer, [record.bytes]);
  };
  const renew = (): void => {
    if (last !== undefined) announce(last.draft);
  };
  const sayGoodbye = async (departure: Departure): Promise<void> => {
    if (own === undefined || last === undefined || silent) return;
    silent = true;
    const bytes = signGoodbye(genesis.networkId, own.key, { startCounter: own.startCounter, sequence, departure });
    await Promise.all(parts.connected().map((peer) => gossip.tell(peer, bytes)));
  };
  const meetDouble = (record: NodeRecord): void => {
    if (last === undefined || silent) return;
    const verdict = judgeClash(last.record, record);
    if (verdict.kind === "renew") {
      sequence = Math.max(sequence, record.sequence);
      renew();
    }
    if (verdict.kind !== "stop") return;
    silent = true;
    log.error("another process runs with this node's identity: a copied volume; this one stops", { ...verdict.clash });
    for (const listener of [...listeners]) listener(verdict.clash);
  };
  const onClash = (listener: (clash: IdentityClash) => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return { announce, renew, sayGoodbye, meetDouble, onClash };
}
