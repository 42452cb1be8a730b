// Proves that lent pieces are sent whole though their memory is used again at once, that an error before the first becomes
// a problem document and one after it ends the connection, and that a reader who goes away ends the work. Real sockets.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { systemClock } from "../runtime/clock.ts";
import { createFastifyApp } from "./fastify-app.ts";
import { sendLentPieces } from "./send-pieces.ts";

const pieceLength = 256 * 1024;
const pieceCount = 64;
const idleMs = 60_000;
const lent = new Uint8Array(new SharedArrayBuffer(pieceLength));
const sent: number[] = [];
let left = Promise.withResolvers<void>();

/** One buffer over and over, filled anew as soon as the next piece is asked for. */
async function* pieces(count: number, then?: Error): AsyncGenerator<Uint8Array> {
  try {
    for (let index = 0; index < count; index += 1) {
      lent.fill(index + 1);
      yield lent;
    }
    if (then !== undefined) throw then;
  } finally {
    lent.fill(0xff);
    left.resolve();
  }
}

const app = createFastifyApp([], { headersMs: 15_000, checkMs: 5_000, idleMs });
const add = (path: string, made: () => AsyncIterable<Uint8Array>, stillMs = idleMs): void => {
  app.get(path, async (_request, reply) => {
    reply.header("x-kept", "yes").header("content-length", pieceLength * pieceCount);
    await sendLentPieces(reply, made(), { clock: systemClock, idleMs: stillMs, onSent: (bytes) => void sent.push(bytes) });
    return reply;
  });
};
add("/whole", () => pieces(pieceCount));
add("/fails-at-once", () => pieces(0, new Error("nothing there")));
add("/fails-later", () => pieces(2, new Error("the rest is gone")));
add("/still", () => pieces(pieceCount), 200);
const url = await app.listen({ port: 0, host: "127.0.0.1" });
after(() => app.close());

describe("lent pieces", () => {
  test("arrive whole and in order, with the headers of the reply", async () => {
    sent.length = 0;
    const answer = await fetch(`${url}/whole`);
    assert.equal(answer.headers.get("x-kept"), "yes");
    const body = Buffer.from(await answer.arrayBuffer());
    const expected = Buffer.concat(Array.from({ length: pieceCount }, (_, index) => Buffer.alloc(pieceLength, index + 1)));
    assert.ok(body.equals(expected));
    assert.deepEqual(sent, Array(pieceCount).fill(pieceLength));
  });

  test("of which the first fails leave the answer to the error handler", async () => {
    const answer = await fetch(`${url}/fails-at-once`);
    assert.equal(answer.status, 500);
    assert.match(await answer.text(), /nothing there/);
  });

  test("of which a later one fails end the connection: never a body that looks complete", async () => {
    const answer = await fetch(`${url}/fails-later`);
    assert.equal(answer.status, 200);
    await assert.rejects(answer.arrayBuffer());
  });

  test("that nobody takes end with the connection, and so does the work for them", async () => {
    left = Promise.withResolvers();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /still HTTP/1.1\r\nhost: here\r\n\r\n");
    socket.pause();
    await left.promise;
    socket.resume();
    await once(socket, "close");
  });
});
