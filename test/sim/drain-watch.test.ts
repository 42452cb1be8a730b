// Proves what `vaultfarm drain` says while it watches, over a simulated farm that drains for real: how far it is, yes only after
// two looks half a minute apart, anew after a change, why not where nothing moves, and that an interruption leaves the drain going;
// and that all others believe the goodbye, also where most of them take no commands from whoever watches.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { DrainCommander, DrainFarm, DrainNode } from "../../src/cli/local-farm/drain-farm.ts";
import { type DrainOutcome, type DrainProgress, watchDrain } from "../../src/cli/local-farm/drain-watch.ts";
import type { StatementOutcome } from "../../src/operator/node-access/node-commander.ts";
import { readStopStatement, readStopWitness } from "../../src/protocol/safe-to-stop.ts";
import { stopPairsApartMs } from "../../src/protocol/stop-decision.ts";
import type { StopJob } from "../../src/vault-node/safe-to-stop/stop-jobs.ts";
import { fewestCopies, filledFarm } from "./filled-farm.ts";
import { minute } from "./keeping-times.ts";
import { simKey } from "./sim-keys.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimWorld } from "./sim-world.ts";

function outcomeOf(job: StopJob | undefined): StatementOutcome {
  if (job === undefined) return { kind: "failed", why: "no answer" };
  return job.kind === "done" ? { kind: "signed", bytes: job.bytes } : job;
}

// Ports stand for the numbers of nodes; `own`: those that take commands.
function drainFarm(world: SimWorld, node: SimNode, own: readonly SimNode[] = world.nodes): DrainFarm {
  const commander: DrainCommander = {
    setDesired: async () => ({ ok: true }),
    safeToStop: async ({ port }, purpose) => outcomeOf(await world.nodes[port]?.stops()?.state(purpose)),
    witnessStop: async ({ port }, statement) => outcomeOf(await world.nodes[port]?.stops()?.confirm(statement)),
  };
  const seen = ({ number, peer, up, states }: SimNode): DrainNode => ({
    ...{ name: `node-${number}`, peerId: peer, adminPort: number },
    stays: up() && states().every((state) => state !== "draining"),
  });
  const lookAgain = async (): Promise<readonly DrainNode[]> => own.filter((one) => one !== node && one.up()).map(seen);
  const keys = { genesis: world.genesis, owner: simKey("owner", 0), admin: simKey("owner", 0) };
  return { name: "sim", keys, commander, node: seen(node), others: [], lookAgain };
}

type Watched = { readonly outcome: Promise<DrainOutcome>; readonly said: DrainProgress[]; readonly interrupt: AbortController };

function watch(world: SimWorld, node: SimNode, own?: readonly SimNode[]): Watched {
  const said: DrainProgress[] = [];
  const interrupt = new AbortController();
  const parts = { clock: world.clock, interrupted: interrupt.signal };
  return { outcome: watchDrain(drainFarm(world, node, own), parts, (at) => said.push(at)), said, interrupt };
}

describe("watching a drain", () => {
  it("says what is left, then yes after two looks half a minute apart; without the node nothing is missing", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    const [, , node] = world.nodes;
    assert.ok(node);
    node.want("draining");
    const { outcome, said } = watch(world, node);
    const startMs = world.clock.monotonicMs();
    const ended = await world.clock.runUntil(outcome);
    assert.equal(ended.kind, "may-be-stopped");
    // What it hands on is what others believe when the node goes for good, and nothing else is.
    if (ended.kind !== "may-be-stopped") return;
    const { statement, witness } = ended.pair;
    const second = world.nodes.find(({ number }) => `node-${number}` === ended.secondSource);
    const word = readStopWitness(world.genesis.networkId, witness);
    assert.ok(word.ok && second !== undefined && second !== node && word.value.witness === second.peer);
    const stated = readStopStatement(world.genesis.networkId, statement);
    assert.ok(stated.ok && stated.value.node === node.peer && stated.value.short === 0);
    assert.ok((said[0]?.short ?? 0) > 0 && (said[0]?.bytesLeft ?? 0) > 0 && said.at(-1)?.short === 0);
    assert.ok(world.clock.monotonicMs() - startMs >= stopPairsApartMs);
    await node.crash();
    assert.ok(fewestCopies(farm) >= 5);
    await world.stop();
  });

  it("all others believe the goodbye of a node whose farm is two of eight nodes: the word is of whose turn it is", async () => {
    const { world } = await filledFarm();
    const own = world.nodes.slice(2, 4);
    const [node, other] = own;
    assert.ok(node && other);
    node.want("draining");
    await world.clock.advance(minute);
    const ended = await world.clock.runUntil(watch(world, node, own).outcome);
    assert.ok(ended.kind === "may-be-stopped");
    const { statement, witness, turn } = ended.pair;
    assert.ok(turn !== undefined && turn !== other.peer, "with this seed it is the turn of a node of others");
    assert.equal(ended.secondSource, turn, "the farm has no name for it");
    await world.clock.runUntil(node.membership()?.leave({ statement, witness, leftAtMs: world.clock.wallMs() }) ?? assert.fail());
    await node.crash();
    for (const one of world.nodes.filter((each) => each !== node))
      assert.equal(one.membership()?.directory.node(node.peer)?.state, "gone", `node ${one.number} believes it`);
    await world.stop();
  });

  it("an interruption ends the watch, not the drain", async () => {
    const { world } = await filledFarm();
    const [, , node] = world.nodes;
    assert.ok(node);
    node.want("draining");
    const { outcome, interrupt } = watch(world, node);
    const ended = assert.rejects(outcome);
    await world.clock.advance(100);
    interrupt.abort(new Error("Ctrl-C"));
    await world.clock.runUntil(ended);
    assert.ok(node.states().every((state) => state === "draining"));
    await world.stop();
  });

  it("a node that was told to stay says why it may not be stopped once nothing moves", async () => {
    const { world } = await filledFarm();
    const [, , node] = world.nodes;
    assert.ok(node);
    const { outcome } = watch(world, node);
    const startMs = world.clock.monotonicMs();
    const stuck = await world.clock.runUntil(outcome);
    assert.ok(stuck.kind === "stuck" && stuck.obstacle === "short", "all it holds has too few copies elsewhere");
    assert.ok(world.clock.monotonicMs() - startMs >= 300_000);
    await world.stop();
  });

  it("a holder that dies on the way begins it anew, until its copies are made again", async () => {
    const farm = await filledFarm();
    const { world } = farm;
    const [, , node, , victim] = world.nodes;
    assert.ok(node && victim);
    node.want("draining");
    await world.clock.advance(minute);
    const { outcome, said } = watch(world, node);
    await world.clock.advance(10_000);
    await victim.crash();
    assert.equal((await world.clock.runUntil(outcome)).kind, "may-be-stopped");
    assert.ok(
      said.some(({ short }) => short > 0),
      "it was short meanwhile",
    );
    await node.crash();
    assert.ok(fewestCopies(farm) >= 5);
    await world.stop();
  });
});
