// Bootstrap: addresses under which somebody of the network may listen, tried with growing waits until each has answered
// once. What a peer learns there, and caches, it finds again without them.
import type { NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { MembershipLimits } from "./membership-limits.ts";

export type BootstrapParts = {
  readonly clock: Clock;
  readonly random: Random;
  /** Dials an address and says who answered. */
  readonly dial: (address: NodeAddress) => Promise<PeerId>;
  /** Called once for each address that answered. */
  readonly onAnswer: (peer: PeerId) => void;
  readonly isJoined: () => boolean;
};

export type Bootstrap = { add(addresses: readonly NodeAddress[]): void; start(): void; stop(): void };

// Once joined, addresses that never answered are still tried now and then: they may lead to the other half of a split.
const joinedFactor = 10;

/** No addresses yet. */
export function createBootstrap(parts: BootstrapParts, limits: MembershipLimits): Bootstrap {
  const waiting = new Map<string, NodeAddress>();
  let phase: "idle" | "running" | "stopped" = "idle";

  const tryAddress = async (key: string, address: NodeAddress, tries: number): Promise<void> => {
    if (phase !== "running" || waiting.get(key) !== address) return;
    const answered = await parts.dial(address).catch(() => undefined);
    if (phase !== "running") return;
    if (answered !== undefined) {
      waiting.delete(key);
      return parts.onAnswer(answered);
    }
    const longestMs = limits.redialMaxMs * (parts.isJoined() ? joinedFactor : 1);
    const delayMs = Math.min(longestMs, limits.redialFirstMs * 2 ** Math.min(tries, 16)) * (0.75 + parts.random.fraction() / 2);
    parts.clock.after(delayMs, () => void tryAddress(key, address, tries + 1));
  };
  const add = (addresses: readonly NodeAddress[]): void => {
    for (const address of addresses) {
      const key = `${address.ip} ${address.libp2p}`;
      if (waiting.has(key)) continue;
      // The oldest goes: where nobody answered for long, nodes may have moved.
      const [oldest] = waiting.size < limits.bootstrapMax ? [] : waiting.keys();
      if (oldest !== undefined) waiting.delete(oldest);
      waiting.set(key, address);
      if (phase === "running") void tryAddress(key, address, 0);
    }
  };
  const start = (): void => {
    phase = "running";
    for (const [key, address] of waiting) void tryAddress(key, address, 0);
  };
  const stop = (): void => {
    phase = "stopped";
  };
  return { add, start, stop };
}
