// Before a node goes for a while: chunks that are young or known to be short, and would have fewer than `min` live copies
// without it, get copies elsewhere first. All others have enough: that is what repair keeps.
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { KeepView } from "./keep-view.ts";
import type { Keeper } from "./plan-chunk.ts";
import { type PusherParts, push } from "./pusher.ts";
import { survey } from "./survey.ts";

export type HandOverParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly policy: CopiesPolicy;
  readonly view: Pick<KeepView, "answering" | "keepers" | "keeperAt">;
  readonly pusher: PusherParts;
  readonly questionTimeoutMs: number;
};

/** Copies what would be below `min` to the next that take it. Ends with the work, or rejects with the signal's reason. */
export async function handOver(parts: HandOverParts, addresses: readonly Address[], signal: AbortSignal): Promise<void> {
  const { peers, policy, view, questionTimeoutMs } = parts;
  const seen = await survey({ peers, timeoutMs: questionTimeoutMs }, addresses, view.answering, signal);
  const orders = new Map<string, { readonly to: Keeper; readonly chunks: Address[] }>();
  for (const [address, { holders }] of seen) {
    const staying = [...holders].filter((peer) => view.keeperAt(peer) !== undefined).length;
    const free = view
      .keepers(address, "enough")
      .filter(({ peer, here, takes }) => here && takes && peer !== peers.self && !holders.has(peer));
    for (const to of free.slice(0, Math.max(0, policy.min - staying))) {
      const order = orders.get(to.vault) ?? { to, chunks: [] };
      order.chunks.push(address);
      orders.set(to.vault, order);
    }
  }
  await Promise.all([...orders.values()].map((order) => send(parts, order, signal)));
}

// One chunk a message: what is young is little, and the largest two would fill one anyway.
async function send(
  { pusher }: HandOverParts,
  { to, chunks }: { readonly to: Keeper; readonly chunks: readonly Address[] },
  signal: AbortSignal,
): Promise<void> {
  for (const address of chunks) await push(pusher, { to: to.peer, vault: to.vault, chunks: [address] }, signal);
}
