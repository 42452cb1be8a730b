// Proves that a gateway whose network goes with its process, as a pod's does, leaves no slow reader with half an answer: it ends
// only when what it sent has arrived.
// Method: five real nodes and a real gateway process in a network namespace; an answer that fits into the kernel's buffers, whose
// reader takes it slowly; SIGTERM once all of it has left the process; and the link cut as soon as that ends.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/deadline.ts";
import { type GatewayProcess, startGatewayOf } from "../support/gateway-process.ts";
import { startNodeFarm } from "../support/node-farm.ts";
import { createLinks, type Links, linksRefused } from "../support/node-links.ts";
import { noise, store } from "../support/objects.ts";

const noLinks = linksRefused();
const options = noLinks === undefined ? {} : { skip: noLinks };
/** More than a window that nobody reads from, less than what Linux takes from a sender at most (tcp_wmem: 4 MiB). */
const content = noise(1_500_000, 7);
/** Far below the grace: what is slow is the reader, not the network. */
const takeForMs = 4000;

/** The gateway, in a namespace with the nodes, and the link to it; all undone at the end. */
async function startScene(context: TestContext): Promise<{ readonly links: Links; readonly gateway: GatewayProcess }> {
  const undo = new AsyncDisposableStack();
  context.after(() => undo.disposeAsync());
  const links = undo.adopt(await createLinks(1), (opened) => opened.remove());
  const seat = links.seat(0);
  const farm = undo.adopt(await startNodeFarm({ nodes: 5, seat: () => seat, clientIp: links.hostIp }), (opened) => opened.remove());
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), "gateway-ends-")), (made) => rm(made, { recursive: true, force: true }));
  const gateway = undo.adopt(await startGatewayOf(farm, { folder, seat }), ({ child }) => void child.kill("SIGKILL"));
  return { links, gateway };
}

async function downloads(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^vaultfarm_gateway_downloads (\d+)$/m.exec(text)?.[1] ?? assert.fail(text));
}

async function takeSlowly(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const beganMs = performance.now();
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    await sleep(Math.max(0, (bytes / content.length) * takeForMs - (performance.now() - beganMs)));
  }
  return Buffer.concat(pieces);
}

test("who reads slowly gets all, though the gateway's network goes with its process", options, async (context) => {
  const { links, gateway } = await startScene(context);
  const { address } = await store(gateway.url, content);
  const agent = new Agent({ keepAlive: true });
  context.after(() => agent.destroy());
  const asked = request(`${gateway.url}/v1/objects/${address}`, { agent }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  await until("all has left the process", async () => (await downloads(gateway.url)) === 0);
  const ended = once(gateway.child, "exit").then(([code]) => {
    links.set(0, "down");
    return code;
  });
  gateway.child.kill("SIGTERM");
  assert.ok((await takeSlowly(answer)).equals(content));
  assert.equal(await ended, 0);
});
