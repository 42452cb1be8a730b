// The in-memory twin of the transport: many peers in one process, on a clock and randomness handed in, with loss, delay,
// duplicates, partitions and crashes. Deterministic for a seeded source and a virtual clock.
import { chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { messageBodyMax, messageChunkBytesMax } from "../../protocol/limits.ts";
import type { NodeAddress } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { codeOfThrown, NetworkError } from "../errors.ts";
import type { Delivery, Handler, Message, PeerEvent, Peers, RequestKind, RequestOptions } from "../peers.ts";

/**
 * What goes wrong on the way: share of messages lost or sent twice, and the delay of each (drawn from min to max, so they overtake).
 * `bytesPerSecond`: what the chunks of one message take longer, whatever else is on its way.
 */
export type Faults = {
  readonly lossRate: number;
  readonly duplicateRate: number;
  readonly delayMs: readonly [min: number, max: number];
  readonly bytesPerSecond: number;
};

export type MemoryNetwork = {
  /** A peer of this network; `listen: false` for one that only dials; `port` of the one it keeps, a fresh one unless given. */
  createPeers(seed: Uint8Array, options?: { listen?: boolean; port?: number }): Peers;
  setFaults(faults: Partial<Faults>): void;
  /**
   * Cuts every connection between the two sides until `heal`. `unnoticed`: as a pulled cable does, which closes none: they stand, and
   * what is sent on them is lost.
   */
  partition(left: readonly PeerId[], right: readonly PeerId[], how?: { readonly unnoticed: boolean }): void;
  heal(): void;
  /** Ends a peer as kill -9 would: no goodbye, its connections close. */
  crash(peer: PeerId): void;
};

type Member = {
  readonly id: PeerId;
  readonly handlers: Map<RequestKind, Handler>;
  readonly links: Map<PeerId, Member>;
  /** Whom `connected` names; made anew after a change. */
  connected: readonly PeerId[] | undefined;
  readonly listeners: Set<(event: PeerEvent) => void>;
  readonly stopping: AbortController;
  port: number;
  up: boolean;
};
type World = {
  readonly clock: Clock;
  readonly random: Random;
  readonly members: Map<PeerId, Member>;
  readonly ports: Map<number, Member>;
  readonly cuts: [Set<PeerId>, Set<PeerId>][];
  faults: Faults;
  nextPort: number;
};

const noFaults: Faults = { lossRate: 0, duplicateRate: 0, delayMs: [0, 0], bytesPerSecond: Number.POSITIVE_INFINITY };
const firstPort = 10_000;

/** An empty network. */
export function createMemoryNetwork(parts: { clock: Clock; random: Random; faults?: Partial<Faults> }): MemoryNetwork {
  const world: World = {
    clock: parts.clock,
    random: parts.random,
    members: new Map(),
    ports: new Map(),
    cuts: [],
    faults: { ...noFaults, ...parts.faults },
    nextPort: firstPort,
  };
  return {
    createPeers: (seed, { listen = true, port } = {}) =>
      createMemoryPeers(world, peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey), { listen, port }),
    setFaults: (faults) => {
      world.faults = { ...world.faults, ...faults };
    },
    partition: (left, right, how) => {
      world.cuts.push([new Set(left), new Set(right)]);
      if (how?.unnoticed === true) return;
      for (const member of world.members.values())
        for (const other of [...member.links.values()]) if (isCut(world, member.id, other.id)) unlink(world, member, other);
    },
    heal: () => {
      world.cuts.length = 0;
    },
    crash: (peer) => {
      const member = world.members.get(peer);
      if (member !== undefined) takeDown(world, member);
    },
  };
}

type ListenOptions = { readonly listen: boolean; readonly port: number | undefined };

function createMemoryPeers(world: World, self: PeerId, { listen: listens, port }: ListenOptions): Peers {
  const member: Member = {
    id: self,
    handlers: new Map(),
    links: new Map(),
    connected: undefined,
    listeners: new Set(),
    stopping: new AbortController(),
    port: 0,
    up: false,
  };
  const known = new Map<PeerId, readonly NodeAddress[]>();
  const link = async (peer: PeerId): Promise<Member> => {
    const there = member.links.get(peer);
    if (there !== undefined) return there;
    const target = known
      .get(peer)
      ?.map((address) => world.ports.get(address.libp2p))
      .find((other) => other?.id === peer);
    if (target === undefined) throw new NetworkError("unreachable", `no known address of ${peer} answers`, { peer });
    return connect(world, member, target);
  };
  return {
    self,
    addresses: () => (member.up && listens ? [{ ip: "127.0.0.1", libp2p: member.port, lane: 0, heartbeat: 0 }] : []),
    handle: (kind, handler) => void member.handlers.set(kind, handler),
    learn: (peer, addresses) => void known.set(peer, addresses),
    dial: async (address, options) => {
      const target = world.ports.get(address.libp2p);
      if (target === undefined) throw new NetworkError("unreachable", `nobody listens on ${address.ip}:${address.libp2p}`);
      return (await limited(world, connect(world, member, target), options)).id;
    },
    request: async (peer, kind, message, options) => {
      checkSize(message, peer);
      if (!member.up) throw new NetworkError("stopped", "this peer is not running", { peer });
      if (options.signal?.aborted) throw new NetworkError("aborted", "the caller gave up", { peer, cause: options.signal.reason });
      return limited(
        world,
        link(peer).then((other) => exchange(world, { from: member, to: other, kind, message })),
        options,
        peer,
      );
    },
    disconnect: async (peer) => {
      const other = member.links.get(peer);
      if (other !== undefined) unlink(world, member, other);
    },
    connected: () => {
      member.connected ??= [...member.links.keys()];
      return member.connected;
    },
    remoteIp: (peer) => (member.links.has(peer) ? "127.0.0.1" : undefined),
    onEvent: (listener) => {
      member.listeners.add(listener);
      return () => void member.listeners.delete(listener);
    },
    start: async () => {
      const clash = world.members.get(self);
      if (clash?.up) throw new NetworkError("protocol", `a peer ${self} runs already`, { peer: self });
      if (port !== undefined && world.ports.has(port)) throw new NetworkError("unreachable", `the port ${port} is in use`);
      world.nextPort += 1;
      Object.assign(member, { port: port ?? world.nextPort, up: true });
      world.members.set(self, member);
      if (listens) world.ports.set(member.port, member);
    },
    stop: async () => takeDown(world, member),
  };
}

async function connect(world: World, from: Member, to: Member): Promise<Member> {
  await travel(world);
  if (!from.up || !to.up || from === to || isCut(world, from.id, to.id))
    throw new NetworkError("unreachable", `${to.id} does not answer`, { peer: to.id });
  if (from.links.get(to.id) !== to) {
    join(from, to);
    join(to, from);
    emit(from, { kind: "connected", peer: to.id });
    emit(to, { kind: "connected", peer: from.id });
  }
  return to;
}

function unlink(_world: World, a: Member, b: Member): void {
  if (a.links.get(b.id) !== b) return;
  part(a, b);
  part(b, a);
  emit(a, { kind: "disconnected", peer: b.id });
  emit(b, { kind: "disconnected", peer: a.id });
}

function join(member: Member, other: Member): void {
  member.links.set(other.id, other);
  member.connected = undefined;
}

function part(member: Member, other: Member): void {
  member.links.delete(other.id);
  member.connected = undefined;
}

function takeDown(world: World, member: Member): void {
  if (!member.up) return;
  member.up = false;
  world.ports.delete(member.port);
  member.stopping.abort(new NetworkError("stopped", "this peer stopped", { peer: member.id }));
  for (const other of [...member.links.values()]) unlink(world, member, other);
}

type Question = { readonly from: Member; readonly to: Member; readonly kind: RequestKind; readonly message: Message };

async function exchange(world: World, question: Question): Promise<Delivery> {
  const closed = closing(question.from, question.to);
  try {
    return await Promise.race([closed.promise, deliver(world, question)]);
  } finally {
    closed.forget();
  }
}

/** Rejects as soon as the link between the two goes. */
function closing(from: Member, to: Member): { promise: Promise<never>; forget(): void } {
  let listener: (event: PeerEvent) => void = () => {};
  const promise = new Promise<never>((_, reject) => {
    listener = (event) => {
      if (event.kind === "disconnected" && event.peer === to.id)
        reject(new NetworkError("closed", `the connection to ${to.id} closed`, { peer: to.id }));
    };
    from.listeners.add(listener);
  });
  promise.catch(() => {});
  return { promise, forget: () => void from.listeners.delete(listener) };
}

async function deliver(world: World, { from, to, kind, message }: Question): Promise<Delivery> {
  const { random, faults } = world;
  // A lost message looks like silence: the asker's own time limit ends the wait.
  if (random.fraction() < faults.lossRate || isCut(world, from.id, to.id)) return new Promise(() => {});
  await travel(world, message);
  const handler = to.handlers.get(kind);
  if (handler === undefined) throw new NetworkError("refused", `${to.id} has no handler for ${kind}`, { peer: to.id });
  const handled = (): Promise<Message> => handler(from.id, copyOf(message), to.stopping.signal);
  if (random.fraction() < faults.duplicateRate) void handled().catch(() => {});
  const answer = await handled().catch((cause: unknown) => {
    throw new NetworkError(codeOfThrown(cause), `${to.id} refused ${kind}`, { peer: to.id, cause });
  });
  const delivery = copyOf(answer);
  (answer as { release?: () => void }).release?.();
  if (random.fraction() < faults.lossRate || isCut(world, from.id, to.id)) return new Promise(() => {});
  await travel(world, delivery);
  checkSize(delivery, to.id);
  return delivery;
}

/** What arrives shares no buffer with what was sent, as over a wire. What was released is overwritten, as by the next message that comes. */
function copyOf(message: Message): Delivery {
  const chunks = message.chunks.map((chunk) => new Uint8Array(chunk));
  const release = (): void => {
    for (const chunk of chunks) chunk.fill(0xa5);
  };
  return { body: new Uint8Array(message.body), chunks, hashes: chunks.map((chunk) => chunkAddress(chunk)), release };
}

async function travel({ clock, random, faults }: World, message?: Message): Promise<void> {
  const [min, max] = faults.delayMs;
  const bytes = message?.chunks.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
  const delayMs = min + random.fraction() * (max - min) + (bytes / faults.bytesPerSecond) * 1000;
  if (delayMs > 0) await clock.sleep(delayMs);
}

async function limited<T>({ clock }: World, work: Promise<T>, { timeoutMs, signal }: RequestOptions, peer?: PeerId): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(new NetworkError("aborted", "the caller gave up", { peer, cause: signal?.reason }));
    if (signal?.aborted) return abort();
    const timer = clock.after(timeoutMs, () => reject(new NetworkError("timeout", `no answer within ${timeoutMs} ms`, { peer })));
    signal?.addEventListener("abort", abort, { once: true });
    const settled = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", abort);
    };
    work.then(resolve, reject).finally(settled);
  });
}

function checkSize(message: Message, peer: PeerId): void {
  const chunkBytes = message.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (message.body.length > messageBodyMax)
    throw new NetworkError("too-large", `a body of ${message.body.length} bytes, at most ${messageBodyMax}`, { peer });
  if (chunkBytes > messageChunkBytesMax)
    throw new NetworkError("too-large", `chunks of ${chunkBytes} bytes, at most ${messageChunkBytesMax}`, { peer });
}

function isCut({ cuts }: World, a: PeerId, b: PeerId): boolean {
  return cuts.some(([left, right]) => (left.has(a) && right.has(b)) || (left.has(b) && right.has(a)));
}

function emit(member: Member, event: PeerEvent): void {
  for (const listener of [...member.listeners]) listener(event);
}
