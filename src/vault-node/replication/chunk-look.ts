// Looks at some of the chunks held here: asks around who has them, decides for each, and says what there is to do.
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { tierOf } from "./copy-tier.ts";
import type { KeepView } from "./keep-view.ts";
import { type ChunkPlan, type Keeper, planChunk } from "./plan-chunk.ts";
import { type Sighting, survey } from "./survey.ts";

export type LookParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly policy: CopiesPolicy;
  readonly view: KeepView;
  readonly questionTimeoutMs: number;
  /** Whether a vault refused lately, this chunk or all. */
  refuses(keeper: Keeper, address: Address): boolean;
  /** Whether this node holds a chunk. */
  holds(address: Address): boolean;
};

/** `silent`: those who should have answered and did not. */
export type Looked = { readonly plan: ChunkPlan; readonly silent: ReadonlySet<PeerId> };

/** What to do about each of these chunks; those not held here are left out. */
export async function lookAt(parts: LookParts, addresses: readonly Address[], signal: AbortSignal): Promise<ReadonlyMap<Address, Looked>> {
  const { peers, policy, view } = parts;
  const asking = { peers, timeoutMs: parts.questionTimeoutMs };
  const first = await survey(asking, addresses, (address) => view.answering(address).slice(0, policy.max), signal);
  // Copies that went further out, past vaults without room, are asked for only where the near ones are too few.
  const short = addresses.filter((address) => (first.get(address)?.holders.size ?? 0) + 1 < policy.target);
  const second = await survey(asking, short, (address) => view.answering(address).slice(policy.max), signal);
  const third = await surveyTakers(parts, addresses, [first, second], signal);
  const looked = new Map<Address, Looked>();
  for (const address of addresses) {
    if (!parts.holds(address)) continue;
    const sighting = merge(first.get(address), second.get(address), third.get(address));
    looked.set(address, { plan: planOf(parts, address, sighting), silent: sighting.silent });
  }
  return looked;
}

type Seen = ReadonlyMap<Address, Sighting>;
type TakerParts = Pick<LookParts, "peers" | "questionTimeoutMs"> & { readonly view: Pick<KeepView, "answering" | "isHere"> };

/** A vault without room points to who took the chunk: asked too where it was not, so that a copy far out is one. */
export async function surveyTakers(
  { peers, view, questionTimeoutMs }: TakerParts,
  addresses: readonly Address[],
  seen: readonly Seen[],
  signal: AbortSignal,
): Promise<Seen> {
  const takers = (address: Address): readonly PeerId[] => {
    const near = view.answering(address);
    const named = seen.flatMap((one) => [...(one.get(address)?.elsewhere.values() ?? [])]);
    return [...new Set(named)].filter((peer) => !near.includes(peer) && view.isHere(peer));
  };
  const pointed = addresses.filter((address) => takers(address).length > 0);
  return survey({ peers, timeoutMs: questionTimeoutMs }, pointed, takers, signal);
}

function merge(...sightings: readonly (Sighting | undefined)[]): Sighting {
  return {
    holders: new Set(sightings.flatMap((one) => [...(one?.holders ?? [])])),
    silent: new Set(sightings.flatMap((one) => [...(one?.silent ?? [])])),
    elsewhere: new Map(sightings.flatMap((one) => [...(one?.elsewhere ?? [])])),
  };
}

function planOf({ peers, policy, view, refuses }: LookParts, address: Address, sighting: Sighting): ChunkPlan {
  // A claim that is not believed is no copy anywhere, nor one on a node that leaves.
  const holders: ReadonlySet<PeerId> = new Set([peers.self, ...[...sighting.holders].filter(view.isTrusted)]);
  const staying = [...holders].map((peer) => view.keeperAt(peer)).filter((keeper) => keeper !== undefined);
  const near = view.keepers(address, tierOf(staying.length, policy.min));
  const taken = new Set(near.map(({ peer }) => peer));
  // Holders outside the circle come last, in an order that is the same everywhere.
  const far = staying.filter(({ peer }) => !taken.has(peer)).sort((a, b) => (a.peer < b.peer ? -1 : 1));
  const full = (keeper: Keeper): boolean => refuses(keeper, address) || sighting.elsewhere.has(keeper.peer);
  const keepers = [...near, ...far].map((keeper) => (full(keeper) ? { ...keeper, takes: false } : keeper));
  return planChunk({ policy, self: peers.self, keepers, holders, silent: sighting.silent });
}
