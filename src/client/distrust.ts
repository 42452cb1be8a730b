// Which nodes a customer asks last, for reads and for new chunks: those of whom more than half of all that publish what they saw say
// that they do not show what they claim. A single voice, however loud, lowers nobody.
import { type Directory, isStranger, type NodeView } from "../network/directory.ts";
import { distrustedOf, type SeenNode } from "../protocol/distrust.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";

// In large networks nodes publish only what is not good: fewer voices than this say nothing.
const voicesMin = 3;
// What is published changes with audits, minutes apart.
const readEveryMs = 2_000;

/** Says whether a node is to be asked last now; `target`: copies of a chunk, so many nodes are always trusted. */
export function createDistrust(directory: Pick<Directory, "nodes">, target: number, clock: Clock): (peer: PeerId) => boolean {
  let distrusted: ReadonlySet<PeerId> = new Set();
  let readAtMs = Number.NEGATIVE_INFINITY;
  return (peer) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - readAtMs >= readEveryMs) {
      readAtMs = nowMs;
      distrusted = distrustedOf(seenNodes(directory.nodes()), target);
    }
    return distrusted.has(peer);
  };
}

/** All nodes with vaults but those that are gone or only told of, each by the worst of its vaults, that one by the middle of what others say. Pure. */
export function seenNodes(nodes: readonly NodeView[]): readonly SeenNode[] {
  const voices = new Map<VaultName, number[]>();
  for (const { record, state } of nodes) {
    if (state !== "live") continue;
    const own = new Set(record.vaults.map(({ name }) => name));
    for (const { vault, honesty } of record.figures?.seen ?? []) {
      if (honesty === undefined || own.has(vault)) continue;
      const list = voices.get(vault) ?? [];
      list.push(honesty / 1000);
      voices.set(vault, list);
    }
  }
  return nodes
    .filter((node) => node.state !== "gone" && node.record.vaults.length > 0 && !isStranger(node))
    .map(({ record: { peerId, vaults } }) => ({
      peer: peerId,
      honesty: Math.min(...vaults.map(({ name }) => middle(voices.get(name) ?? []))),
    }));
}

// Of an even number the upper one: more than half must agree.
function middle(voices: readonly number[]): number {
  if (voices.length < voicesMin) return 1;
  return [...voices].sort((a, b) => a - b)[Math.floor(voices.length / 2)] ?? 1;
}
