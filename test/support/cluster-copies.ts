// What a farm says of its copies while something is done to it: each node of the chunks that it counts, and a gateway of the
// whole farm.
import type { Release } from "./cluster-farm.ts";
import { until } from "./deadline.ts";
import { sumOf } from "./node-metrics.ts";

export type CopiesSeen = {
  looks: number;
  /** Answers of nodes in all looks together. */
  nodeAnswers: number;
  /** Who said that chunks are below the minimum, how many at most, and for how long. */
  readonly belowMin: BelowMin[];
  /** What a gateway said at most. */
  mostBelowTarget: number;
};
export type BelowMin = { readonly who: string; chunks: number; readonly sinceMs: number; untilMs: number };

type NetworkView = { readonly copies: { readonly belowMin: number; readonly belowTarget: number } };

// A node that is started anew is away for seconds: often enough to see it, seldom enough not to load the machines.
const everyMs = 1000;

/** Looks once a second until `ended`; a pod that starts or goes says nothing. Needs `openToApiServer`. Rejects as `ended` does. */
export async function copiesWhile(release: Release, ended: Promise<unknown>): Promise<CopiesSeen> {
  const seen: CopiesSeen = { looks: 0, nodeAnswers: 0, belowMin: [], mostBelowTarget: 0 };
  let going = true;
  let lookedMs = Number.NEGATIVE_INFINITY;
  const end = ended.finally(() => {
    going = false;
  });
  const looked = until(
    "the looks at copies end",
    async () => {
      // Also where looks fail: what was looked at may be gone.
      if (!going) return true;
      if (performance.now() - lookedMs < everyMs) return false;
      lookedMs = performance.now();
      const [nodes, farm] = await Promise.all([lookAtNodes(release), lookAtGateway(release)]);
      seen.looks += 1;
      seen.nodeAnswers += nodes.length;
      seen.mostBelowTarget = Math.max(seen.mostBelowTarget, farm.belowTarget);
      for (const [who, chunks] of nodes) note(seen, who, chunks);
      note(seen, "a gateway", farm.belowMin);
      return false;
    },
    20 * 60_000,
  );
  await Promise.all([end, looked]);
  return seen;
}

/** Milliseconds for which somebody said without a break that chunks are below the minimum; 0 where nobody did in two looks running. */
export function longestBelowMin({ belowMin }: CopiesSeen): number {
  return Math.max(0, ...belowMin.map(({ sinceMs, untilMs }) => untilMs - sinceMs));
}

function note({ belowMin }: CopiesSeen, who: string, chunks: number): void {
  if (chunks === 0) return;
  const nowMs = Math.round(performance.now());
  const going = belowMin.find((one) => one.who === who && nowMs - one.untilMs < 3 * everyMs);
  if (going === undefined) belowMin.push({ who, chunks, sinceMs: nowMs, untilMs: nowMs });
  else {
    going.untilMs = nowMs;
    going.chunks = Math.max(going.chunks, chunks);
  }
}

async function lookAtNodes({ views, namespace, name }: Release): Promise<readonly (readonly [string, number])[]> {
  const looks = (await views.pods(namespace, name)).map(async ({ metadata }) => {
    const samples = await views.metrics(namespace, metadata.name).catch(() => undefined);
    return samples === undefined ? [] : [[metadata.name, sumOf(samples, "vaultfarm_chunks_below_min")] as const];
  });
  return (await Promise.all(looks)).flat();
}

async function lookAtGateway(release: Release): Promise<NetworkView["copies"]> {
  const answer = await fetch(`${await release.gateway()}/v1/network`, { signal: AbortSignal.timeout(20_000) });
  return ((await answer.json()) as NetworkView).copies;
}
