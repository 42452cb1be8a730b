// The reference of the farm's benches, a process of its own: plain node:http that writes each body to a file, syncs it, and
// streams it back. One copy, no encryption, no network behind it: what any server must at least do.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const folder = await mkdtemp(join(tmpdir(), "vaultfarm-plain-"));

async function store(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = randomUUID();
  const file = await open(join(folder, name), "wx");
  try {
    for await (const piece of request) await file.write(piece as Uint8Array);
    await file.datasync();
  } finally {
    await file.close();
  }
  response.writeHead(201).end(JSON.stringify({ address: name }));
}

const server = createServer((request, response) => {
  const done = request.method === "POST" ? store(request, response) : pipeline(createReadStream(join(folder, request.url ?? "")), response);
  done.catch((error: Error) => response.destroy(error));
});
// Longer than any pause of a bench: a kept connection that ends between two rounds would fail the next.
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.send?.((server.address() as AddressInfo).port);
process.once("disconnect", () => {
  server.closeAllConnections();
  server.close();
  void rm(folder, { recursive: true, force: true });
});
