// The serving process of the gateway bench: the gateway's application over a farm in memory, and a plain Fastify that
// sends the same bytes. Tells where both listen over the process channel.
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { createAppFixture } from "../src/gateway/app-fixture.ts";

/** Size of the object that is asked for, bytes. */
export const objectBytes: number = 64 * 1024;

export type Serving = { readonly plain: string; readonly gateway: string; readonly path: string };

async function listen(app: FastifyInstance): Promise<string> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

async function serve(): Promise<Serving> {
  const content = randomBytes(objectBytes);
  const { http } = await createAppFixture();
  const stored = await http.inject({ method: "POST", url: "/v1/objects", payload: content });
  const path = `/v1/objects/${(stored.json() as { address: string }).address}`;
  // The address is longer than what it takes by default.
  const plain = Fastify({ routerOptions: { maxParamLength: path.length } });
  plain.get("/v1/objects/:address", (_request, reply) => reply.type("application/octet-stream").send(content));
  return { plain: await listen(plain), gateway: await listen(http), path };
}

if (process.send !== undefined) process.send(await serve());
