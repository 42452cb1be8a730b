// Proves with eight real nodes and a real client that all route round a killed and a frozen one, also where no connection
// closes, that reads in flight to it are answered by others, and that it serves again; and that nothing sent to the
// heartbeat port by strangers makes anybody believe anything. Method: processes, signals, and what each says it sees.
import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
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

const chunkCount = 32;
const chunks = Array.from({ length: chunkCount }, () => systemRandom.bytes(64 * 1024));
let group: NodeGroup;
let client: FarmClient;

before(async () => {
  group = await startNodeGroup({ count: 8, profile: "lan" });
  const seed = systemRandom.bytes(32);
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);
  client = await connectClient({
    ...{ seed, genesis: group.genesis, networkKey: group.networkKey },
    grant: createGrant(group.genesis, group.owner, { peerId, notAfterMs: 0 }),
    bootstrap: () => group.nodes.flatMap(({ addresses }) => addresses),
    listen: { ip: "127.0.0.1", libp2p: 0, lane: 0, heartbeat: 0 },
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
  });
  await until("the client sees all", () => liveAtClient() === 8);
  for (const chunk of chunks) await client.putChunk(chunkAddress(chunk), chunk);
});
after(async () => {
  await client?.stop();
  await group?.remove();
});

const nodeAt = (number: number): GroupNode => {
  const node = group.nodes[number];
  assert.ok(node !== undefined);
  return node;
};
const liveAtClient = (): number => client.network().nodes.filter(({ state }) => state === "live").length;
const besides = (node: GroupNode): readonly GroupNode[] => group.nodes.filter((other) => other !== node);
const allSee = async (node: GroupNode, hints: readonly string[]): Promise<boolean> => {
  const seen = await Promise.all(besides(node).map((other) => group.views(other)));
  return seen.every((views) => views.some(({ peerId, hint }) => peerId === node.peerId && hints.includes(hint)));
};
/** The client's worker learns of it from the watchers by UDP; where no connection closed it has no other source this fast. */
const clientAvoids = (node: GroupNode): boolean =>
  client.network().nodes.some(({ peerId, state }) => peerId === node.peerId && state === "suspected");
const readAll = async (): Promise<void> => {
  const read = await Promise.all(chunks.map((chunk) => client.getChunk(chunkAddress(chunk))));
  for (const [index, chunk] of chunks.entries()) assert.ok(Buffer.compare(read[index] ?? new Uint8Array(0), chunk) === 0);
};

test("a frozen node, whose connections stay open, is routed round by all and by the client; reads in flight to it succeed", async () => {
  for (const number of [2, 5]) {
    const node = nodeAt(number);
    const reading = readAll();
    node.process.child.kill("SIGSTOP");
    await reading;
    await until("all route round the frozen node", () => allSee(node, ["silent", "told"]), 10_000);
    await until("the client routes round it", () => clientAvoids(node), 10_000);
    await readAll();
    node.process.child.kill("SIGCONT");
    await group.settled();
    await until("the client uses it again", () => liveAtClient() === 8, 10_000);
  }
});

test("a killed node is routed round by all; reads in flight to it succeed; started again, it is watched and serves", async () => {
  const node = nodeAt(3);
  const reading = readAll();
  node.process.child.kill("SIGKILL");
  await reading;
  await until("all route round the dead node", () => allSee(node, ["silent", "told"]), 10_000);
  await readAll();
  await group.restart(node);
  await group.settled();
  node.process.child.kill("SIGSTOP");
  await until("the restarted node is watched", () => allSee(node, ["silent", "told"]), 10_000);
  node.process.child.kill("SIGCONT");
  await group.settled();
});

test("garbage, cut and oversized datagrams from a stranger are counted and change nothing", async () => {
  const node = nodeAt(1);
  const port = node.addresses[0]?.heartbeat ?? 0;
  assert.ok(port > 0, "a node record names its heartbeat port");
  const dropped = async (): Promise<number> =>
    [...(await group.metrics(node)).matchAll(/^vaultfarm_heartbeats_dropped_total\{reason="(?:length|format|session)"\} (\d+)/gm)].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  const before = await dropped();
  const socket = createSocket("udp4");
  const send = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => socket.send(bytes, port, "127.0.0.1", (error) => (error ? reject(error) : resolve())));
  const head = Uint8Array.of(0x56, 1, 1, 0);
  for (const length of [0, 1, 33, 34, 512, 60_000]) await send(systemRandom.bytes(length));
  await send(Buffer.concat([head, systemRandom.bytes(30)]));
  socket.close();
  await until("all are counted", async () => (await dropped()) >= before + 6, 10_000);
  await group.settled();
  assert.ok(await allSee(node, ["heard", "lapsed"]));
});
