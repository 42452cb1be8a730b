// Proves that frames survive any cut, that what breaks the format or a limit is refused, and that hellos of older versions
// and other networks are refused by name.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { addressBytes, chunkAddress } from "../../protocol/address.ts";
import { concatBytes, textBytes } from "../../protocol/bytes.ts";
import { encodeCanonical } from "../../protocol/encoding.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createFrameDecoder, encodeFrame, type FrameDraft, FrameError, frameSizeMax } from "./frame.ts";
import { helloBody, protocolVersion, refuseHello } from "./hello.ts";

const drafts: readonly FrameDraft[] = [
  { id: 0, type: "hello", code: 0, transfer: 0, body: textBytes("hello"), chunks: [] },
  { id: 1, type: "request", code: 3, transfer: 0, body: new Uint8Array(0), chunks: [textBytes("a"), randomBytes(70_000)], inline: true },
  { id: 0xffff_ffff, type: "answer", code: 0, transfer: 9, body: randomBytes(256 * 1024), chunks: [randomBytes(10), randomBytes(20)] },
  { id: 7, type: "failure", code: 2, transfer: 0, body: textBytes("why"), chunks: [] },
];

describe("frames on a control stream", () => {
  it("come out as they went in, in any cut", () => {
    const bytes = concatBytes(...drafts.flatMap((draft) => encodeFrame(draft)));
    const random = seededRandom(5);
    for (let round = 0; round < 30; round += 1) {
      const decoder = createFrameDecoder();
      const frames = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(random.fraction() * (round < 2 ? 7_000 : 100_000));
        frames.push(...decoder.push(bytes.subarray(at, at + size)));
        at += size;
      }
      assert.equal(frames.length, drafts.length);
      frames.forEach((frame, i) => {
        const draft = drafts[i];
        assert.ok(draft);
        assert.deepEqual([frame.id, frame.type, frame.code, frame.transfer], [draft.id, draft.type, draft.code, draft.transfer]);
        assert.equal(frame.inline, draft.inline ?? false);
        assert.equal(Buffer.compare(frame.body, draft.body), 0);
        assert.deepEqual(
          frame.lengths,
          draft.chunks.map((chunk) => chunk.length),
        );
        if (draft.transfer === 0) assert.equal(Buffer.compare(concatBytes(...frame.chunks), concatBytes(...draft.chunks)), 0);
      });
    }
  });

  it("a length over the limit, an unknown type and parts that do not add up are refused", () => {
    const push = (bytes: Uint8Array): unknown => createFrameDecoder().push(bytes);
    const good = Buffer.from(
      concatBytes(...encodeFrame({ id: 1, type: "request", code: 0, transfer: 0, body: textBytes("x"), chunks: [] })),
    );
    const changed = (at: number, value: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeUInt32BE(value, at);
      return bytes;
    };
    assert.throws(() => push(changed(0, frameSizeMax + 1)), FrameError);
    assert.throws(() => push(changed(0, 3)), FrameError);
    assert.throws(() => push(changed(8, 0x7f00_0000)), FrameError);
    assert.throws(() => push(changed(16, 2)), FrameError);
    assert.throws(() => push(changed(8, 0x0100_ffff)), FrameError);
    for (let i = 0; i < 500; i += 1) {
      try {
        push(randomBytes(200));
      } catch (error) {
        assert.ok(error instanceof FrameError);
      }
    }
  });
});

describe("hello", () => {
  const ours = chunkAddress(textBytes("ours"));
  const theirs = chunkAddress(textBytes("theirs"));
  const hello = (major: number, minor: number): Uint8Array => encodeCanonical({ major, minor, networkId: addressBytes(ours) });

  it("the same major version is welcome, whatever its minor version", () => {
    assert.equal(refuseHello(helloBody(ours), ours), undefined);
    assert.equal(refuseHello(hello(protocolVersion.major, 99), ours), undefined);
  });

  it("a lower major version, another network and garbage are refused with a reason", () => {
    assert.match(refuseHello(hello(protocolVersion.major - 1, 4), ours) ?? "", /0\.4.*1\.0/);
    const reason = refuseHello(helloBody(theirs), ours) ?? "";
    assert.ok(reason.includes(ours) && reason.includes(theirs));
    assert.ok(refuseHello(randomBytes(40), ours));
  });
});
