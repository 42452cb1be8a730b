// Fewer, larger messages below the streams: what is sent in one turn of the event loop becomes one Noise message and one
// write. Each costs a cipher, a system call and, at the other end, an event in every layer: more than 4 KiB of content.
import type { ConnectionEncrypter, MessageStream, StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";

type Bytes = Parameters<MessageStream["send"]>[0];

// A Noise message holds a little less; more would only be cut.
const gatheredMax = 64 * 1024;
// Yamux gives back window for every frame it reads. Small grants wait for the next frame or until they are a quarter of the
// smallest window, so that the sender always has the rest of it.
const grantHeldMax = 64 * 1024;
const headerBytes = 12;
const windowUpdate = 1;

/** The same encrypter, each of whose messages goes to the socket in one piece: the library writes its two bytes of length apart. */
export function inOneWrite<Extension>(encrypter: ConnectionEncrypter<Extension>): ConnectionEncrypter<Extension> {
  return {
    protocol: encrypter.protocol,
    secureInbound: (connection, options) => encrypter.secureInbound(joining(connection), options),
    secureOutbound: (connection, options) => encrypter.secureOutbound(joining(connection), options),
  };
}

/** A copy of some kilobytes costs less than a system call. */
function joining(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection);
  connection.send = (data) => send(data instanceof Uint8Array ? data : data.subarray());
  return connection;
}

/** The same muxer, whose frames of one turn go out together. */
export function gathering<Muxer extends StreamMuxer>(factory: StreamMuxerFactory<Muxer>): StreamMuxerFactory<Muxer> {
  return { protocol: factory.protocol, createStreamMuxer: (connection) => factory.createStreamMuxer(gathered(connection)) };
}

/** Holds what a muxer sends on `connection` until the turn ends; `close` sends what is held first. */
function gathered(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection);
  const close = connection.close.bind(connection);
  const grants = createGrants();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let due = false;
  const flush = (): boolean => {
    const bytes = Buffer.concat(held, heldBytes);
    held = [];
    heldBytes = 0;
    return bytes.length === 0 || send(bytes);
  };
  const atEndOfTurn = (): void => {
    due = false;
    try {
      flush();
    } catch {
      // The connection closed meanwhile, or just now: its streams learn that from its own events.
    }
  };
  connection.send = (data: Bytes): boolean => {
    if (grants.hold(data)) return !connection.writableNeedsDrain;
    held.push(...grants.take(), ...(data instanceof Uint8Array ? [data] : data));
    heldBytes = held.reduce((sum, piece) => sum + piece.length, 0);
    // Where the connection is full or closed, the sender must see so now.
    if (heldBytes >= gatheredMax || connection.writableNeedsDrain || connection.status !== "open") return flush();
    if (!due) process.nextTick(atEndOfTurn);
    due = true;
    return true;
  };
  connection.close = (options) => {
    if (due) atEndOfTurn();
    return close(options);
  };
  return connection;
}

type Grants = {
  /** Whether `frame` is a small grant of window that can wait, and now does. */
  hold(frame: Bytes): boolean;
  /** The frames of all grants that wait, which do no longer. */
  take(): readonly Uint8Array[];
};

function createGrants(): Grants {
  const waiting = new Map<number, number>();
  const hold = (frame: Bytes): boolean => {
    if (frame.byteLength !== headerBytes || !(frame instanceof Uint8Array)) return false;
    const view = new DataView(frame.buffer, frame.byteOffset, headerBytes);
    // Version 0, type, flags: one that opens, closes or resets a stream goes at once.
    if (view.getUint32(0) !== windowUpdate << 16) return false;
    const stream = view.getUint32(4);
    const sum = (waiting.get(stream) ?? 0) + view.getUint32(8);
    if (sum < grantHeldMax) waiting.set(stream, sum);
    // The caller sends the last one as it is; the ones before it go ahead of it.
    return sum < grantHeldMax;
  };
  const take = (): readonly Uint8Array[] => {
    if (waiting.size === 0) return [];
    const frames = [...waiting].map(([stream, bytes]) => grantFrame(stream, bytes));
    waiting.clear();
    return frames;
  };
  return { hold, take };
}

function grantFrame(stream: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(headerBytes);
  const view = new DataView(frame.buffer);
  view.setUint32(0, windowUpdate << 16);
  view.setUint32(4, stream);
  view.setUint32(8, bytes);
  return frame;
}
