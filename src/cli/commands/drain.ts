// `vaultfarm drain` and `undrain`: a node of a local farm hands what it holds to others until it may be stopped, or takes
// part again. The drain is the node's own work and goes on without this command; here it is begun and watched. With `--leave` the
// running farm is then asked to take the node away, which it does by its plan, with proofs of its own.
import { dirname, resolve } from "node:path";
import { describeBytes } from "../../operator/api/quantity.ts";
import { createNodeCommander } from "../../operator/node-access/node-commander.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import { chooseNode, type DrainFarm, findDrainNode } from "../local-farm/drain-farm.ts";
import { type DrainOutcome, type DrainProgress, watchDrain } from "../local-farm/drain-watch.ts";
import { readFarmKeys } from "../local-farm/farm-keys.ts";
import { staysHere } from "../local-farm/farm-state.ts";
import { type FoundFarm, findFarm } from "../local-farm/find-farm.ts";
import { localPlace } from "../local-farm/member-health.ts";
import { newWish, wantedNodes, writeScaleWish } from "../local-farm/scale-wish.ts";
import type { Bar, Output } from "../output.ts";
import { watchScale } from "../scale-watch.ts";
import type { FarmChoice } from "./down.ts";

export type DrainOptions = FarmChoice & {
  /** Whether the node is to leave for good once it may. */
  readonly leave?: boolean;
};

type ProvenDrain = DrainOutcome & { readonly kind: "may-be-stopped" };

/** Drains a node and waits until it may be stopped, or has left for good. Rejects with a `FarmError`, or with a `CommandError` where it may not, or not yet. */
export async function drain(world: CommandWorld, output: Output, node: string, options: DrainOptions): Promise<void> {
  const leaves = options.leave === true;
  const { farm, found } = await openDrain(world, node, options);
  const { copies } = farm.keys.genesis;
  const stayers = farm.others.filter(({ stays }) => stays).length;
  if (stayers < copies.min)
    throw refused(
      "too-few-nodes",
      `${farm.node.name} stays: without it ${stayers} nodes would be left for the ${copies.min} copies that are promised, one a node; nothing was changed`,
    );
  if (leaves) await refuseOtherWish(found, (wanted) => otherNumberText(farm.node.name, wanted, found));
  if (leaves && stayers < found.state.nodes.length - 1) throw refused("others-first", othersText(farm.node.name));
  await command(farm, "draining");
  const proven = await watch(world, output, farm);
  sayProven(output, farm, proven);
  if (leaves) await leave(world, output, farm, found);
  output.json({ ...provenView(farm, proven), left: leaves });
}

async function watch(world: CommandWorld, output: Output, farm: DrainFarm): Promise<ProvenDrain> {
  const show = createProgressLine(output, farm.node.name);
  try {
    const outcome = await watchDrain(farm, world, show.progress);
    show.end();
    if (outcome.kind === "stuck") throw refused(outcome.obstacle, stuckText(farm.node.name, outcome.why));
    return outcome;
  } catch (error) {
    show.end();
    if (!world.interrupted.aborted) throw error;
    const how = `vaultfarm drain ${farm.node.name} watches it again, vaultfarm undrain ${farm.node.name} cancels it`;
    throw new CommandError(exitCodes.interrupted, "interrupted", `${farm.node.name} goes on draining; ${how}`, error);
  }
}

/** Lets a node take part again. Rejects with a `FarmError` or `CommandError`. */
export async function undrain(world: CommandWorld, output: Output, node: string, options: DrainOptions): Promise<void> {
  const { farm, found } = await openDrain(world, node, options);
  if (!staysHere(chooseNode(found.state, node)))
    throw refused(
      "leaving",
      `${farm.node.name} is to leave, and would be told to drain again; vaultfarm scale ${found.state.nodes.length} takes that back`,
    );
  await command(farm, "active");
  output.json({ farm: farm.name, node: farm.node.name, peerId: farm.node.peerId, draining: false });
  output.line(`${farm.node.name} takes part again; what was copied stays where it is, and copies too many are dropped later`);
}

// The farm takes away one that hands over before any that does not; so nobody else may be missing, or drain, when it is asked to.
async function leave(world: CommandWorld, output: Output, { node }: DrainFarm, { folder, state }: FoundFarm): Promise<void> {
  const dataDir = dirname(folder.root);
  // The drain may have taken hours, and the newest word holds.
  await refuseOtherWish({ folder, state }, (wanted) => askedMeanwhileText(node.name, wanted));
  const nodes = state.nodes.length - 1;
  await writeScaleWish(folder, newWish(state, nodes));
  output.line(`${node.name} is to leave: the farm looks once more whether it may, and takes it away`);
  await watchScale(world, output, { dataDir, name: state.name, nodes });
  const after = await findFarm(dataDir, state.name);
  if (after.state.nodes.some(({ name }) => name === node.name))
    throw refused("another-left", `another node left in place of ${node.name}, which goes on draining: vaultfarm status shows the farm`);
  output.line(`${node.name} has left for good: the others know, ${nodes} nodes are left, and it is not started again`);
}

type ProvenView = { readonly farm: string; readonly node: string } & Readonly<Record<string, unknown>>;

function provenView({ name, node }: DrainFarm, { chunks, pair, secondSource }: ProvenDrain): ProvenView {
  const [statement, witness] = [pair.statement, pair.witness].map((bytes) => Buffer.from(bytes).toString("base64url"));
  return { farm: name, node: node.name, peerId: node.peerId, mayBeStopped: true, chunks, secondSource, statement, witness };
}

function sayProven(output: Output, { node }: DrainFarm, { chunks, secondSource }: ProvenDrain): void {
  output.line(`${node.name} may be stopped: nothing depends on it`);
  output.line(`  it signed that enough copies are left of each of its ${chunks} chunks, twice, half a minute apart`);
  output.line(`  ${secondSource} looked for itself, had holders show their copies, and signed the same`);
}

type OpenDrain = { readonly farm: DrainFarm; readonly found: FoundFarm };

async function openDrain(world: CommandWorld, node: string, { data, name }: DrainOptions): Promise<OpenDrain> {
  const found = await findFarm(resolve(world.workFolder, data), name);
  const keys = await readFarmKeys(found.folder);
  return { farm: await findDrainNode({ state: found.state, keys, commander: createNodeCommander(keys, world) }, node), found };
}

async function command({ commander, node }: DrainFarm, state: "draining" | "active"): Promise<void> {
  const done = await commander.setDesired(localPlace(node.adminPort, node.peerId), state);
  if (!done.ok) throw new CommandError(exitCodes.unreachable, "not-reached", `${node.name} did not take the command: ${done.why}`);
}

function refused(code: string, message: string): CommandError {
  return new CommandError(exitCodes.refused, code, message);
}

/** Refuses where the farm is to have another number of nodes than it had: to have a node leave is a wish for one less than that. */
async function refuseOtherWish({ folder, state: before }: FoundFarm, text: (wanted: number) => string): Promise<void> {
  const { state } = await findFarm(dirname(folder.root), before.name);
  const wanted = await wantedNodes(folder, state);
  if (wanted !== before.nodes.length) throw refused("other-number", text(wanted));
}

function otherNumberText(name: string, wanted: number, { state: { nodes } }: FoundFarm): string {
  return `${name} stays: ${wanted} nodes are asked for, and there are ${nodes.length} (vaultfarm status shows how far it is); nothing was changed`;
}

function askedMeanwhileText(name: string, wanted: number): string {
  return `${name} stays: ${wanted} nodes were asked for meanwhile; it goes on draining (vaultfarm undrain ${name} cancels)`;
}

function othersText(name: string): string {
  return `${name} stays: to leave, all other nodes must be ready and none of them draining (vaultfarm status shows which are not); nothing was changed`;
}

function stuckText(name: string, why: string): string {
  return `${name} may not be stopped: ${why}; it goes on draining (vaultfarm undrain ${name} cancels)`;
}

/** What is left, in one line. Pure. */
export function progressText({ chunks, short, bytesLeft, estimateSeconds }: DrainProgress): string {
  if (short === 0) return `nothing of ${chunks} chunks is left to copy; it is looked at twice, half a minute apart`;
  return `${short} of ${chunks} chunks, ${describeBytes(bytesLeft)} left to copy, about ${Math.max(1, estimateSeconds)} s`;
}

// A bar on a terminal; elsewhere a line whenever something else is to be said.
function createProgressLine(output: Output, name: string): { progress(at: DrainProgress): void; end(): void } {
  let bar: Bar | undefined;
  let said = "";
  return {
    progress: (at) => {
      bar ??= output.bar({ format: `draining ${name} {bar} {percentage} % {note}`, total: Math.max(1, at.chunks) });
      const text = progressText(at);
      bar.set(at.chunks - at.short, text);
      if (text !== said && !output.isJson) output.note(`${name}: ${text}`);
      said = text;
    },
    end: () => bar?.stop(),
  };
}
