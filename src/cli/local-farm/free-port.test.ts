// Proves that chosen ports are free and different, that a taken one is passed over, and that its holder is named: with
// real listeners on the loopback address.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import { seededRandom, systemRandom } from "../../runtime/random.ts";
import { chooseFreePorts, nextFreePort, portIsFree } from "./free-port.ts";
import { portHolder } from "./port-holder.ts";

async function listen(port: number): Promise<Server> {
  const server = createServer().listen({ host: "127.0.0.1", port });
  await once(server, "listening");
  return server;
}

test("ports are different, free, and below the system's own range", async () => {
  const ports = await chooseFreePorts(60, new Set(), systemRandom);
  assert.equal(new Set(ports).size, 60);
  assert.ok(ports.every((port) => port >= 20_000 && port < 32_000));
});

test("the same luck twice gives other ports the second time, because the first are taken", async () => {
  const taken = new Set<number>();
  const first = await chooseFreePorts(5, taken, seededRandom(1));
  const second = await chooseFreePorts(5, taken, seededRandom(1));
  assert.ok(second.every((port) => !first.includes(port)));
});

test("a port in use is passed over, and its holder is this process", async () => {
  const server = await listen(0);
  try {
    const { port } = server.address() as AddressInfo;
    assert.equal(await portIsFree(port), false);
    assert.ok((await nextFreePort(port, new Set())) > port);
    assert.equal((await portHolder(port))?.pid, process.pid);
  } finally {
    server.close();
  }
});

test("nobody holds a free port", async () => {
  const [port = 0] = await chooseFreePorts(1, new Set(), systemRandom);
  assert.equal(await portHolder(port), undefined);
});
