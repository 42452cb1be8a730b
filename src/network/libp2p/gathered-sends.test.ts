// Proves that gathering loses and reorders nothing: frames of one turn become one message, grants of window wait but never so
// many that a sender could stall, and a close sends what is held first. Method: a muxer that only hands out its connection,
// over a connection that records what is sent.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { MessageStream, StreamMuxer } from "@libp2p/interface";
import fc from "fast-check";
import { gathering } from "./gathered-sends.ts";

type Recorded = { readonly connection: MessageStream; readonly sent: Buffer[]; readonly closed: () => boolean };

function recorded(): Recorded {
  const sent: Buffer[] = [];
  let closed = false;
  const raw = {
    status: "open",
    writableNeedsDrain: false,
    send: (bytes: Uint8Array): boolean => sent.push(Buffer.from(bytes)) > 0,
    close: async (): Promise<void> => {
      closed = true;
    },
  } as unknown as MessageStream;
  let connection = raw;
  const factory = {
    protocol: "test",
    createStreamMuxer: (given: MessageStream): StreamMuxer => {
      connection = given;
      return {} as StreamMuxer;
    },
  };
  gathering(factory).createStreamMuxer(raw);
  return { connection, sent, closed: () => closed };
}

function frame(type: number, flags: number, stream: number, length: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(stream, 4);
  header.writeUInt32BE(length, 8);
  return header;
}
const data = (stream: number, text: string): Buffer => Buffer.concat([frame(0, 0, stream, text.length), Buffer.from(text)]);
const grant = (stream: number, bytes: number): Buffer => frame(1, 0, stream, bytes);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Frame = { readonly type: number; readonly flags: number; readonly stream: number; readonly length: number };

function framesIn(sent: readonly Buffer[]): readonly Frame[] {
  const bytes = Buffer.concat(sent);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [type, flags, length] = [bytes.readUInt8(at + 1), bytes.readUInt16BE(at + 2), bytes.readUInt32BE(at + 8)];
    frames.push({ type, flags, stream: bytes.readUInt32BE(at + 4), length });
    at += 12 + (type === 0 ? length : 0);
  }
  return frames;
}

function granted(frames: readonly Frame[], stream: number): number {
  return frames.filter((one) => one.type === 1 && one.flags === 0 && one.stream === stream).reduce((sum, { length }) => sum + length, 0);
}

describe("sends of one turn", () => {
  it("become one message, in order, after the microtasks of the turn", async () => {
    const { connection, sent } = recorded();
    connection.send(data(1, "first"));
    await Promise.resolve();
    connection.send(data(3, "second"));
    assert.equal(sent.length, 0);
    await turn();
    assert.deepEqual(sent, [Buffer.concat([data(1, "first"), data(3, "second")])]);
  });

  it("go out before the connection closes", async () => {
    const { connection, sent, closed } = recorded();
    connection.send(data(1, "last"));
    await connection.close();
    assert.deepEqual([sent, closed()], [[data(1, "last")], true]);
  });

  it("grants wait for the next frame, below a quarter of a window, and none is lost", async () => {
    const step = fc.record({
      kind: fc.constantFrom("data", "grant", "open", "turn"),
      stream: fc.constantFrom(1, 2, 3),
      bytes: fc.nat(90_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { connection, sent } = recorded();
        const given = new Map([1, 2, 3].map((stream) => [stream, 0]));
        for (const { kind, stream, bytes } of steps) {
          if (kind === "turn") await turn();
          if (kind === "data") connection.send(data(stream, "x"));
          if (kind === "open") connection.send(frame(1, 1, stream, bytes));
          if (kind !== "grant") continue;
          connection.send(grant(stream, bytes));
          given.set(stream, (given.get(stream) ?? 0) + bytes);
        }
        await turn();
        for (const [stream, bytes] of given)
          assert.ok(bytes - granted(framesIn(sent), stream) < 64 * 1024, "the sender keeps the rest of its window");
        connection.send(data(1, "end"));
        await turn();
        const frames = framesIn(sent);
        for (const [stream, bytes] of given) assert.equal(granted(frames, stream), bytes);
        const others = steps.filter(({ kind }) => kind === "data" || kind === "open");
        const expected = others.map(({ kind, stream }) => [kind === "data" ? 0 : 1, stream]);
        assert.deepEqual(
          frames.filter(({ type, flags }) => type === 0 || flags !== 0).map(({ type, stream }) => [type, stream]),
          [...expected, [0, 1]],
        );
      }),
    );
  });
});
