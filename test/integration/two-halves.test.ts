// Proves with eight real nodes and two gateways in two network namespaces that parts of a farm which cannot reach each other keep
// what they acknowledged: the smaller serves what it has and refuses what it must, the larger goes on and takes out who is
// silent, and when they meet again everything reads from both sides, all agree who is confirmed, who died stays dead, and
// copies are back. It takes minutes, since nobody confirms a silence in its own first two.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { until } from "../support/deadline.ts";
import { type GatewayProcess, startGatewayOf } from "../support/gateway-process.ts";
import { type FarmNode, type NodeFarm, startNodeFarm } from "../support/node-farm.ts";
import type { NodeSeat } from "../support/node-group.ts";
import { createLinks, type Links, linksRefused } from "../support/node-links.ts";
import { assertReads, noise, store } from "../support/objects.ts";

// Two quiet minutes after the start of the last node, and room for a busy machine.
const agreedWithinMs = 400_000;
const objectBytes = 200 * 1024;
/** Each side is a zone, so that no object has all its copies on one. */
const zones = ["large", "large", "large", "small"];
const isSmall = ({ zone }: FarmNode): boolean => zone === "small";
const noLinks = linksRefused();
const options = noLinks === undefined ? {} : { skip: noLinks };

type Scene = {
  readonly links: Links;
  readonly farm: NodeFarm;
  readonly large: GatewayProcess;
  readonly small: GatewayProcess;
};
let scene: Scene | undefined;
/** What undoes each step of the start, in the order of the steps. */
const undo: (() => Promise<void>)[] = [];
const objects = new Map<string, Uint8Array>();
let dead: FarmNode;

before(async () => {
  if (noLinks !== undefined) return;
  const links = await createLinks(2);
  undo.push(() => links.remove());
  const seat = (number: number): NodeSeat => links.seat(zones[number % zones.length] === "small" ? 1 : 0);
  const farm = await startNodeFarm({ nodes: 8, repairDelayMs: 2_000, zones, seat, clientIp: links.hostIp });
  undo.push(() => farm.remove());
  const folder = await mkdtemp(join(tmpdir(), "two-halves-"));
  undo.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const [large, small] = [await gatewayAt(farm, folder, links.seat(0)), await gatewayAt(farm, folder, links.seat(1))];
  scene = { links, farm, large, small };
});
after(async () => {
  for (const step of undo.reverse()) await step();
});

/** A gateway that may store, beside the nodes of one side. */
async function gatewayAt(farm: NodeFarm, folder: string, seat: NodeSeat): Promise<GatewayProcess> {
  // What it hands out comes from vaults, not from its memory.
  const gateway = await startGatewayOf(farm, { folder, seat, env: { VAULTFARM_CACHE_MEMORY: "1" } });
  undo.push(async () => {
    const ended = once(gateway.child, "exit");
    gateway.child.kill("SIGKILL");
    await ended;
  });
  return gateway;
}

const present = (): Scene => scene ?? assert.fail("nothing was started");
const living = (): readonly FarmNode[] => present().farm.nodes.filter((node) => node !== dead);

async function put({ url }: GatewayProcess): Promise<void> {
  const bytes = new Uint8Array(noise(objectBytes, objects.size));
  objects.set((await store(url, bytes)).address, bytes);
}

async function assertAllRead({ url }: GatewayProcess, those = objects): Promise<void> {
  for (const [address, bytes] of those) await assertReads(url, address, bytes);
}

/** The end of the chain and how many it confirms, once all of `nodes` say the same; undefined before. */
async function agreement(nodes: readonly FarmNode[]): Promise<{ readonly head: string; readonly confirmed: number } | undefined> {
  const seen = await Promise.all(nodes.map(async (node) => (await node.status()).membership));
  const [first] = seen;
  return first !== undefined && seen.every((one) => one?.head === first.head) ? first : undefined;
}

async function confirmed(nodes: readonly FarmNode[], count: number): Promise<void> {
  await until(`${count} confirmed`, async () => (await agreement(nodes))?.confirmed === count, agreedWithinMs);
}

/** Copies of the chunk with the fewest, by what lies on `nodes`. */
async function fewestCopies(nodes: readonly FarmNode[]): Promise<number> {
  const held = new Map<string, number>();
  for (const node of nodes) {
    const { body } = await node.command("GET", "/v1/inventory?limit=10000");
    for (const address of (body as { readonly addresses: readonly string[] }).addresses) held.set(address, (held.get(address) ?? 0) + 1);
  }
  return Math.min(...held.values());
}

test("put from both sides, all of it reads from both", options, async () => {
  const { farm, large, small } = present();
  const [first = assert.fail()] = farm.nodes;
  const joining = farm.nodes.map(({ peer }) => peer).sort();
  assert.equal((await farm.certify(first, { sequence: 1, joining, leaving: [] })).status, 200);
  await confirmed(farm.nodes, 8);
  for (let n = 0; n < 5; n += 1) for (const side of [large, small]) await put(side);
  for (const side of [large, small]) await assertAllRead(side);
});

test("parted: the smaller side serves all it has and stores nothing, the larger goes on and takes out who is silent", options, async () => {
  const { links, farm, large, small } = present();
  const before = new Map(objects);
  // It reaches both sides, and would carry word of each to the other.
  await farm.client.stop();
  links.part(true);
  const few = farm.nodes.filter(isSmall);
  const texts = async (): Promise<readonly unknown[]> => Promise.all(few.map(async (node) => (await node.status()).membership?.text));
  const said = "partitioned (2 of 8 reachable, 5 needed)";
  await until("the smaller side says that it is parted", async () => (await texts()).every((text) => text === said));
  await assertAllRead(small, before);
  const refused = await fetch(`${small.url}/v1/objects`, { method: "POST", body: Buffer.from(noise(objectBytes, 1_000)) });
  assert.equal(refused.status, 503, await refused.text());
  for (let n = 0; n < 5; n += 1) await put(large);
  const many = farm.nodes.filter((node) => !isSmall(node));
  dead = many[1] ?? assert.fail();
  await dead.kill();
  await put(large);
  await confirmed(
    many.filter((node) => node !== dead),
    5,
  );
  assert.deepEqual(await texts(), [said, said], "two of eight take nobody out");
  await assertAllRead(large);
  await assertAllRead(small, before);
});

test("met again: everything reads from both sides, seven are confirmed on all, the dead one is not, copies are back", options, async () => {
  const { links, large, small } = present();
  links.part(false);
  await until("everything reads from the smaller side", () => assertAllRead(small).then(() => true));
  await assertAllRead(large);
  await confirmed(living(), 7);
  const isWhole = async (node: FarmNode): Promise<boolean> => {
    const { membership } = await node.status();
    return membership?.isConfirmed === true && membership.state === "whole" && membership.reachable === 7;
  };
  // With seven confirmed, the dead one is none of them.
  await until("all seven are confirmed and reach each other", async () => (await Promise.all(living().map(isWhole))).every(Boolean));
  await until("five copies of all", async () => (await fewestCopies(living())) >= 5, agreedWithinMs);
  for (const side of [large, small]) {
    await put(side);
    await assertAllRead(side);
  }
});
