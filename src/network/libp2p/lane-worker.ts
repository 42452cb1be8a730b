// The worker of all lanes of a process: TLS sockets, reading, writing and hashing of bulk, away from the main thread.
import type { TLSSocket } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../runtime/clock.ts";
import { type ChunkBuffer, createChunkBuffers } from "./chunk-buffers.ts";
import { createLane, type Lane, type LaneTimes } from "./lane.ts";
import type { FromLaneWorker, LaneRole, ToLaneWorker } from "./lane-messages.ts";
import { type Admission, createLaneListener, dialLane, handshakeMs } from "./lane-tls.ts";

type Message<T extends ToLaneWorker["type"]> = Extract<ToLaneWorker, { readonly type: T }>;

// Unused read buffers kept for the next chunks: eight of the largest.
const keptBytes = 32 * 1024 * 1024;
const admissionsMax = 4_096;

const times = workerData as LaneTimes;
const buffers = createChunkBuffers(keptBytes);
const lanes = new Map<number, Lane>();
const admitted = new Map<string, Admission & { readonly timer: NodeJS.Timeout }>();
const post = (message: FromLaneWorker, moved: readonly ArrayBuffer[] = []): void => parentPort?.postMessage(message, moved);

const listener = createLaneListener(
  {
    find: (identity) => admitted.get(identity),
    redeem: withdraw,
  },
  adopt,
);

function withdraw(identity: string): Admission | undefined {
  const admission = admitted.get(identity);
  clearTimeout(admission?.timer);
  admitted.delete(identity);
  return admission;
}

type Opening = { readonly lane: number; readonly role: LaneRole; readonly window: number };

/** `onOver`: called when the lane has ended. */
function makeLane({ lane, role, window }: Opening, onOver: () => void = () => {}): Lane {
  const onEnd = (): void => {
    onOver();
    lanes.delete(lane);
    if (lanes.size === 0) buffers.drain();
  };
  const made = createLane({ lane, role, window, buffers, times, clock: systemClock, post, onEnd });
  lanes.set(lane, made);
  return made;
}

function admit({ lane, role, window, token, lifeMs }: Message<"admit">): void {
  // A peer asks for its lane anew as often as it likes: what it then never opens must not take the room of others.
  const made = makeLane({ lane, role, window }, () => withdraw(token.identity));
  if (admitted.size >= admissionsMax) return made.close("too many lanes are being opened");
  const timer = setTimeout(() => made.close("nobody opened the lane in time"), lifeMs);
  timer.unref();
  admitted.set(token.identity, { lane, token, timer });
}

/** A lane that the other side dialled, its key proven. */
function adopt(socket: TLSSocket, { lane }: Admission): void {
  const made = lanes.get(lane);
  if (made === undefined) return void socket.destroy();
  made.attach(socket);
  socket.on("data", (bytes) => {
    if (!made.reader.take(bytes)) socket.pause();
  });
  made.opened();
}

function dial({ lane, role, window, token, ip, port }: Message<"dial">): void {
  const made = makeLane({ lane, role, window });
  const socket = dialLane({ ip, port }, token, made.reader);
  const limit = setTimeout(() => made.close("no handshake in time"), handshakeMs);
  made.attach(socket);
  socket.once("secureConnect", () => {
    clearTimeout(limit);
    made.opened();
  });
  socket.once("close", () => clearTimeout(limit));
}

function listen({ ip, port }: Message<"listen">): void {
  // After that it only means a connection that could not be taken, for want of descriptors: who dialled tries again.
  listener.on("error", (error) => post({ type: "not-listening", why: error.message }));
  listener.listen(port, ip, () => {
    const address = listener.address();
    post({ type: "listening", port: typeof address === "object" && address !== null ? address.port : 0 });
  });
}

/** The lane of a transfer; where it has ended, its end was told already. */
function withLane({ lane }: { readonly lane: number }, act: (lane: Lane) => void): void {
  const found = lanes.get(lane);
  if (found !== undefined) act(found);
}

function send(message: Message<"send">): void {
  const { transfer, chunks, note, answers, buffers: returned = [] } = message;
  recycle(returned);
  withLane(message, (lane) => lane.send({ transfer, note, chunks }, answers));
}

function expect(message: Message<"expect">): void {
  recycle(message.buffers);
  withLane(message, (lane) => lane.expect(message.transfer, message.lengths));
}

function recycle(given: readonly ChunkBuffer[]): void {
  for (const buffer of given) buffers.give(buffer);
}

function close(): void {
  for (const lane of [...lanes.values()]) lane.close("stopping");
  for (const { timer } of admitted.values()) clearTimeout(timer);
  listener.close();
  parentPort?.close();
}

parentPort?.on("message", (message: ToLaneWorker) => {
  if (message.type === "send") send(message);
  else if (message.type === "expect") expect(message);
  else if (message.type === "recycle") recycle(message.buffers);
  else if (message.type === "cancel") withLane(message, (lane) => lane.cancel(message.transfer));
  else if (message.type === "forget") withLane(message, (lane) => lane.forget(message.transfer));
  else if (message.type === "admit") admit(message);
  else if (message.type === "dial") dial(message);
  else if (message.type === "drop") withLane(message, (lane) => lane.close("dropped"));
  else if (message.type === "listen") listen(message);
  else close();
});
