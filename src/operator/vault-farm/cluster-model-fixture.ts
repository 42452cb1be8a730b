// A small cluster for the tests of the plan: nodes with volumes on machines, chunks with copies, a network that makes missing
// copies again, and hands that carry actions out, which may fail or be cut short. It checks each of our own steps.
import { strict as assert } from "node:assert";
import { stopPairAgeMax, stopPairsApartMs } from "../../protocol/stop-decision.ts";
import type { AssignedSpec } from "../api/vault-node.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { checkRebuild, checkRelease, checkRemoval, checkStop, chunkBytes, isElsewhere, type ModelNode } from "./model-checks-fixture.ts";
import { answers, stays, volumeBytesFor } from "./node-roles.ts";
import type { CopiesCount, MemberState, ObservedFarm, ObservedNode } from "./observed.ts";
import { idOf, networkId } from "./plan-fixture.ts";
import type { StopDecider } from "./stop-moment.ts";

const fresh = (nowMs: number): MemberState => ({ kind: "down", failures: 0, sinceMs: nowMs });
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The protocol's decision in small: two equal looks, far enough apart, the later one young. */
export const modelDecides: StopDecider = ({ first, second, nowMs }) => {
  if (Buffer.compare(first.statement, second.statement) !== 0) return { ok: false, obstacle: "inventory-changed", why: "the looks differ" };
  if (second.takenAtMs - first.takenAtMs < stopPairsApartMs) return { ok: false, obstacle: "too-soon", why: "too soon" };
  return nowMs - second.takenAtMs > stopPairAgeMax ? { ok: false, obstacle: "stale", why: "too old" } : { ok: true };
};

/** A cluster that begins empty. */
export class ClusterModel {
  goal: FarmGoal;
  nowMs = 0;
  writes = 0;
  nodes: ModelNode[] = [];
  private readonly chunkCount: number;
  readonly everHeld: Set<number> = new Set();
  private names = 0;
  private count: CopiesCount | undefined;
  // Of the last look: a node that is told to stay at the same moment has not taken its share yet, and one that is to leave counts no more.
  stayersSeen = 0;

  constructor(goal: FarmGoal, chunkCount: number) {
    this.goal = goal;
    this.chunkCount = chunkCount;
  }

  serving(): readonly ModelNode[] {
    return this.nodes.filter(({ state, hostState, desired }) => state.kind === "ready" && hostState !== "gone" && desired !== "Fenced");
  }

  /** Live copies of a chunk, but for those on `without`. */
  copies(chunk: number, without?: ModelNode): number {
    return this.serving().filter((node) => node !== without && node.chunks.has(chunk)).length;
  }

  /** Time goes on: pods start and end, the network makes copies again, all nodes count them. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const node of this.nodes) this.passNode(node);
    this.copyChunks();
    this.countCopies();
  }

  private passNode(node: ModelNode): void {
    const { state, hostState, volume } = node;
    const runs = hostState !== "gone" && volume !== "absent";
    if (state.kind === "stopping" && hostState !== "gone") this.stopped(node);
    else if (state.kind === "starting" && runs && this.nowMs >= node.opensUntilMs) this.started(node);
    if (hostState === "gone" && node.state.kind === "ready") node.state = { kind: "stopping", sinceMs: this.nowMs };
    if (node.state.kind === "ready" || runs) delete node.awaySinceMs;
    else node.awaySinceMs ??= this.nowMs;
  }

  /** Its process ends and is started anew where it is, and takes so long to open its store. */
  open(node: ModelNode, ms: number): void {
    node.state = { kind: "starting", sinceMs: this.nowMs };
    node.opensUntilMs = this.nowMs + ms;
  }

  private stopped(node: ModelNode): void {
    node.state = fresh(this.nowMs);
    delete node.runsWith;
    if (node.volume === "terminating") this.loseVolume(node);
  }

  private started(node: ModelNode): void {
    node.state = { kind: "ready", sinceMs: this.nowMs };
    node.peerId ??= idOf(node.name);
    node.volume = node.volume === "unbound" ? "bound" : node.volume;
    node.starts += 1;
    const { capacity = 0, specCapacity = 0 } = node.assigned;
    node.runsWith = { template: this.goal.template, capacity: Math.max(this.goal.vaultCapacity, capacity, specCapacity) };
  }

  /** The volume is gone with what was on it, which is not our doing: of what nobody else holds nothing is expected any more. */
  loseVolume(node: ModelNode): void {
    node.volume = "absent";
    for (const chunk of node.chunks) if (!isElsewhere(this, chunk, node)) this.everHeld.delete(chunk);
    node.chunks.clear();
  }

  /** Stored chunks that no volume has any more: what our steps may never bring about. */
  missing(): readonly number[] {
    return [...this.everHeld].filter((chunk) => !this.nodes.some(({ chunks }) => chunks.has(chunk)));
  }

  /** Nodes whose volume is there and that do not serve. */
  silent(): readonly ModelNode[] {
    return this.nodes.filter((node) => !this.serving().includes(node) && node.volume !== "absent" && node.volume !== "unbound");
  }

  private copyChunks(): void {
    const open = this.serving().filter(({ admin }) => admin === "active");
    for (let chunk = 0; chunk < this.chunkCount; chunk += 1) {
      if (this.everHeld.has(chunk) && this.copies(chunk) === 0) continue;
      const staying = this.serving().filter((node) => node.admin !== "draining" && node.chunks.has(chunk)).length;
      const missing = this.goal.copies.target - staying;
      const takers = open.filter((node) => !node.chunks.has(chunk)).sort((a, b) => a.chunks.size - b.chunks.size);
      for (const node of takers.slice(0, Math.max(0, missing))) node.chunks.add(chunk);
      if (this.copies(chunk) >= this.goal.copies.min) this.everHeld.add(chunk);
    }
  }

  private countCopies(): void {
    const counts = [...this.everHeld].map((chunk) => this.copies(chunk)).filter((copies) => copies > 0);
    const lowest = Math.min(Number.POSITIVE_INFINITY, ...counts);
    const belowMin = counts.filter((copies) => copies < this.goal.copies.min).length;
    const kept = this.count !== undefined && lowest >= this.count.lowest;
    this.count = { belowMin, lowest, by: this.counting(), sinceMs: kept ? (this.count?.sinceMs ?? this.nowMs) : this.nowMs };
  }

  private counting(): string {
    return this.serving()
      .map(({ name }) => name)
      .join();
  }

  observe(): ObservedFarm {
    const nodes = this.nodes.map((node) => this.observeNode(node));
    const by = this.counting();
    if (this.count !== undefined && this.count.by !== by) this.count = { ...this.count, by, sinceMs: this.nowMs };
    // What all count together nobody knows where the answer of one is lost.
    const counted = nodes.every(({ state, hostState, report }) => state.kind !== "ready" || hostState === "gone" || report !== undefined);
    if (!counted) this.count = undefined;
    this.stayersSeen = nodes.filter((node) => stays(node) && answers(node) && node.report?.admin !== "draining").length;
    return {
      complete: true,
      networkId,
      founded: true,
      replacingElsewhere: [],
      zones: ["a", "b", "c"],
      ...(this.count === undefined ? {} : { copies: this.count }),
      nodes,
      gateways: [],
    };
  }

  private observeNode(node: ModelNode): ObservedNode {
    const { chunks, starts: _, admin, told, runsWith, lostAnswers, opensUntilMs: _until, silentSinceMs: _since, ...seen } = node;
    const answers = node.state.kind === "ready" && node.hostState !== "gone" && lostAnswers === 0;
    node.lostAnswers = Math.max(0, lostAnswers - 1);
    if (answers) delete node.silentSinceMs;
    else node.silentSinceMs ??= this.nowMs;
    const report = {
      admin,
      joined: true,
      declared: runsWith?.capacity ?? 0,
      used: chunks.size * chunkBytes,
      chunks: chunks.size,
      score: 1,
    };
    return {
      ...seen,
      host: `host-${node.name}`,
      addressed: node.state.kind === "ready" && node.hostState !== "gone",
      peersTold: told,
      byHand: false,
      ...(runsWith === undefined ? {} : { runsWith }),
      ...(answers ? { report } : { silentSinceMs: node.silentSinceMs ?? this.nowMs }),
    };
  }

  /** Our hands are cut off: what was only in memory is gone. */
  crash(): void {
    for (const node of this.nodes) {
      delete node.evidence;
      delete node.silentSinceMs;
    }
  }

  /** Carries an action out. */
  act(action: FarmAction): void {
    if (action.kind === "wait") return;
    this.writes += 1;
    if (action.kind === "create-node") return this.create(action.zone);
    const node = "name" in action ? this.nodes.find(({ name }) => name === action.name) : undefined;
    if (node !== undefined) this.actOn(node, action);
  }

  private create(zone: string): void {
    this.names += 1;
    this.nodes.push({
      name: `n${this.names}`,
      zone,
      createdMs: this.nowMs,
      hostState: "fine",
      state: fresh(this.nowMs),
      volume: "unbound",
      volumeBytes: volumeBytesFor(this.goal.vaultsPerNode, this.goal.vaultCapacity),
      admin: "active",
      desired: "Active",
      deleting: false,
      assigned: { specCapacity: this.goal.vaultCapacity },
      granted: false,
      told: [],
      starts: 0,
      lostAnswers: 0,
      opensUntilMs: 0,
      chunks: new Set(),
    });
  }

  private actOn(node: ModelNode, action: FarmAction): void {
    if (action.kind === "start-node") node.state = { kind: "starting", sinceMs: this.nowMs };
    else if (action.kind === "stop-node") this.stop(node);
    else if (action.kind === "grant-node") node.granted = true;
    else if (action.kind === "tell-peers") node.told = [...new Set([...node.told, ...action.peers])];
    else if (action.kind === "command-node") node.admin = action.state;
    else if (action.kind === "assign-node") this.assign(node, action.assigned);
    else if (action.kind === "grow-volume") node.volumeBytes = action.bytes;
    else if (action.kind === "prove-node") this.prove(node, action);
    else if (action.kind === "remove-node") this.remove(node);
    else assert.fail(`nobody asked for ${action.kind}`);
  }

  private stop(node: ModelNode): void {
    checkStop(this, node);
    node.state = { kind: "stopping", sinceMs: this.nowMs };
    delete node.evidence;
  }

  private assign(node: ModelNode, assigned: AssignedSpec): void {
    if (assigned.leaving === "Shrink" && node.assigned.leaving === undefined) checkRebuild(this, node);
    if (assigned.released === true && node.assigned.released !== true) checkRelease(this, node);
    node.assigned = assigned;
  }

  private prove(node: ModelNode, { purpose, among, keep }: FarmAction & { readonly kind: "prove-node" }): void {
    const others = this.serving().filter((other) => other !== node && other.admin !== "draining");
    const { min, target } = this.goal.copies;
    const needed = purpose === "restart" ? min : Math.min(target, others.length);
    const short = [...node.chunks].filter((chunk) => others.filter(({ chunks }) => chunks.has(chunk)).length < needed).length;
    if (!this.serving().includes(node) || others.length < min || short > 0) {
      node.evidence = {
        purpose,
        among,
        problem: { why: `${short} chunks would have too few copies`, obstacle: "short", short, bytesLeft: short },
      };
      return;
    }
    const around = others.map(({ name, starts }) => [name, starts]);
    const look = { statement: text([[...node.chunks].sort(), around]), witness: text("seen"), takenAtMs: this.nowMs };
    const first = keep ? node.evidence?.first : undefined;
    node.evidence = first === undefined ? { purpose, among, first: look } : { purpose, among, first, second: look };
  }

  private remove(node: ModelNode): void {
    checkRemoval(this, node);
    this.nodes = this.nodes.filter((other) => other !== node);
  }
}
