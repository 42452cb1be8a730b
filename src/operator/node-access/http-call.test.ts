// Proves that a call to a member ends with its answer or with none, whatever is on the port: nobody, somebody who says nothing, stops in
// the middle, sends without end, speaks something else, or sends on elsewhere. Method: real sockets on the loopback address.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { callMember, type HttpCall, type HttpReply } from "./http-call.ts";

const closing = (server: Server, sockets: Set<Socket>) => (): void => {
  for (const socket of sockets) socket.destroy();
  server.close();
};

async function listen(context: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(closing(server, sockets));
  return (server.address() as AddressInfo).port;
}
const answering = (context: TestContext, listener: RequestListener): Promise<number> => listen(context, createHttpServer(listener));
const call = (port: number, change: Partial<HttpCall> = {}): Promise<HttpReply | undefined> =>
  callMember({ method: "GET", ip: "127.0.0.1", port, path: "/v1/status", timeoutMs: 30_000, ...change });

test("an answer comes whole, with its status and headers, and what is sent arrives as it is", async (context) => {
  const seen: unknown[] = [];
  const port = await answering(context, async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    seen.push(request.method, request.url, request.headers["x-signed"], request.headers["content-length"], body.toString());
    response.writeHead(422, { "x-answer": "yes" }).write("one ");
    response.end("two");
  });
  const reply = await call(port, { method: "PUT", path: "/v1/desired", headers: { "x-signed": "s" }, body: Buffer.from("wish") });
  assert.deepEqual(seen, ["PUT", "/v1/desired", "s", "4", "wish"]);
  assert.deepEqual([reply?.status, reply?.header("x-answer"), Buffer.from(reply?.body ?? []).toString()], [422, "yes", "one two"]);
});

test("nobody on the port, and somebody who says nothing in time, are no answer", async (context) => {
  const silent = await listen(context, createServer());
  assert.equal(await call(silent, { timeoutMs: 100 }), undefined);
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, "close");
  assert.equal(await call(port), undefined);
});

test("an answer that is cut, trickles on past its time, has no end or is none at all is no answer", async (context) => {
  const cut = await answering(context, (_request, response) => {
    response.writeHead(200, { "content-length": 100 }).write("half");
    response.socket?.end();
  });
  assert.equal(await call(cut), undefined);
  const slow = await answering(context, (_request, response) => void response.writeHead(200).write("a"));
  assert.equal(await call(slow, { timeoutMs: 100 }), undefined);
  const endless = await answering(context, (_request, response) => {
    const more = (): void => {
      while (response.writable && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", more).on("error", () => {});
    more();
  });
  assert.equal(await call(endless), undefined, "over a MiB");
  const other = await listen(
    context,
    createServer((socket) => socket.end("SSH-2.0-other\r\n")),
  );
  assert.equal(await call(other), undefined);
});

test("whoever sends on elsewhere is not followed", async (context) => {
  let asked = 0;
  const port = await answering(context, (_request, response) => {
    asked += 1;
    response.writeHead(302, { location: "/elsewhere" }).end();
  });
  const reply = await call(port);
  assert.deepEqual([reply?.status, asked], [302, 1]);
});
