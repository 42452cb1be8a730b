// Watches a node that drains until it may be stopped: asks it for its statement, has the second source check it, twice, and
// lets the one decision of the protocol decide. Progress on the way; what does not move for minutes is given up here, not there.

import type { StatementOutcome } from "../../operator/node-access/node-commander.ts";
import { stopPairOf } from "../../operator/node-access/stop-pair.ts";
import { toHex } from "../../protocol/bytes.ts";
import { readStopStatement } from "../../protocol/safe-to-stop.ts";
import {
  checkStatement,
  mayBeStopped,
  type StopObstacle,
  type StopPair,
  stopPairsApartMs,
  witnessFor,
} from "../../protocol/stop-decision.ts";
import type { CommandWorld } from "../command-world.ts";
import type { DrainFarm, DrainNode } from "./drain-farm.ts";
import { localPlace } from "./member-health.ts";

/** How far a drain is: chunks held, those with too few copies elsewhere, bytes and seconds to go. */
export type DrainProgress = {
  readonly chunks: number;
  readonly short: number;
  readonly bytesLeft: number;
  readonly estimateSeconds: number;
};

/**
 * may-be-stopped: shown by `pair`, the later of two; `secondSource`: the name of the node that looked for itself, its id where it is
 * none of the farm.
 * stuck: it may not be stopped, and nothing moves.
 */
export type DrainOutcome =
  | { readonly kind: "may-be-stopped"; readonly chunks: number; readonly pair: StopPair; readonly secondSource: string }
  | { readonly kind: "stuck"; readonly obstacle: StopObstacle | "not-reached"; readonly why: string };

const lookEveryMs = 2_000;
const askEveryMs = 500;
// The digest of who is there changes with every node that starts anew: those on the way are waited for.
const stuckAfterMs = 300_000;

type Look =
  | {
      readonly kind: "pair";
      readonly pair: StopPair;
      readonly secondSource: string;
      readonly candidates: readonly DrainNode[];
      readonly chunks: number;
    }
  | { readonly kind: "obstacle"; readonly obstacle: StopObstacle | "not-reached"; readonly why: string; readonly mark: string };

type World = Pick<CommandWorld, "clock" | "interrupted">;

/** Waits until the node may be stopped, or nothing moves. Rejects with the reason of `interrupted`. */
export async function watchDrain(farm: DrainFarm, world: World, onProgress: (at: DrainProgress) => void): Promise<DrainOutcome> {
  const { clock, interrupted } = world;
  let first: StopPair | undefined;
  let mark = "";
  let markedMs = clock.monotonicMs();
  for (;;) {
    const look = await lookOnce(farm, world, onProgress);
    let obstacle = look.kind === "obstacle" ? look : undefined;
    if (look.kind === "pair") {
      const decision = mayBeStopped({
        ...questionOf(farm, look.candidates),
        first: first ?? look.pair,
        second: look.pair,
        nowMs: clock.monotonicMs(),
      });
      const { chunks, pair, secondSource } = look;
      if (decision.ok) return { kind: "may-be-stopped", chunks, pair, secondSource };
      if (decision.obstacle === "too-soon") first ??= look.pair;
      else {
        // Compared with itself a sound pair is only too soon: whatever else stands against it, it begins anew.
        first = undefined;
        obstacle = { ...decision, kind: "obstacle", mark: decision.obstacle };
      }
    } else first = undefined;
    if (obstacle?.obstacle === "too-few-nodes") return { ...obstacle, kind: "stuck" };
    if (obstacle === undefined || obstacle.mark !== mark) [mark, markedMs] = [obstacle?.mark ?? "", clock.monotonicMs()];
    else if (clock.monotonicMs() - markedMs > stuckAfterMs) return { ...obstacle, kind: "stuck" };
    const restMs = first === undefined ? 0 : first.takenAtMs + stopPairsApartMs - clock.monotonicMs();
    await clock.sleep(Math.max(lookEveryMs, restMs), interrupted);
  }
}

function questionOf({ keys, node }: DrainFarm, candidates: readonly DrainNode[]) {
  const { networkId, copies } = keys.genesis;
  // All on one machine: their hosts are not told apart.
  return { networkId, copies, node: unlabelled(node), purpose: "removal", candidates: candidates.map(unlabelled) } as const;
}

function unlabelled({ peerId }: DrainNode): { readonly peerId: DrainNode["peerId"]; readonly host: string } {
  return { peerId, host: "" };
}

async function lookOnce(farm: DrainFarm, world: World, onProgress: (at: DrainProgress) => void): Promise<Look> {
  const { keys, commander, node } = farm;
  const own = await untilMade(world, () => commander.safeToStop(localPlace(node.adminPort, node.peerId), "removal"));
  if (own.kind !== "signed") return unreached(node, own.why);
  const read = readStopStatement(keys.genesis.networkId, own.bytes);
  if (read.ok) onProgress({ ...read.value, chunks: read.value.count });
  // Those that do not leave, and answer: a second source must still be there tomorrow.
  const others = await farm.lookAgain();
  const candidates = others.filter(({ stays }) => stays);
  const checked = checkStatement(questionOf(farm, candidates), own.bytes);
  if (!checked.ok)
    return { ...checked, kind: "obstacle", mark: read.ok ? `${read.value.short} ${read.value.bytesLeft}` : toHex(own.bytes) };
  const turn = witnessFor(own.bytes, unlabelled(node), candidates.map(unlabelled));
  const witness = candidates.find(({ peerId }) => peerId === turn?.peerId);
  if (witness === undefined) return { kind: "obstacle", obstacle: "not-reached", why: "no other node answers", mark: "no witness" };
  const word = await untilMade(world, () => commander.witnessStop(localPlace(witness.adminPort, witness.peerId), own.bytes));
  if (word.kind !== "signed") return unreached(witness, word.why);
  const taken = { statement: own.bytes, witness: word.bytes, takenAtMs: world.clock.monotonicMs() };
  const pair = stopPairOf({ ...taken, networkId: keys.genesis.networkId, asked: witness.peerId });
  const source = pair.turn ?? witness.peerId;
  const secondSource = others.find(({ peerId }) => peerId === source)?.name ?? source;
  return { kind: "pair", pair, secondSource, candidates, chunks: checked.statement.count };
}

function unreached({ name }: DrainNode, why: string): Look {
  return { kind: "obstacle", obstacle: "not-reached", why: `${name} makes no statement: ${why}`, mark: `silent ${name}` };
}

async function untilMade(
  { clock, interrupted }: World,
  ask: () => Promise<StatementOutcome>,
): Promise<Exclude<StatementOutcome, { kind: "working" }>> {
  for (;;) {
    interrupted.throwIfAborted();
    const made = await ask();
    if (made.kind !== "working") return made;
    await clock.sleep(askEveryMs, interrupted);
  }
}
