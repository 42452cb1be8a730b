// The failure detector as a part of a program: agrees keys with connected peers, tells its worker who is there, and hands
// what the worker finds to membership, whose router reads it from shared memory at each pick.
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { sessionKeys, sessionSecretLength, subjectOf } from "../../protocol/heartbeat.ts";
import { type HeartbeatSession, heartbeatSession } from "../../protocol/messages/heartbeat-session.ts";
import type { ProfileName } from "../../protocol/network-profile.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { listenError } from "../../runtime/listen-error.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { Directory } from "../directory.ts";
import type { Peers } from "../peers.ts";
import { adaptiveIntervalMs } from "./adaptive-window.ts";
import { type DetectorThread, type StartDetectorThread, startDetectorWorker } from "./detector-thread.ts";
import { profileOf } from "./profiles.ts";
import type { PulseEvent } from "./pulse.ts";
import type { SuspicionBoard } from "./suspicion-board.ts";
import type { FromDetectorWorker, ToDetectorWorker, WorkerStart } from "./worker-messages.ts";

export type DetectorParts = {
  readonly peers: Pick<Peers, "self" | "request" | "handle" | "onEvent" | "connected" | "remoteIp">;
  readonly directory: Directory;
  /** Brings the directory in line with the board. */
  readonly refresh: () => void;
  readonly board: SuspicionBoard;
  readonly network: { readonly id: Address; readonly key?: Uint8Array | undefined };
  readonly profile: ProfileName;
  /** Where datagrams are received; port 0 = any free one. */
  readonly listen: { readonly ip: string; readonly port: number };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onEvent: (event: PulseEvent) => void;
  /** A connected peer sent more than any honest one. */
  readonly offend: (peer: PeerId, why: string) => void;
  /** Where the pulse runs; a worker thread unless a simulation hands in another. */
  readonly startThread?: StartDetectorThread;
};

export type Detector = {
  readonly name: "detector";
  /** The port of datagrams, once started. */
  port(): number;
  /** This machine slept: the worker forgets what it saw. */
  forget(): void;
  /** Rejects where the port cannot be had. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

const sessionTimeoutMs = 2_000;
/** First and longest wait before a peer is asked again: one without a detector is asked in vain. */
const sessionRetryMs = 1_000;
const sessionRetryMaxMs = 30_000;
/** A peer may ask for new keys this often. */
const sessionEveryMs = 50;
/** Changes of the directory are gathered for this long. */
const gatherMs = 20;

type State = {
  readonly parts: DetectorParts;
  worker: DetectorThread | undefined;
  port: number;
  /** Nodes in the worker's ring. */
  readonly ring: Map<PeerId, string>;
  readonly pending: Set<PeerId>;
  readonly askedMs: Map<PeerId, number>;
  /** The newest connection of each peer that is being asked: those before it are not asked on. */
  readonly asking: Map<PeerId, symbol>;
  readonly stopping: AbortController;
};

/** A detector that does not run yet; create it before `peers.start`, since it sets a handler, and start it before them too. */
export function createDetector(parts: DetectorParts): Detector {
  const state: State = {
    parts,
    worker: undefined,
    port: 0,
    ring: new Map(),
    pending: new Set(),
    askedMs: new Map(),
    asking: new Map(),
    stopping: new AbortController(),
  };
  const { peers, directory, log } = parts;
  let forget: (() => void)[] = [];
  peers.handle("heartbeat-session", async (from, { body }) => ({ body: answer(state, from, body), chunks: [] }));
  const start = async (): Promise<void> => {
    state.port = await startWorker(state);
    forget = [
      directory.onChange((peer) => gather(state, peer)),
      peers.onEvent(({ kind, peer }) => (kind === "connected" ? void ask(state, peer) : closed(state, peer))),
    ];
    for (const { record } of directory.nodes()) gather(state, record.peerId);
    for (const peer of peers.connected()) void ask(state, peer);
    log.info("heartbeats are sent and watched", { port: state.port, profile: parts.profile });
  };
  const stop = async (): Promise<void> => {
    state.stopping.abort();
    for (const end of forget) end();
    const ending = state.worker;
    state.worker = undefined;
    await ending?.stop();
  };
  return { name: "detector", port: () => state.port, forget: () => post(state, { type: "forget" }), start, stop };
}

function post({ worker }: State, message: ToDetectorWorker): void {
  worker?.post(message);
}

function startWorker(state: State): Promise<number> {
  const { parts } = state;
  const { ip, port } = parts.listen;
  const workerData: WorkerStart = { self: subjectOf(parts.peers.self), profile: parts.profile, ip, port, memory: parts.board.memory };
  const wanted = { name: "heartbeats", ip, port, portSetting: "VAULTFARM_PORT_HEARTBEAT" };
  const startThread = parts.startThread ?? startDetectorWorker;
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromDetectorWorker): void => {
      if (message.type === "listening") resolve(message.port);
      else if (message.type === "priority") parts.log.debug("how the system runs the heartbeat thread", { priority: message.priority });
      else if (message.type === "lowered")
        parts.log.warn("the heartbeat thread took more than half of a core, as in a flood: it is an ordinary thread from now on", {});
      else if (message.type === "not-listening") reject(listenError(Object.assign(new Error(message.why), { code: message.code }), wanted));
      else if (message.type === "changed") parts.refresh();
      else for (const event of message.events) pass(parts, event);
    };
    const onError = (cause: unknown): void => {
      reject(cause);
      if (!state.stopping.signal.aborted) parts.log.error("the heartbeat thread ended: deaths are noticed by connections only", { cause });
    };
    state.worker = startThread(workerData, { onMessage, onError });
  });
}

function pass(parts: DetectorParts, event: PulseEvent): void {
  parts.onEvent(event);
  if (event.kind !== "excess") return;
  const peer = parts.peers.connected().find((one) => subjectOf(one) === event.subject);
  if (peer !== undefined) parts.offend(peer, excessWords[event.what]);
}

const excessWords = {
  datagrams: "more heartbeats than any profile sends",
  words: "more words about others than its place in the ring allows",
} as const;

/** Nodes that are away or gone are not watched: they said so. */
function gather(state: State, peer: PeerId): void {
  const { parts, pending } = state;
  const seen = parts.directory.node(peer)?.state;
  const belongs = seen === "live" || seen === "suspected";
  if (belongs === state.ring.has(peer) && !pending.has(peer)) return;
  if (pending.size === 0) parts.clock.after(gatherMs, () => tellNodes(state));
  pending.add(peer);
}

function tellNodes(state: State): void {
  const { parts, ring, pending } = state;
  const added: { subject: string; slot: number }[] = [];
  const removed: string[] = [];
  for (const peer of pending) {
    const seen = parts.directory.node(peer)?.state;
    const belongs = seen === "live" || seen === "suspected";
    const subject = subjectOf(peer);
    const slot = parts.board.slotOf(peer);
    if (belongs === ring.has(peer) || slot === undefined) continue;
    if (belongs) {
      ring.set(peer, subject);
      added.push({ subject, slot });
    } else {
      ring.delete(peer);
      removed.push(subject);
    }
  }
  pending.clear();
  if (added.length + removed.length > 0) post(state, { type: "nodes", added, removed });
}

function closed(state: State, peer: PeerId): void {
  state.asking.delete(peer);
  post(state, { type: "close", subject: subjectOf(peer) });
}

/** Of two peers the one with the lower PeerId asks, until it is answered or the connection is gone. */
async function ask(state: State, peer: PeerId): Promise<void> {
  const { parts } = state;
  const { peers, clock } = parts;
  if (peers.self >= peer) return;
  const mine = Symbol(peer);
  state.asking.set(peer, mine);
  const isWanted = (): boolean => !state.stopping.signal.aborted && state.asking.get(peer) === mine && peers.connected().includes(peer);
  for (let waitMs = sessionRetryMs; isWanted(); waitMs = Math.min(sessionRetryMaxMs, 2 * waitMs)) {
    const own = ownTerms(state);
    const askedMs = clock.monotonicMs();
    try {
      const body = encodeMessage(heartbeatSession, own);
      const delivery = await peers.request(peer, "heartbeat-session", { body, chunks: [] }, { timeoutMs: sessionTimeoutMs });
      const reply = decodeMessage(heartbeatSession, delivery.body);
      delivery.release();
      if (reply.ok) return agree(state, peer, { own, other: reply.value }, clock.monotonicMs() - askedMs);
      parts.log.debug("a peer's heartbeat session cannot be read", { peer, why: reply.why });
    } catch {
      // Not reachable now, or without a detector: asked again while the connection lives.
    }
    // A wait that outlived the detector would keep its program from ending.
    await clock.sleep(waitMs, state.stopping.signal).catch(() => {});
  }
}

function answer(state: State, from: PeerId, body: Uint8Array): Uint8Array {
  const { parts, askedMs } = state;
  const nowMs = parts.clock.monotonicMs();
  const request = decodeMessage(heartbeatSession, body);
  if (!request.ok) throw new Error(`heartbeat-session: ${request.why}`);
  if (nowMs - (askedMs.get(from) ?? Number.NEGATIVE_INFINITY) < sessionEveryMs) throw new Error("heartbeat-session: asked too often");
  for (const peer of askedMs.keys()) if (!parts.peers.connected().includes(peer)) askedMs.delete(peer);
  askedMs.set(from, nowMs);
  const own = ownTerms(state);
  agree(state, from, { own, other: request.value });
  return encodeMessage(heartbeatSession, own);
}

function ownTerms({ parts, port }: State): HeartbeatSession {
  return { secret: parts.random.bytes(sessionSecretLength), port, session: new DataView(parts.random.bytes(4).buffer).getUint32(0) };
}

/** Datagrams go to the address at the other end of the live connection only, so that nobody can name a third party as target. */
function agree(state: State, peer: PeerId, terms: { own: HeartbeatSession; other: HeartbeatSession }, rttMs?: number): void {
  const { parts } = state;
  const ip = parts.peers.remoteIp(peer);
  if (ip === undefined) return;
  const { own, other } = terms;
  const profile = profileOf(parts.profile);
  const keys = sessionKeys(parts.network, { peer: parts.peers.self, secret: own.secret }, { peer, secret: other.secret });
  const intervalMs = profile.adaptive && rttMs !== undefined ? adaptiveIntervalMs(rttMs, profile.intervalMs) : profile.intervalMs;
  const numbers = { sendAs: other.session, receiveAs: own.session };
  const session = { subject: subjectOf(peer), ip, port: other.port, ...numbers, keys, initiator: rttMs !== undefined, intervalMs };
  post(state, { type: "open", terms: session });
}
