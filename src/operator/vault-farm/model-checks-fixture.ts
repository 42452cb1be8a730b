// What none of our steps may do in the model of a cluster, whatever happened before: asked of each stop, release, rebuilding and removal.
import { strict as assert } from "node:assert";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { DesiredState } from "../../protocol/states.ts";
import { stopPairAgeMax } from "../../protocol/stop-decision.ts";
import type { AssignedSpec, DesiredNodeState } from "../api/vault-node.ts";
import type { FarmGoal } from "./goal.ts";
import type { HostState, MemberState, StopEvidence, VolumeState } from "./observed.ts";
import { startTakesMs } from "./plan-stop.ts";

/** A node of the model. */
export type ModelNode = {
  readonly name: string;
  readonly zone: string;
  readonly createdMs: number;
  hostState: HostState;
  state: MemberState;
  peerId?: PeerId;
  volume: VolumeState;
  volumeBytes: number;
  admin: DesiredState;
  desired: DesiredNodeState;
  deleting: boolean;
  assigned: AssignedSpec;
  runsWith?: { readonly template: string; readonly capacity: number };
  granted: boolean;
  told: readonly string[];
  starts: number;
  awaySinceMs?: number;
  /** Looks yet at which its answer is lost, and since when it is for us, who looked. */
  lostAnswers: number;
  silentSinceMs?: number;
  /** Until then its process opens its store: it is not ready and says nothing. */
  opensUntilMs: number;
  evidence?: StopEvidence;
  readonly chunks: Set<number>;
};

/** Bytes of each chunk. */
export const chunkBytes: number = 16 * 2 ** 20;

/** The model as a step finds it. `everHeld`: chunks that were stored; `stayersSeen`: nodes that served and stayed at the last look. */
export type ModelSeen = {
  readonly goal: FarmGoal;
  readonly nowMs: number;
  readonly nodes: readonly ModelNode[];
  readonly everHeld: ReadonlySet<number>;
  readonly stayersSeen: number;
  serving(): readonly ModelNode[];
  copies(chunk: number, without?: ModelNode): number;
};

/** Whether a volume of another node has the chunk, dead or alive. */
export function isElsewhere({ nodes }: Pick<ModelSeen, "nodes">, chunk: number, node: ModelNode): boolean {
  return nodes.some((other) => other !== node && other.chunks.has(chunk));
}

/** None of our stops may take a chunk below min. */
export function checkStop(model: ModelSeen, node: ModelNode): void {
  const { goal, nodes } = model;
  assert.ok(node.volume !== "terminating" || node.assigned.released === true, `${node.name} was stopped, and its volume goes with it`);
  if (!goal.running) return;
  checkStart(model, node);
  if (!model.serving().includes(node)) return;
  checkLooks(model, node);
  const short = [...node.chunks].filter((chunk) => model.copies(chunk, node) < goal.copies.min);
  assert.deepEqual(short, [], `${node.name} was stopped, and chunks have fewer than min copies`);
  const away = nodes.filter((other) => other !== node && other.state.kind === "stopping" && other.hostState === "fine");
  assert.deepEqual(
    away.map(({ name }) => name),
    [],
    `${node.name} was stopped while another stops`,
  );
}

// One that opens its store has the time for it.
function checkStart({ nowMs }: ModelSeen, { name, state, hostState, volume }: ModelNode): void {
  if (state.kind !== "starting" || hostState !== "fine" || volume !== "bound") return;
  assert.ok(nowMs - state.sinceMs >= startTakesMs, `${name} was stopped while it opens its store`);
}

// One that serves goes with looks at what would be missing.
function checkLooks({ nowMs }: ModelSeen, { name, evidence, assigned }: ModelNode): void {
  const last = evidence?.second ?? evidence?.first;
  if (assigned.released === true) assert.ok(evidence?.purpose === "removal", `${name} was stopped without a last look`);
  else assert.ok(evidence?.second !== undefined && evidence.purpose === "restart", `${name} was stopped without a proof`);
  if (last !== undefined) assert.ok(nowMs - last.takenAtMs <= stopPairAgeMax, `${name} was stopped with an old proof`);
}

/** One at a time, and all copies are elsewhere: also of chunks that no living node has, and that nobody counts. */
export function checkRelease(model: ModelSeen, node: ModelNode): void {
  assert.deepEqual(
    model.nodes.filter((other) => other.assigned.released === true),
    [],
    "one removal at a time",
  );
  const needed = Math.min(model.goal.copies.target, model.stayersSeen);
  const held = [...node.chunks].filter((chunk) => model.everHeld.has(chunk));
  assert.deepEqual(
    held.filter((chunk) => model.copies(chunk, node) < needed),
    [],
    `${node.name} was released, and chunks lack copies`,
  );
}

/** As many go on serving as are wanted, but for those that a person holds, and what is stored fits what they will declare. */
export function checkRebuild(model: ModelSeen, node: ModelNode): void {
  const { nodes, vaultCapacity, vaultsPerNode, keepFree } = model.goal;
  const others = model.nodes.filter((other) => other !== node);
  assert.deepEqual(
    others.filter(({ assigned, deleting }) => assigned.leaving !== undefined || deleting),
    [],
    "one node is rebuilt at a time",
  );
  const held = others.filter(({ desired }) => desired === "Fenced" || desired === "Offline").length;
  const ready = others.filter((other) => model.serving().includes(other)).length;
  assert.ok(ready + held >= nodes, `${ready} nodes are ready without ${node.name}`);
  const fits = nodes * vaultsPerNode * vaultCapacity * (1 - keepFree);
  assert.ok(new Set(others.flatMap(({ chunks }) => [...chunks])).size * chunkBytes <= fits, "what is stored would not fit");
}

/** Only a released node that does not run, and never the last copy of a chunk. */
export function checkRemoval(model: ModelSeen, node: ModelNode): void {
  assert.equal(node.assigned.released, true, `${node.name} was removed without being released`);
  assert.ok(node.state.kind === "down" || node.hostState === "gone", `${node.name} was removed while it runs`);
  const last = [...node.chunks].filter((chunk) => model.everHeld.has(chunk) && !isElsewhere(model, chunk, node));
  assert.deepEqual(last, [], `${node.name} was removed with the last copies of chunks`);
}
