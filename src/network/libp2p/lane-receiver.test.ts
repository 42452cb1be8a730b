// Proves that a lane's bytes mean the same however they are cut, that unknown transfers wait without loss in a read buffer
// that is used again, and that lengths other than announced break the lane: a real sender into a real receiver.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createChunkBuffers } from "./chunk-buffers.ts";
import type { Announced } from "./lane-arrivals.ts";
import { noteBytesMax, noteTransfer, writeChunkHead } from "./lane-format.ts";
import { createLaneReceiver, type LaneReceiver } from "./lane-receiver.ts";
import { createLaneSender, type Sending } from "./lane-sender.ts";

type Arrivals = { readonly hashes: Map<number, readonly Address[]>; readonly revoked: number[]; readonly notes: string[]; rooms: number };

/** The transfer that a note of these tests says follows it, after its colon: all chunks, or after a stroke how many of the last. */
function followedBy(note: Uint8Array): Announced | undefined {
  const [, transfer, last = 0] = /: (\d+)(?:\/(\d+))?$/.exec(Buffer.from(note).toString()) ?? [];
  return transfer === undefined ? undefined : { transfer: Number(transfer), lengths: lengths.slice(-Number(last)) };
}

function receiver(bulk = true): { receiver: LaneReceiver; arrivals: Arrivals } {
  const arrivals: Arrivals = { hashes: new Map(), revoked: [], notes: [], rooms: 0 };
  const made = createLaneReceiver(createChunkBuffers(1 << 20), {
    bulk,
    onNote: (note) => {
      const follows = followedBy(note);
      if (follows === undefined) arrivals.notes.push(Buffer.from(note).toString());
      return follows;
    },
    onTransfer: ({ transfer, note, chunks, hashes }) => {
      if (note !== undefined) arrivals.notes.push(Buffer.from(note).toString());
      assert.deepEqual(
        chunks.map((chunk) => chunkAddress(chunk)),
        hashes,
      );
      arrivals.hashes.set(transfer, hashes);
    },
    onRevoked: ({ transfer }) => void arrivals.revoked.push(transfer),
    onRoom: () => {
      arrivals.rooms += 1;
    },
  });
  return { receiver: made, arrivals };
}

/** Something to send behind a note of `text`, its length in front of it as frames have theirs. */
function noted(text: string, transfer: number, chunks: readonly Uint8Array[]): Sending {
  const note = Buffer.alloc(4 + text.length);
  note.writeUInt32BE(text.length, 0);
  note.write(text, 4);
  return { transfer, note, chunks };
}

const announced = (transfer: number, chunks: readonly Uint8Array[]): Sending => ({ transfer, note: undefined, chunks });

async function sent(act: (sender: ReturnType<typeof createLaneSender>) => void): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const socket = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      pieces.push(Buffer.from(piece));
      setImmediate(done);
    },
  });
  const sender = createLaneSender(socket, () => {});
  act(sender);
  while (!sender.idle()) await new Promise((resolve) => setImmediate(resolve));
  return Buffer.concat(pieces);
}

const chunks = [700_000, 1, 16_376, 16_384, 300_000].map((size) => new Uint8Array(randomBytes(size)));
const lengths = chunks.map((chunk) => chunk.length);
const addresses = chunks.map((chunk) => chunkAddress(chunk));

describe("a lane's bytes", () => {
  it("arrive whole in any cut, announced before or after, through one read buffer", async () => {
    const bytes = await sent((sender) => {
      sender.push(announced(1, chunks));
      sender.push(announced(2, [...chunks].reverse()));
    });
    const random = seededRandom(11);
    for (let round = 0; round < 20; round += 1) {
      const { receiver: into, arrivals } = receiver();
      const readBuffer = Buffer.alloc(70_000);
      if (round % 2 === 0) into.expect(1, lengths);
      for (let at = 0; at < bytes.length; ) {
        const taken = bytes.copy(readBuffer, 0, at, at + 1 + Math.floor(random.fraction() * (round % 3 === 0 ? 40_000 : 70_000)));
        into.take(readBuffer.subarray(0, taken));
        at += taken;
        readBuffer.fill(0);
      }
      if (round % 2 === 1) into.expect(1, lengths);
      into.expect(2, [...lengths].reverse());
      assert.deepEqual(arrivals.hashes.get(1), addresses);
      assert.deepEqual(arrivals.hashes.get(2), [...addresses].reverse());
      assert.equal(into.state(), "idle");
    }
  });

  it("arrive whole where they are read straight into their chunks", async () => {
    const bytes = await sent((sender) => sender.push(announced(1, chunks)));
    const random = seededRandom(12);
    const { receiver: into, arrivals } = receiver();
    into.expect(1, lengths);
    let straight = 0;
    for (let at = 0; at < bytes.length; ) {
      const room = into.room();
      const read = bytes.subarray(at, at + Math.min(1 + Math.floor(random.fraction() * 16_384), room?.length ?? 16_384));
      at += read.length;
      if (room === undefined) into.take(read);
      else {
        room.set(read);
        into.filled(read.length);
        straight += read.length;
      }
    }
    assert.deepEqual(arrivals.hashes.get(1), addresses);
    assert.ok(straight > 0.9 * bytes.length, "only heads and ends are copied");
  });

  it("a transfer that is taken back on the way is told and leaves the lane usable", async () => {
    const bytes = await sent((sender) => {
      sender.push(announced(1, chunks));
      sender.cancel(1);
      sender.push(announced(2, chunks));
    });
    const { receiver: into, arrivals } = receiver();
    into.expect(1, lengths);
    into.expect(2, lengths);
    into.take(bytes);
    assert.deepEqual(arrivals.revoked, [1]);
    assert.deepEqual(arrivals.hashes.get(2), addresses);
  });

  it("a transfer that nobody waits for any more is read and dropped", async () => {
    const bytes = await sent((sender) => {
      sender.push(announced(1, chunks));
      sender.push(announced(2, chunks));
    });
    const { receiver: into, arrivals } = receiver();
    into.expect(1, lengths);
    into.expect(2, lengths);
    into.forget(1);
    into.take(bytes);
    assert.deepEqual([...arrivals.hashes.keys()], [2]);
  });

  it("notes arrive in any cut, with what follows them, between transfers announced elsewhere", async () => {
    const large = "x".repeat(70_000);
    const bytes = await sent((sender) => {
      sender.push(noted("one", 0, []));
      sender.push(noted("two: 2", 2, chunks));
      sender.push(announced(1, chunks));
      sender.push(noted(large, 0, []));
      sender.push(noted("three: 3", 3, chunks));
    });
    const random = seededRandom(13);
    for (let round = 0; round < 10; round += 1) {
      const { receiver: into, arrivals } = receiver();
      into.expect(1, lengths);
      for (let at = 0; at < bytes.length; ) {
        const most = into.room()?.length ?? 16_384;
        const read = bytes.subarray(at, at + Math.min(1 + Math.floor(random.fraction() * 16_384), most));
        at += read.length;
        const room = round % 2 === 0 ? into.room() : undefined;
        room?.set(read);
        if (room === undefined) into.take(read);
        else into.filled(read.length);
      }
      assert.deepEqual(arrivals.notes, ["one", "two: 2", large, "three: 3"]);
      assert.deepEqual([arrivals.hashes.get(2), arrivals.hashes.get(3)], [addresses, addresses]);
      assert.equal(into.state(), "idle");
    }
  });

  it("chunks where only notes belong, a note without length or over its limit, and a transfer twice break the lane", async () => {
    const head = (transfer: number, length: number): Buffer => {
      const bytes = Buffer.alloc(8);
      writeChunkHead(bytes, 0, { transfer, length });
      return bytes;
    };
    assert.throws(() => receiver(false).receiver.take(head(1, 10)), RangeError);
    for (const length of [0, noteBytesMax + 1]) assert.throws(() => receiver().receiver.take(head(noteTransfer, length)), RangeError);
    const bytes = await sent((sender) => sender.push(noted("a: 1", 0, [])));
    const { receiver: into } = receiver();
    into.expect(1, lengths);
    assert.throws(() => into.take(bytes), RangeError);
  });

  it("a request that is taken back: unseen before its turn, told of on its way, and complete once its last chunk has begun", async () => {
    const told: string[] = [];
    const written: { piece: Buffer; done: () => void }[] = [];
    const socket = new Writable({ write: (piece: Buffer, _encoding, done) => void written.push({ piece: Buffer.from(piece), done }) });
    const sender = createLaneSender(socket, (transfers, unsent) => void told.push(`${transfers.join()}${unsent ? " unsent" : ""}`));
    const { receiver: into, arrivals } = receiver();
    sender.push(noted("a: 1", 1, chunks));
    sender.push(noted("b: 2", 2, chunks));
    sender.push(noted("c: 3/1", 3, chunks.slice(-1)));
    sender.cancel(2);
    const write = async (until: () => boolean): Promise<void> => {
      while (!until()) {
        const next = written.shift();
        if (next === undefined) await new Promise((resolve) => setImmediate(resolve));
        else into.take(next.piece);
        next?.done();
      }
    };
    await write(() => into.state() === "busy");
    sender.cancel(1);
    await write(() => arrivals.revoked.length > 0);
    await write(() => into.room() !== undefined);
    sender.cancel(3);
    await write(() => sender.idle());
    assert.deepEqual([arrivals.revoked, arrivals.notes], [[1], ["c: 3/1"]]);
    assert.notDeepEqual(arrivals.hashes.get(3), addresses.slice(-1), "the rest is zeros, which no address fits");
    assert.deepEqual(told, ["2 unsent", "1", "1 unsent", "3"]);
    assert.equal(into.state(), "idle");
  });

  it("another length than announced breaks the lane", async () => {
    const bytes = await sent((sender) => sender.push(announced(1, chunks)));
    const { receiver: into } = receiver();
    into.expect(1, [5, ...lengths.slice(1)]);
    assert.throws(() => into.take(bytes), RangeError);
  });

  it("what was sent is let go of together, at the latest when nothing follows or somebody asks", async () => {
    const released: (readonly number[])[] = [];
    const written: (() => void)[] = [];
    const socket = new Writable({ write: (_piece, _encoding, done) => void written.push(done) });
    const sender = createLaneSender(socket, (transfers) => void released.push(transfers));
    const writeAll = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        while (written.length === 0) await new Promise((resolve) => setImmediate(resolve));
        written.shift()?.();
      }
    };
    const small = [new Uint8Array(10)];
    for (const transfer of [1, 2, 3, 4]) sender.push(announced(transfer, small));
    await writeAll(1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(released, [], "others follow");
    sender.cancel(1);
    assert.deepEqual(released, [[1]], "asked for");
    await writeAll(3);
    while (!sender.idle()) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(released, [[1], [2, 3, 4]], "nothing follows");
  });
});
