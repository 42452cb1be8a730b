// Proves that the operator gives up no lost node, and opens no disruption budget, while a member of the network that is not the farm's
// has not counted its chunks, and says so; and that it goes on once that one has, or is gone.
// Method: the operator as a whole in virtual time, and a node that somebody runs by hand with the farm's keys.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { endWorld, farmSpec, isSettled, type OperatorWorld, settledWorld } from "../../../test/support/operator/operator-world.ts";
import type { RunningNode } from "../../../test/support/operator/simulated-nodes.ts";
import { namesOf, shownOf } from "../../../test/support/operator/world-views.ts";
import { readNetworkSecret } from "../manifests/network-secret.ts";
import { budgets, nodeRecords, pods, secrets } from "./resources.ts";

/** Starts a node by hand that has met the others and was let in by the owner. */
function startByHand({ nodes, ...world }: OperatorWorld): RunningNode {
  const secret = shownOf({ nodes, ...world }, secrets, "attic-network") as { readonly data?: Readonly<Record<string, string>> };
  const read = readNetworkSecret(secret.data);
  assert.ok(read.ok);
  const settings = { founder: false, capacity: 2 ** 30, vaults: 1, volume: "by-hand", keys: read.keys };
  nodes.start({ name: "by-hand", ip: "192.0.2.1", host: "elsewhere", ...settings });
  const node = nodes.running.get("by-hand") ?? assert.fail("it runs");
  node.volume.granted = true;
  for (const { ip } of nodes.running.values()) if (ip !== node.ip) node.told.add(ip);
  return node;
}

const minAvailable = (world: OperatorWorld): unknown =>
  (shownOf(world, budgets, "attic-nodes") as { readonly spec?: { readonly minAvailable?: unknown } }).spec?.minAvailable;

for (const how of ["it counts", "it is gone"] as const)
  test(`a lost node is kept while a member that is not the farm's has not counted, and replaced once ${how}`, async () => {
    const world = await settledWorld({ ...farmSpec, replicas: 6, repair: { lostAfterSeconds: 600 } });
    const other = startByHand(world);
    await world.clock.advance(120_000);
    assert.equal(world.condition("DataAtRisk")?.reason, "EnoughCopies", "one that counts is no news");
    other.older = true;
    await world.clock.advance(120_000);
    assert.equal(world.condition("DataAtRisk")?.reason, "OthersUncounted");
    assert.match(world.condition("DataAtRisk")?.message ?? "", /1 node of the network is not this farm's, and 1 of them has not counted/);
    const [lost] = world.all(pods);
    const name = lost?.metadata.name ?? "";
    world.cluster.setMachine(String(lost?.spec?.["nodeName"]), false);
    await world.clock.advance(1_500_000);
    assert.ok(namesOf(world, nodeRecords).includes(name), "kept, however long it is away");
    assert.equal(minAvailable(world), 7, "and none of the six that serve may be evicted");
    if (how === "it counts") other.older = false;
    else world.nodes.stop("by-hand");
    await world.until("it is replaced", () => !namesOf(world, nodeRecords).includes(name) && isSettled(world, 6), 3_600_000);
    assert.equal(world.condition("DataAtRisk")?.reason, "EnoughCopies");
    await endWorld(world);
  });
