// Proves who can open a lane, with two real workers and real sockets: the holder of a fresh one-time secret, once; nobody
// with a used or expired one, with the right name and a wrong key, or with no secret at all.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { connect } from "node:tls";
import { silentLog } from "../../runtime/log.ts";
import { encodeFrame } from "./frame.ts";
import type { FromLaneWorker, LaneToken } from "./lane-messages.ts";
import { createLaneThread, type LaneThread } from "./worker-thread.ts";

// A length as of a frame, and no frame.
const garbage = new Uint8Array([0, 0, 0, 20, ...randomBytes(20)]);

type Side = { readonly thread: LaneThread; readonly heard: FromLaneWorker[] };

async function side(listens: boolean): Promise<Side> {
  const heard: FromLaneWorker[] = [];
  const thread = createLaneThread({
    listen: listens ? { ip: "127.0.0.1", lane: 0 } : undefined,
    times: { idleMs: 60_000, stallMs: 60_000 },
    log: silentLog,
    onMessage: (message) => void heard.push(message),
    onDeath: () => {},
  });
  await thread.start();
  await thread.ready();
  return { thread, heard };
}

async function heard(where: Side, type: "opened" | "closed", lane: number): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!where.heard.some((message) => message.type === type && message.lane === lane)) {
    if (performance.now() > deadlineMs) assert.fail(`lane ${lane} never ${type}: ${JSON.stringify(where.heard)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("opening a lane", () => {
  let listener: Side;
  let dialler: Side;
  let lane = 0;
  before(async () => {
    listener = await side(true);
    dialler = await side(false);
  });
  after(async () => {
    await listener.thread.stop();
    await dialler.thread.stop();
  });
  const admit = (lifeMs: number, window = 0): LaneToken => {
    lane += 1;
    const token = { identity: randomBytes(16).toString("hex"), key: new Uint8Array(randomBytes(32)) };
    listener.thread.post({ type: "admit", lane, role: "send", window, token, lifeMs });
    return token;
  };
  const dial = (token: LaneToken, number: number): void =>
    dialler.thread.post({ type: "dial", lane: number, role: "receive", window: 0, token, ip: "127.0.0.1", port: listener.thread.port() });

  it("a fresh secret opens a lane at both ends, a used one never again", async () => {
    const token = admit(10_000);
    dial(token, 101);
    await heard(dialler, "opened", 101);
    await heard(listener, "opened", lane);
    dial(token, 102);
    await heard(dialler, "closed", 102);
    assert.ok(!dialler.heard.some((message) => message.type === "opened" && message.lane === 102));
  });

  it("an expired secret opens nothing, and its owner is told", async () => {
    const token = admit(20);
    await heard(listener, "closed", lane);
    dial(token, 103);
    await heard(dialler, "closed", 103);
  });

  it("the right name with a wrong key opens nothing and does not use up the secret", async () => {
    const token = admit(10_000);
    dial({ ...token, key: new Uint8Array(randomBytes(32)) }, 104);
    await heard(dialler, "closed", 104);
    dial(token, 105);
    await heard(dialler, "opened", 105);
  });

  it("a TLS client without a secret is refused in the handshake", async () => {
    const closed = await new Promise<string>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port: listener.thread.port(), minVersion: "TLSv1.3", rejectUnauthorized: false }, () =>
        resolve("opened"),
      );
      socket.on("error", () => resolve("refused"));
    });
    assert.equal(closed, "refused");
  });

  it("garbage between the frames of a lane ends that lane, and the listener goes on", async () => {
    const token = admit(10_000);
    dial(token, 107);
    await heard(dialler, "opened", 107);
    dialler.thread.post({ type: "send", lane: 107, transfer: 0, chunks: [], note: garbage });
    await heard(listener, "closed", lane);
    await heard(dialler, "closed", 107);
    assert.ok(!listener.heard.some((message) => message.type === "noted"), "nobody is told of it");
    dial(admit(10_000), 108);
    await heard(dialler, "opened", 108);
  });

  it("who asks more than the lane's window ends his lane, before more is read", async () => {
    const asked = (id: number, bytes: number): Uint8Array =>
      Buffer.concat(encodeFrame({ id, type: "request", code: 0, transfer: 0, body: new Uint8Array(bytes), chunks: [] }));
    dial(admit(10_000, 64_000), 109);
    await heard(dialler, "opened", 109);
    for (const id of [1, 2, 3]) dialler.thread.post({ type: "send", lane: 109, transfer: 0, chunks: [], note: asked(id, 30_000) });
    await heard(listener, "closed", lane);
    const told = listener.heard.filter((message) => message.type === "noted" && message.lane === lane);
    assert.equal(told.length, 2, "what fitted was told of, what did not was not");
  });

  it("a lane's bytes arrive whole with their addresses, and a cancelled transfer is told", async () => {
    const token = admit(10_000);
    dial(token, 106);
    const chunks = [new Uint8Array(randomBytes(3_000_000)), new Uint8Array(randomBytes(10))];
    listener.thread.post({ type: "send", lane, transfer: 7, chunks });
    dialler.thread.post({ type: "expect", lane: 106, transfer: 7, lengths: [3_000_000, 10], buffers: [] });
    const deadlineMs = performance.now() + 10_000;
    const arrived = (): FromLaneWorker | undefined => dialler.heard.find((message) => message.type === "received");
    while (arrived() === undefined && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 5));
    const message = arrived();
    assert.ok(message?.type === "received");
    assert.deepEqual(
      message.chunks.map((chunk) => Buffer.compare(chunk, chunks[message.chunks.indexOf(chunk)] ?? new Uint8Array())),
      [0, 0],
    );
  });
});
