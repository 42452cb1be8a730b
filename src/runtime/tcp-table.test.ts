// Proves that the sockets of this machine are read as they are. Method: a table as Linux prints it, then real sockets of the loopback.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { until } from "../../test/support/deadline.ts";
import { parseTcpTable, readTcpSockets } from "./tcp-table.ts";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 04 0027F6E1:00000000 01:00000014 00000000     0        0 0 2 0000000000000000 20 4 30 10 -1
`;

test("a table tells ports, who listens, and what was not taken yet", () => {
  assert.deepEqual(parseTcpTable(table), [
    { localPort: 8080, isListening: true, unsentBytes: 0, inode: "31337" },
    { localPort: 8080, isListening: false, unsentBytes: 0x27f6e1, inode: "0" },
  ]);
  assert.deepEqual(parseTcpTable("no table at all\n"), []);
});

test("what a reader has not taken is told, also after its connection was let go", {
  skip: process.platform !== "linux",
}, async (context) => {
  const server = createServer().listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const unsent = async (): Promise<number> =>
    (await readTcpSockets()).filter(({ localPort }) => localPort === port).reduce((sum, { unsentBytes }) => sum + unsentBytes, 0);
  assert.ok((await readTcpSockets()).some(({ localPort, isListening }) => localPort === port && isListening));
  const reader = connect(port, "127.0.0.1").pause();
  context.after(() => reader.destroy());
  const [socket] = (await once(server, "connection")) as [Socket];
  const bytes = 1_000_000;
  socket.end(Buffer.alloc(bytes));
  await once(socket, "finish");
  socket.destroy();
  const left = await unsent();
  assert.ok(left > 0 && left <= bytes + 1, `${left} bytes`);
  reader.resume();
  await until("all was taken", async () => (await unsent()) === 0);
  assert.equal(reader.bytesRead, bytes);
});
