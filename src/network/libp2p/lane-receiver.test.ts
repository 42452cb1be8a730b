// Proves that a lane's bytes mean the same however they are cut, that unknown transfers wait without loss in a read buffer
// that is used again, and that lengths other than announced break the lane: a real sender into a real receiver.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createChunkBuffers } from "./chunk-buffers.ts";
import { createLaneReceiver, type LaneReceiver } from "./lane-receiver.ts";
import { createLaneSender } from "./lane-sender.ts";

type Arrivals = { readonly hashes: Map<number, readonly Address[]>; readonly revoked: number[]; rooms: number };

function receiver(): { receiver: LaneReceiver; arrivals: Arrivals } {
  const arrivals: Arrivals = { hashes: new Map(), revoked: [], rooms: 0 };
  const made = createLaneReceiver(createChunkBuffers(1 << 20), {
    onTransfer: (transfer, chunks, hashes) => {
      assert.deepEqual(
        chunks.map((chunk) => chunkAddress(chunk)),
        hashes,
      );
      arrivals.hashes.set(transfer, hashes);
    },
    onRevoked: (transfer) => void arrivals.revoked.push(transfer),
    onRoom: () => {
      arrivals.rooms += 1;
    },
  });
  return { receiver: made, arrivals };
}

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
      sender.push(1, chunks);
      sender.push(2, [...chunks].reverse());
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
    const bytes = await sent((sender) => sender.push(1, chunks));
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
      sender.push(1, chunks);
      sender.cancel(1);
      sender.push(2, chunks);
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
      sender.push(1, chunks);
      sender.push(2, chunks);
    });
    const { receiver: into, arrivals } = receiver();
    into.expect(1, lengths);
    into.expect(2, lengths);
    into.forget(1);
    into.take(bytes);
    assert.deepEqual([...arrivals.hashes.keys()], [2]);
  });

  it("another length than announced breaks the lane", async () => {
    const bytes = await sent((sender) => sender.push(1, chunks));
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
    for (const transfer of [1, 2, 3, 4]) sender.push(transfer, small);
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
