// Proves that who goes away while its request still waits for a shared count leaves nothing behind: no event stream, no
// download, no work for nobody. Real sockets.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../test/support/deadline.ts";
import { type AppFixture, createAppFixture } from "./app-fixture.ts";

type Waiting = AppFixture & { readonly waits: PromiseWithResolvers<void>; readonly counted: () => number };

/** A gateway whose shared count of requests answers when `waits` does; loopback counts as a proxy for somebody who is counted. */
async function serve(context: TestContext): Promise<Waiting> {
  const waits = Promise.withResolvers<void>();
  let counted = 0;
  const hit = async (): Promise<{ count: number; leftMs: number }> => {
    counted += 1;
    await waits.promise;
    return { count: 1, leftMs: 1000 };
  };
  const shared = { hit, addStored: async () => undefined };
  const app = await createAppFixture({ trustedProxies: ["127.0.0.1"] }, { shared });
  await app.http.listen({ host: "127.0.0.1", port: 0 });
  context.after(async () => {
    app.beginStop();
    app.http.server.closeAllConnections();
    await app.http.close();
  });
  return { ...app, waits, counted: () => counted };
}

/** Asks for `path`, and goes away before the count has answered. */
async function askAndGo(app: Waiting, path: string): Promise<void> {
  const { port } = app.http.server.address() as AddressInfo;
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: 192.0.2.1\r\n\r\n`);
  await until("the request is counted", () => app.counted() === 1);
  socket.destroy();
  await until("the connection is gone", async () => (await connections(app)) === 0);
  app.waits.resolve();
  await new Promise((resolve) => setTimeout(resolve, 50));
}

function connections({ http }: AppFixture): Promise<number> {
  return new Promise((resolve) => http.server.getConnections((_, count) => resolve(count)));
}

async function gauge({ http }: AppFixture, name: string): Promise<number> {
  const { body } = await http.inject({ url: "/metrics" });
  return Number(new RegExp(`^vaultfarm_gateway_${name} (\\S+)$`, "m").exec(body)?.[1] ?? Number.NaN);
}

for (const path of ["/v1/events", "/v1/uploads/some-upload/events"])
  test(`a stream of ${path} for nobody is not open`, async (context) => {
    const app = await serve(context);
    await askAndGo(app, path);
    assert.equal(await gauge(app, "event_clients"), 0);
  });

for (const bytes of [1000, 300_000])
  test(`a download of ${bytes} bytes for nobody is not under way`, async (context) => {
    const app = await serve(context);
    const { body } = await app.http.inject({ method: "POST", url: "/v1/objects", payload: Buffer.alloc(bytes, 7), headers: {} });
    const { address } = JSON.parse(body) as { address: string };
    // Known, where it is small.
    await app.http.inject({ url: `/v1/objects/${address}` });
    const before = app.farm.reads();
    await askAndGo(app, `/v1/objects/${address}`);
    assert.equal(await gauge(app, "downloads"), 0);
    assert.equal(app.farm.reads(), before, "nothing is fetched for nobody");
  });
