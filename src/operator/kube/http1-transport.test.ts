// Proves what the HTTP/1.1 transport promises of an answer that is read late: whole where it came whole, broken where it was
// cut off, and the caller's own reason where he left. Method: Node's own HTTP server on loopback.
import { strict as assert } from "node:assert";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../../test/support/deadline.ts";
import { createHttp1Transport } from "./http1-transport.ts";
import { type Transport, type TransportAnswer, TransportError } from "./transport.ts";

type World = { readonly transport: Transport; readonly cut: ServerResponse[] };

/** More than one piece, less than what waits unread in a socket and its reader. */
const large = "x".repeat(40_000);

async function startWorld(context: TestContext): Promise<World> {
  const cut: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/empty") response.writeHead(204).end();
    else if (request.url === "/last") response.writeHead(200, { connection: "close" }).end(large);
    else if (request.url === "/whole") response.writeHead(200).end(large);
    else {
      response.writeHead(200, { "content-length": "9" }).write("first");
      cut.push(response);
    }
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const dial = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket));
      socket.once("error", reject);
    });
  const transport = createHttp1Transport({ server: new URL(`http://127.0.0.1:${port}`), dial });
  context.after(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
  });
  return { transport, cut };
}

const ask = ({ transport }: World, path: string, signal = new AbortController().signal): Promise<TransportAnswer> =>
  transport.send({ path, method: "POST", headers: {}, body: "asked", kind: "call", signal });

async function readAll(answer: TransportAnswer): Promise<string> {
  let text = "";
  for await (const piece of answer.body) text += Buffer.from(piece).toString();
  return text;
}

test("an answer that ended, and whose connection is gone, before it is read is whole", async (context) => {
  const world = await startWorld(context);
  const early = await ask(world, "/last");
  await until("the connection is gone", () => world.transport.connections() === 0);
  assert.equal(await readAll(early), large);
});

test("an answer without a body ends, however late it is read", async (context) => {
  const world = await startWorld(context);
  const early = await ask(world, "/empty");
  assert.equal(await readAll(await ask(world, "/whole")), large);
  assert.equal(await readAll(early), "");
});

test("an answer that was cut off before it is read is broken, not whole", async (context) => {
  const world = await startWorld(context);
  const early = await ask(world, "/cut");
  world.cut[0]?.destroy();
  await until("the connection is gone", () => world.transport.connections() === 0);
  await assert.rejects(readAll(early), (error) => error instanceof TransportError && error.sent);
});

test("a caller who left before reading gets his own reason", async (context) => {
  const world = await startWorld(context);
  const leaving = new AbortController();
  const early = await ask(world, "/cut", leaving.signal);
  leaving.abort(new Error("I leave"));
  await until("the connection is gone", () => world.transport.connections() === 0);
  await assert.rejects(readAll(early), /I leave/);
});
