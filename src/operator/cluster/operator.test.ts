// Proves the operator as a whole in virtual time: the real manager, caches, controller, plan and hands over an API server in
// memory, a simulated cluster and simulated vault nodes that sign with real keys.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  createOperatorWorld,
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { eventsOf, namesOf, shownOf, writesSince } from "../../../test/support/operator/world-views.ts";
import {
  accounts,
  budgets,
  claims,
  configMaps,
  deployments,
  farms,
  nodeRecords,
  pods,
  policies,
  secrets,
  services,
  volumes,
} from "./resources.ts";

const scale = (world: OperatorWorld, replicas: number): void => world.edit(farms, "attic", { spec: { replicas } });
const allHaveCopies = (world: OperatorWorld, least: number): boolean => world.nodes.copies().every((copies) => copies >= least);

test("an install brings all nodes up, with everything a farm consists of", async () => {
  const world = createOperatorWorld(farmSpec);
  await world.until("the farm is installed", () => isSettled(world, 5));
  assert.deepEqual(namesOf(world, pods), namesOf(world, nodeRecords));
  assert.deepEqual(namesOf(world, claims), namesOf(world, nodeRecords));
  const scores = (): readonly unknown[] => world.all(nodeRecords).map(({ status }) => status?.["score"]);
  await world.until("each shows the score that the others give it", () => scores().every((score) => score === "0.90"));
  assert.deepEqual(namesOf(world, accounts), ["attic-gateway", "attic-nodes"]);
  assert.deepEqual(namesOf(world, services), ["attic-gateway", "attic-nodes"]);
  assert.deepEqual(namesOf(world, deployments), ["attic-gateway"]);
  assert.deepEqual(namesOf(world, budgets), ["attic-gateway", "attic-nodes"]);
  assert.deepEqual(namesOf(world, policies), ["attic-gateway", "attic-nodes"]);
  assert.deepEqual(namesOf(world, secrets), ["attic-gateway-grant", "attic-network"]);
  assert.deepEqual(namesOf(world, configMaps), ["attic-accepted", "attic-first-certificate", "attic-peers"]);
  const expected = {
    Ready: "True",
    Progressing: "False",
    Degraded: "False",
    SpecAccepted: "True",
    NetworkJoined: "True",
    GatewayReady: "True",
  };
  for (const [type, status] of Object.entries(expected)) assert.equal(world.condition(type)?.status, status, type);
  await endWorld(world);
});

test("a farm at rest is looked at again and again, and nothing is written", async () => {
  const world = await settledWorld();
  await world.clock.advance(600_000);
  const [from, polls] = [world.kube.uses.length, world.nodes.polls()];
  await world.clock.advance(3_600_000);
  assert.deepEqual(writesSince(world, from), []);
  assert.ok(world.nodes.polls() - polls >= 5 * 50, "it did look: five nodes about every minute");
  await endWorld(world);
});

test("more replicas are made at once; fewer leave one by one, each proven twice and told that it leaves for good", async () => {
  const world = await settledWorld();
  const before = namesOf(world, nodeRecords);
  scale(world, 7);
  await world.until("seven nodes", () => isSettled(world, 7));
  await world.clock.advance(120_000);
  scale(world, 5);
  await world.until("five nodes", () => isSettled(world, 5), 3_600_000);
  assert.equal(world.nodes.left.length, 2, "both said goodbye for good");
  assert.ok(allHaveCopies(world, 5), "every chunk has its copies on those that stay");
  assert.ok(
    world.nodes.stopped.every(({ short }) => short === 0),
    "no chunk had fewer than min copies at any time",
  );
  await world.until("their claims went with them", () => namesOf(world, claims).length === 5, 60_000);
  const kept = world.all(volumes).filter(({ spec }) => spec?.["persistentVolumeReclaimPolicy"] === "Retain");
  assert.equal(kept.length, 2, "while their volumes were kept, as the policy says");
  assert.ok(before.some((name) => namesOf(world, nodeRecords).includes(name)));
  await endWorld(world);
});

test("a node that refuses to go with what was proven runs on, is proven anew, and goes once it takes it", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  await world.clock.advance(120_000);
  for (const node of world.nodes.running.values()) node.refusals = 3;
  scale(world, 5);
  await world.until("all refused what they could", () => [...world.nodes.running.values()].some(({ refusals }) => refusals === 0), 600_000);
  assert.deepEqual([world.nodes.stopped, namesOf(world, pods).length], [[], 6], "nobody was stopped meanwhile");
  await world.until("five nodes", () => isSettled(world, 5), 600_000);
  assert.equal(world.nodes.left.length, 1, "it said goodbye for good");
  await endWorld(world);
});

test("fewer nodes than copies.min are refused in words, and nothing is taken away", async () => {
  const world = await settledWorld();
  const before = namesOf(world, nodeRecords);
  scale(world, 3);
  await world.until("it is refused", () => world.condition("SpecAccepted")?.reason === "FewerNodesThanCopies");
  await world.clock.advance(600_000);
  assert.deepEqual([namesOf(world, nodeRecords), namesOf(world, pods), namesOf(world, claims)], [before, before, before]);
  assert.match(world.condition("SpecAccepted")?.message ?? "", /3 nodes cannot hold 4 copies; set it to 4 or more/);
  assert.deepEqual(world.nodes.stopped, []);
  scale(world, 5);
  await world.until("it is accepted again", () => world.condition("SpecAccepted")?.status === "True" && isSettled(world, 5));
  await endWorld(world);
});

test("an operator that hears nothing of the API server decides nothing, and goes on once it does", async () => {
  const world = await settledWorld();
  world.kube.frozen = true;
  await world.clock.advance(200_000);
  const from = world.kube.uses.length;
  scale(world, 7);
  world.remove(pods, namesOf(world, pods)[0] ?? "");
  await world.clock.advance(600_000);
  assert.deepEqual(writesSince(world, from), [], "calls would go through, and none is made");
  world.kube.frozen = false;
  await world.until("seven nodes", () => isSettled(world, 7));
  await endWorld(world);
});

test("nothing is decided while an own write is not shown by the cache", async () => {
  const world = await settledWorld();
  for (const plural of ["vaultnodes", "persistentvolumeclaims", "pods"]) world.kube.held.add(plural);
  scale(world, 6);
  await world.clock.advance(30_000);
  assert.deepEqual([namesOf(world, nodeRecords).length, namesOf(world, pods).length], [6, 6], "one is made, and no second one for it");
  world.kube.held.clear();
  world.kube.flush();
  await world.until("six nodes", () => isSettled(world, 6));
  await endWorld(world);
});

test("a cache that never shows what was made leads to no more nodes: a live list says that they exist", async () => {
  const world = await settledWorld();
  for (const plural of ["vaultnodes", "persistentvolumeclaims", "pods"]) world.kube.held.add(plural);
  scale(world, 6);
  await world.clock.advance(20_000);
  await world.stopOperator();
  assert.equal(namesOf(world, nodeRecords).length, 6);
  world.kube.held.clear();
  world.startOperator();
  await world.until("six nodes", () => isSettled(world, 6));
  assert.equal(namesOf(world, claims).length, 6);
  await endWorld(world);
});

test("a claim whose record is gone becomes a node again, with what is on it", async () => {
  const world = await settledWorld();
  await world.stopOperator();
  const [name = ""] = namesOf(world, nodeRecords);
  const held = new Set(world.nodes.running.get(name)?.volume.chunks);
  world.edit(nodeRecords, name, { metadata: { finalizers: [] } });
  world.remove(nodeRecords, name);
  await world.clock.advance(10_000);
  assert.ok(
    !namesOf(world, pods).includes(name) && namesOf(world, claims).includes(name),
    "the pod went with its record, the claim stayed",
  );
  world.startOperator();
  await world.until("five nodes", () => isSettled(world, 5));
  assert.ok(namesOf(world, nodeRecords).includes(name));
  assert.deepEqual(new Set([...held].filter((chunk) => world.nodes.running.get(name)?.volume.chunks.has(chunk))), held);
  await endWorld(world);
});

test("a farm that is deleted goes at once, and a farm of its name takes up its volumes and its network", async () => {
  const world = await settledWorld();
  const [before, network] = [namesOf(world, claims), world.farm().status?.["networkId"]];
  const copies = world.nodes.copies();
  world.remove(farms, "attic");
  await world.until("records and pods are gone", () => namesOf(world, nodeRecords).length + namesOf(world, pods).length === 0, 60_000);
  assert.deepEqual(namesOf(world, claims), before);
  assert.deepEqual(namesOf(world, secrets), ["attic-network"]);
  world.create(farms, { metadata: { name: "attic" }, spec: farmSpec } as never);
  await world.until("the farm is back", () => isSettled(world, 5));
  assert.deepEqual(namesOf(world, claims), before);
  assert.equal(world.farm().status?.["networkId"], network);
  assert.deepEqual(world.nodes.copies(), copies);
  await endWorld(world);
});

test("nodes that are taken up again declare what they had grown to", async () => {
  const storage = { ...(farmSpec["storage"] as object), autogrow: { whenUsedAbove: 80, step: 50, max: "4Gi" } };
  const world = await settledWorld({ ...farmSpec, storage });
  const [name = ""] = namesOf(world, nodeRecords);
  const declared = (): unknown => (shownOf(world, nodeRecords, name)?.spec?.["assigned"] as Json | undefined)?.["capacity"];
  const grown = "1536Mi";
  world.edit(nodeRecords, name, { spec: { assigned: { capacity: grown } } });
  await world.until("its volume has grown", () => /4404Mi/.test(JSON.stringify(shownOf(world, claims, name)?.status)), 600_000);
  world.remove(farms, "attic");
  await world.until("records and pods are gone", () => namesOf(world, nodeRecords).length + namesOf(world, pods).length === 0, 60_000);
  world.create(farms, { metadata: { name: "attic" }, spec: { ...farmSpec, storage } } as never);
  await world.until("the farm is back", () => isSettled(world, 5));
  assert.equal(declared(), 1.5 * 2 ** 30);
  const others = world.all(nodeRecords).filter(({ metadata }) => metadata.name !== name);
  assert.ok(others.every(({ spec }) => (spec?.["assigned"] as Json | undefined)?.["capacity"] === undefined));
  await endWorld(world);
});

test("a network Secret that is gone after data exists is waited for, and nothing new is begun", async () => {
  const world = await settledWorld();
  await world.stopOperator();
  const secret = world.all(secrets).find(({ metadata }) => metadata.name === "attic-network");
  world.remove(secrets, "attic-network");
  world.startOperator();
  await world.until("it says so", () => world.condition("SpecAccepted")?.reason === "SecretMissing");
  scale(world, 7);
  await world.clock.advance(300_000);
  assert.deepEqual([namesOf(world, nodeRecords).length, namesOf(world, secrets)], [5, ["attic-gateway-grant"]]);
  world.create(secrets, secret as never);
  await world.until("it goes on by itself", () => isSettled(world, 7));
  await endWorld(world);
});

test("a status that somebody else wrote is put right", async () => {
  const world = await settledWorld();
  const right = world.farm().status;
  world.edit(farms, "attic", { status: { readyNodes: 77, conditions: [] } }, "status");
  await world.until("it is as before", () => isSettled(world, 5));
  assert.equal(world.farm().status?.["networkId"], right?.["networkId"]);
  const [name = ""] = namesOf(world, nodeRecords);
  world.edit(nodeRecords, name, { status: { state: "Nonsense" } }, "status");
  const state = (): unknown => world.all(nodeRecords).find(({ metadata }) => metadata.name === name)?.status?.["state"];
  await world.until("the node's too", () => state() === "Active");
  await endWorld(world);
});

test("a storage class that is not there is refused with those that are; nothing is made until it is right", async () => {
  const world = createOperatorWorld({ ...farmSpec, storage: { storageClassName: "slow" } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  assert.match(world.condition("SpecAccepted")?.message ?? "", /no StorageClass slow; there are fast/);
  assert.deepEqual([world.condition("SpecAccepted")?.reason, world.condition("Ready")?.reason], ["Invalid", "SpecRefused"]);
  await world.until("an event says so", () => eventsOf(world, "Warning").some((event) => /^Invalid: .*StorageClass slow/.test(event)));
  assert.deepEqual([namesOf(world, claims), namesOf(world, secrets)], [[], []]);
  world.edit(farms, "attic", { spec: { storage: { storageClassName: "fast" } } });
  await world.until("the farm is installed", () => isSettled(world, 5));
  await endWorld(world);
});

test("a VaultNode that a person made becomes a node, and the first to leave where there is one too many", async () => {
  const world = await settledWorld();
  await world.stopOperator();
  world.create(nodeRecords, { metadata: { name: "attic-mine" }, spec: { farm: "attic" } } as never);
  scale(world, 6);
  world.startOperator();
  await world.until("it is one of six", () => world.nodes.isReady("attic-mine") && isSettled(world, 6));
  await world.clock.advance(120_000);
  scale(world, 5);
  await world.until("one leaves, proven", () => isSettled(world, 5), 3_600_000);
  assert.ok(!namesOf(world, nodeRecords).includes("attic-mine"));
  assert.deepEqual([world.nodes.left, allHaveCopies(world, 5)], [["attic-mine"], true]);
  await endWorld(world);
});

test("a claim deleted by hand: its node hands over what it holds, is replaced, and no chunk is lost", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, nodeRecords);
  world.remove(claims, name);
  await world.until("it is told", () => world.condition("Degraded")?.reason === "VolumeBeingDeleted");
  assert.match(world.condition("Degraded")?.message ?? "", new RegExp(`^The claim of ${name} was deleted`));
  const told = (): readonly string[] => eventsOf(world, "Warning").filter((event) => event.startsWith("VolumeBeingDeleted: "));
  await world.until("an event says so", () => told().some((event) => event.includes(`claim of ${name} was deleted`)));
  await world.until("it is replaced", () => !namesOf(world, nodeRecords).includes(name) && isSettled(world, 5), 3_600_000);
  await world.until("all copies are made", () => allHaveCopies(world, 5));
  assert.ok(world.nodes.stopped.every(({ short }) => short === 0));
  await endWorld(world);
});

test("a second claim that is deleted by hand is told by an event of its own", async () => {
  const world = await settledWorld({ ...farmSpec, replicas: 6 });
  const [first = "", second = ""] = namesOf(world, nodeRecords);
  world.nodes.setIdle(true);
  world.remove(claims, first);
  await world.until("the first is told", () => world.condition("Degraded")?.reason === "VolumeBeingDeleted");
  world.remove(claims, second);
  const told = (): readonly string[] => eventsOf(world, "Warning").filter((event) => event.startsWith("VolumeBeingDeleted: "));
  await world.until("the second too", () => told().some((event) => event.includes(first) && event.includes(second)));
  await world.clock.advance(120_000);
  assert.equal(told().length, 2);
  world.nodes.setIdle(false);
  await endWorld(world);
});

test("a pod deleted by hand comes back with its volume", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, pods);
  const before = world.nodes.running.get(name)?.volume;
  world.remove(pods, name);
  await world.until("it went", () => !world.nodes.running.has(name));
  await world.until("it is told", () => /^4 of 5 nodes are ready/.test(world.condition("Ready")?.message ?? ""));
  assert.deepEqual([world.condition("Ready")?.status, world.condition("Ready")?.reason], ["False", "NodesNotReady"]);
  await world.until("and is back", () => isSettled(world, 5));
  await world.clock.advance(60_000);
  assert.ok(eventsOf(world, "Warning").some((event) => /^NodesNotReady: 4 of 5 nodes are ready/.test(event)));
  assert.equal(world.nodes.running.get(name)?.volume, before);
  await endWorld(world);
});

test("another identity on a known volume is fenced, and nothing of it is deleted", async () => {
  const world = await settledWorld();
  const [name = ""] = namesOf(world, nodeRecords);
  const known = world.all(nodeRecords).find(({ metadata }) => metadata.name === name)?.status?.["peerId"];
  world.nodes.changeIdentity(name);
  world.remove(pods, name);
  await world.until("it is seen", () => world.condition("Degraded")?.reason === "IdentityChanged");
  await world.until("it is fenced", () => world.nodes.running.get(name)?.volume.admin === "fenced");
  await world.clock.advance(600_000);
  const record = world.all(nodeRecords).find(({ metadata }) => metadata.name === name);
  assert.equal(record?.status?.["peerId"], known, "the record keeps the identity that it knew");
  assert.ok(namesOf(world, claims).includes(name) && namesOf(world, pods).includes(name));
  await endWorld(world);
});

test("a bad spec keeps the last good one running, also after the operator started anew", async () => {
  const world = await settledWorld();
  world.edit(farms, "attic", { spec: { replicas: 6, vaultsPerNode: 9 } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.reason === "FixedField");
  await world.stopOperator();
  world.remove(pods, namesOf(world, pods)[0] ?? "");
  world.startOperator();
  await world.until("the pod is back, as the good spec wants it", () => world.nodes.running.size === 5 && isSettled(world, 5));
  assert.equal(world.condition("SpecAccepted")?.reason, "FixedField");
  assert.equal(
    [...world.nodes.running.values()].every(({ vaults }) => vaults === 2),
    true,
  );
  world.edit(farms, "attic", { spec: { vaultsPerNode: 2 } });
  await world.until("corrected, it is carried out", () => isSettled(world, 6));
  assert.equal(world.condition("SpecAccepted")?.status, "True");
  await endWorld(world);
});

test("the gateways' Secret is made anew where it is deleted, key and grant of one making", async () => {
  const world = await settledWorld();
  world.remove(secrets, "attic-gateway-grant");
  await world.until("it is back", () => namesOf(world, secrets).includes("attic-gateway-grant"), 1_200_000);
  await world.until("and gateways answer", () => isSettled(world, 5));
  await endWorld(world);
});

test("hibernation stops all pods and keeps all volumes; waking brings the same nodes back", async () => {
  const world = await settledWorld();
  const [before, copies] = [namesOf(world, nodeRecords), world.nodes.copies()];
  scale(world, 0);
  await world.until("no pod is left", () => namesOf(world, pods).length === 0);
  assert.deepEqual([namesOf(world, nodeRecords), namesOf(world, claims)], [before, before]);
  await world.clock.advance(3_600_000);
  scale(world, 5);
  await world.until("all are back", () => isSettled(world, 5));
  assert.deepEqual([namesOf(world, nodeRecords), world.nodes.copies()], [before, copies]);
  await endWorld(world);
});
