// Proves with eight real nodes in network namespaces and the profile `cluster` that a cut link, on which no connection closes,
// costs no reader anything: all route round the node, reads in flight and after that succeed, and it serves again once the
// link is back. How fast it is noticed is what `npm run bench -- detection` measures.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { connectClient } from "../../src/client/connect.ts";
import type { FarmClient } from "../../src/client/farm-client.ts";
import { chunkAddress } from "../../src/protocol/address.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import { peerIdFromPublicKey } from "../../src/protocol/peer-id.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { until } from "../support/deadline.ts";
import { type GroupNode, type NodeGroup, startNodeGroup } from "../support/node-group.ts";
import { createLinks, type Links, linksRefused } from "../support/node-links.ts";
import { noise } from "../support/objects.ts";

const count = 8;
const noLinks = linksRefused();
const options = noLinks === undefined ? {} : { skip: noLinks };
const chunks = Array.from({ length: 32 }, (_, seed) => new Uint8Array(noise(64 * 1024, seed)));
let links: Links | undefined;
let group: NodeGroup | undefined;
let client: FarmClient | undefined;

before(async () => {
  if (noLinks !== undefined) return;
  links = await createLinks(count);
  group = await startNodeGroup({ count, profile: "cluster", seat: links.seat });
  const { nodes, genesis, owner, networkKey } = group;
  const seed = systemRandom.bytes(32);
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);
  client = await connectClient({
    ...{ seed, genesis, networkKey },
    grant: createGrant(genesis, owner, { peerId, notAfterMs: 0 }),
    bootstrap: () => nodes.flatMap(({ addresses }) => addresses),
    listen: { ip: links.hostIp, libp2p: 0, lane: 0, heartbeat: 0 },
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
  });
  await until("the client sees all", () => liveAtClient() === count);
  for (const chunk of chunks) await client.putChunk(chunkAddress(chunk), chunk);
});
after(async () => {
  await client?.stop();
  await group?.remove();
  await links?.remove();
});

const liveAtClient = (): number | undefined => client?.network().nodes.filter(({ state }) => state === "live").length;

async function readAll(): Promise<void> {
  const reader = client ?? assert.fail();
  const read = await Promise.all(chunks.map((chunk) => reader.getChunk(chunkAddress(chunk))));
  for (const [index, chunk] of chunks.entries()) assert.ok(Buffer.compare(read[index] ?? new Uint8Array(0), chunk) === 0);
}

/** Reads everything again and again until `done`. */
async function readUntil(done: Promise<void>): Promise<void> {
  let going = true;
  const ended = done.finally(() => {
    going = false;
  });
  const reading = async (): Promise<void> => {
    while (going) await readAll();
  };
  await Promise.all([reading(), ended]);
  await readAll();
}

for (const number of [2, 6])
  test(`the link of node ${number} cut and mended: no read fails`, options, async () => {
    assert.ok(links !== undefined && group !== undefined && client !== undefined);
    const { views, settled, nodes } = group;
    const cut = nodes[number] ?? assert.fail();
    const routesRound = async (node: GroupNode): Promise<boolean> =>
      (await views(node)).some(({ peerId, hint }) => peerId === cut.peerId && (hint === "silent" || hint === "told"));
    const besides = nodes.filter((node) => node !== cut);
    links.set(number, "down");
    await readUntil(
      until("all route round it", async () => (await Promise.all(besides.map(routesRound))).every(Boolean), 10_000).then(() => {}),
    );
    links.set(number, "up");
    await readUntil(settled());
    await until("the client uses it again", () => liveAtClient() === count);
  });
