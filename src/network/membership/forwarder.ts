// Passes news on: a record learned from a peer goes once to a few random others, gathered for a moment so that several
// travel together. News that follows too soon after the last of the same node waits its turn, the newest of it wins. What
// this reaches not, reconciliation does.
import type { NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { MembershipLimits } from "./membership-limits.ts";

export type ForwarderParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly connected: () => readonly PeerId[];
  /** Sends without waiting; failures are the sender's to handle. */
  readonly push: (peer: PeerId, records: readonly Uint8Array[]) => void;
};

export type Forwarder = {
  /** News from a peer, to be passed on to some others. */
  forward(record: NodeRecord, from: PeerId): void;
  /** Picks peers to pass something on to, besides those given. */
  pick(besides: readonly PeerId[]): readonly PeerId[];
  stop(): void;
};

type News = { readonly bytes: Uint8Array; readonly from: PeerId };

// Nodes whose last passing-on is remembered, and nodes whose news may wait.
const rememberedMax = 4096;

export function createForwarder({ clock, random, connected, push }: ForwarderParts, limits: MembershipLimits): Forwarder {
  const news = new Map<PeerId, News>();
  const lastMs = new Map<PeerId, number>();
  let timer: Timer | undefined;

  const pick = (besides: readonly PeerId[]): readonly PeerId[] => {
    const others = connected().filter((peer) => !besides.includes(peer));
    return sample(others, limits.forwardFanOut, random);
  };
  const isDue = (peer: PeerId): boolean => clock.monotonicMs() - (lastMs.get(peer) ?? Number.NEGATIVE_INFINITY) >= limits.forwardEveryMs;
  const takeDue = (): readonly [PeerId, News][] => {
    const due = [...news].filter(([origin]) => isDue(origin));
    for (const [origin] of due) {
      news.delete(origin);
      lastMs.set(origin, clock.monotonicMs());
    }
    return due;
  };
  const flush = (): void => {
    timer = undefined;
    if (lastMs.size >= rememberedMax) lastMs.clear();
    const gathered = takeDue();
    for (const peer of pick([])) {
      const records = gathered.filter(([origin, { from }]) => from !== peer && origin !== peer).map(([, { bytes }]) => bytes);
      if (records.length > 0) push(peer, records);
    }
    if (news.size > 0) arm();
  };
  const arm = (): void => {
    timer ??= clock.after(limits.forwardDelayMs, flush);
  };
  const forward = (record: NodeRecord, from: PeerId): void => {
    if (news.size >= rememberedMax && !news.has(record.peerId)) return;
    news.set(record.peerId, { bytes: record.bytes, from });
    arm();
  };
  return { forward, pick, stop: () => timer?.cancel() };
}

/** `count` of `items`, any of them equally likely. */
function sample<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const rest = [...items];
  const chosen: T[] = [];
  while (chosen.length < count && rest.length > 0) chosen.push(...rest.splice(Math.floor(random.fraction() * rest.length), 1));
  return chosen;
}
