// Many pulses over a network in memory on a virtual clock, for tests: links that lose, delay and break, nodes that freeze,
// wake late or die, and what each board says when.
import { subjectOf } from "../../protocol/heartbeat.ts";
import type { ProfileName } from "../../protocol/network-profile.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type Random, seededRandom } from "../../runtime/random.ts";
import { profileOf } from "./profiles.ts";
import { createPulse, type Pulse, type PulseEvent } from "./pulse.ts";
import type { Hint } from "./suspicion-board.ts";

export type FarmNode = {
  readonly index: number;
  readonly subject: string;
  readonly pulse: Pulse;
  /** What its board says of each node, by index. */
  readonly board: Map<number, { hint: Hint; atMs: number }>;
  readonly events: PulseEvent[];
  /** Neither sends nor reads nor wakes; what arrives waits for it. */
  frozen: boolean;
  /** How much too late its timers come, milliseconds. */
  lateMs: number;
  dead: boolean;
  readonly inbox: Buffer[];
};

/** Whether a datagram from one to the other is lost, and how long it takes. */
export type Link = (from: number, to: number) => { lost: boolean; delayMs: number };

export type PulseFarm = {
  readonly nodes: readonly FarmNode[];
  nowMs(): number;
  /** Runs on for `ms`. */
  run(ms: number): void;
  link(): Link;
  setLink(link: Link): void;
  /** Delivers bytes to a node as if they had come from the network. */
  inject(to: number, bytes: Buffer): void;
  /** Everything sent so far, oldest first, up to a limit. */
  readonly sent: { readonly from: number; readonly to: number; readonly bytes: Buffer }[];
  /** Connects two anew, as after a connection of theirs. */
  connect(a: number, b: number): void;
  /** Under what `from` seals what it sends to `to`: for a test in which it lies. */
  sentTerms(from: number, to: number): { readonly sendAs: number; readonly key: Uint8Array; sequence: number };
  /** Who routes round `target` among the others. */
  avoiders(target: number): readonly number[];
};

export type PulseFarmOptions = {
  readonly count: number;
  readonly profile: ProfileName;
  readonly seed?: number;
  readonly rttMs?: number;
  /** The last of the peers is a gateway: connected, in nobody's ring. */
  readonly gateway?: boolean;
};

type Flying = { readonly atMs: number; readonly order: number; readonly to: number; readonly bytes: Buffer };
type Wake = { dueMs: number; atMs: number };

const sentMax = 20_000;

type World = {
  readonly options: PulseFarmOptions;
  readonly random: Random;
  readonly flying: Flying[];
  readonly sent: { from: number; to: number; bytes: Buffer }[];
  readonly wakes: Wake[];
  readonly sealing: Map<string, { sendAs: number; key: Uint8Array; sequence: number }>;
  link: Link;
  nowMs: number;
  order: number;
  sessions: number;
};

/** All nodes know each other and have sessions. */
export function createPulseFarm(options: PulseFarmOptions): PulseFarm {
  const { count, rttMs = 0.2, gateway = false } = options;
  const world: World = {
    ...{ options, random: seededRandom(options.seed ?? 1), nowMs: 1_000, order: 0, sessions: 1 },
    ...{ flying: [], sent: [], wakes: [], sealing: new Map() },
    link: () => ({ lost: false, delayMs: rttMs / 2 }),
  };
  const nodes = Array.from({ length: count }, (_, index) => createFarmNode(world, index));
  const members = gateway ? nodes.slice(0, -1) : nodes;
  const added = members.map(({ subject, index }) => ({ subject, slot: index }));
  for (const { pulse } of nodes) pulse.setNodes({ added, removed: [] });
  for (const low of nodes) for (const high of nodes) if (low.index < high.index) connect(world, low, high);

  const run = (ms: number): void => {
    const untilMs = world.nowMs + ms;
    while (step(world, nodes, untilMs));
    world.nowMs = untilMs;
  };
  const avoiders = (target: number): readonly number[] =>
    nodes
      .filter(({ index, board }) => index !== target && ["silent", "told"].includes(board.get(target)?.hint ?? "heard"))
      .map(({ index }) => index);
  return {
    ...{ nodes, run, avoiders, sent: world.sent },
    nowMs: () => world.nowMs,
    link: () => world.link,
    setLink: (link) => {
      world.link = link;
    },
    connect: (a, b) => {
      const [low, high] = [nodes[a], nodes[b]];
      if (low !== undefined && high !== undefined) connect(world, low, high);
    },
    sentTerms: (from, to) => world.sealing.get(`${from} ${to}`) ?? { sendAs: 0, key: new Uint8Array(32), sequence: 0 },
    inject: (to, bytes) => deliver(nodes[to], bytes),
  };
}

function createFarmNode(world: World, index: number): FarmNode {
  const subject = subjectOf(`peer-${index}` as PeerId);
  const board = new Map<number, { hint: Hint; atMs: number }>();
  const events: PulseEvent[] = [];
  const pulse = createPulse({
    self: subject,
    profile: profileOf(world.options.profile),
    board: { write: (slot, hint) => void board.set(slot, { hint, atMs: world.nowMs }) },
    nowMs: () => world.nowMs,
    send: (bytes, _ip, port) => send(world, index, port - 1, Buffer.from(bytes)),
    onEvent: (event) => void events.push(event),
  });
  world.wakes.push({ dueMs: world.nowMs, atMs: world.nowMs + world.random.fraction() * 5 });
  return { index, subject, pulse, board, events, frozen: false, lateMs: 0, dead: false, inbox: [] };
}

function send(world: World, from: number, to: number, bytes: Buffer): void {
  if (world.sent.length < sentMax) world.sent.push({ from, to, bytes });
  const { lost, delayMs } = world.link(from, to);
  if (lost) return;
  world.order += 1;
  insert(world.flying, { atMs: world.nowMs + delayMs, order: world.order, to, bytes });
}

function connect(world: World, low: FarmNode, high: FarmNode): void {
  const { random, sealing, options } = world;
  const keys = { send: random.bytes(32), receive: random.bytes(32) };
  const [toHigh, toLow] = [world.sessions, world.sessions + 1];
  world.sessions += 2;
  sealing.set(`${low.index} ${high.index}`, { sendAs: toHigh, key: keys.send, sequence: 0 });
  sealing.set(`${high.index} ${low.index}`, { sendAs: toLow, key: keys.receive, sequence: 0 });
  const terms = { ip: "", intervalMs: profileOf(options.profile).intervalMs };
  high.pulse.openSession({
    ...{ ...terms, subject: low.subject, port: low.index + 1, sendAs: toLow, receiveAs: toHigh, initiator: false },
    keys: { send: keys.receive, receive: keys.send },
  });
  low.pulse.openSession({
    ...{ ...terms, subject: high.subject, port: high.index + 1, sendAs: toHigh, receiveAs: toLow, initiator: true },
    keys,
  });
}

function deliver(node: FarmNode | undefined, bytes: Buffer): void {
  if (node?.frozen === true) node.inbox.push(bytes);
  else if (node?.dead === false && node.pulse.datagram(bytes)) node.pulse.afterPoll();
}

/** Lets the next thing happen that is due by then; false where there is none. */
function step(world: World, nodes: readonly FarmNode[], untilMs: number): boolean {
  const wake = earliest(world.wakes, (index) => nodes[index]?.frozen !== true && nodes[index]?.dead !== true);
  const [flight] = world.flying;
  const atMs = Math.min(flight?.atMs ?? Number.POSITIVE_INFINITY, wake?.atMs ?? Number.POSITIVE_INFINITY);
  if (atMs > untilMs) return false;
  world.nowMs = Math.max(world.nowMs, atMs);
  if (flight !== undefined && flight.atMs <= atMs) {
    world.flying.shift();
    deliver(nodes[flight.to], flight.bytes);
  } else if (wake !== undefined) wakeUp(world, nodes[wake.index], world.wakes[wake.index]);
  return true;
}

function wakeUp(world: World, node: FarmNode | undefined, wake: Wake | undefined): void {
  if (node === undefined || wake === undefined) return;
  const looks = [node.pulse.wake(wake.dueMs)];
  // What waits in the kernel is read between the timer and the second look.
  for (const bytes of node.inbox.splice(0)) looks.push(node.pulse.datagram(bytes));
  if (looks.includes(true)) node.pulse.afterPoll();
  wake.dueMs = node.pulse.nextWakeMs();
  wake.atMs = Math.max(world.nowMs + 0.05, wake.dueMs) + node.lateMs + jitter(world.random);
}

// A timer of Node comes up to a millisecond late.
function jitter(random: Random): number {
  return random.fraction();
}

/** Keeps the order of arrival. */
function insert(flying: Flying[], one: Flying): void {
  let at = flying.length;
  for (let before = flying[at - 1]; before !== undefined && isBefore(one, before); before = flying[at - 1]) at -= 1;
  flying.splice(at, 0, one);
}

function isBefore(a: Flying, b: Flying): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function earliest(wakes: readonly Wake[], isAwake: (index: number) => boolean): { index: number; atMs: number } | undefined {
  let found: { index: number; atMs: number } | undefined;
  for (const [index, { atMs }] of wakes.entries())
    if (isAwake(index) && (found === undefined || atMs < found.atMs)) found = { index, atMs };
  return found;
}
