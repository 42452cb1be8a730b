// Proves least rights: a life of a farm in virtual time (install, growth, drain, hibernation, failures, deletion) uses nothing
// that the chart does not grant, and the chart grants nothing that is not used, but for what is named here with its reason.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import type { Use } from "../../../test/support/operator/memory-kube.ts";
import { endWorld, farmSpec, isSettled, settledWorld } from "../../../test/support/operator/operator-world.ts";
import { farms, httpRoutes, ingresses, nodeRecords, pods, secrets } from "./resources.ts";

type Rule = { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] };

const rules = parse(readFileSync(new URL("../../../charts/vaultfarm/files/rules.yaml", import.meta.url), "utf8")) as Readonly<
  Record<string, readonly Rule[]>
>;

/** Granted and not used in this life. */
const justified: Readonly<Record<string, string>> = {
  "update vaultfarm.dev vaultfarms/finalizers":
    "clusters with OwnerReferencesPermissionEnforcement ask for it where blockOwnerDeletion is set",
  "update vaultfarm.dev vaultnodes/finalizers": "the same",
  "get  namespaces": "asked once, when the operator stops: its own namespace may be why",
  "patch  events": "events that repeat within ten minutes are counted in one object",
};

async function usesOfALife(): Promise<readonly Use[]> {
  const world = await settledWorld({ ...farmSpec, storage: { ...(farmSpec["storage"] as object), autogrow: { max: "4Gi" } } });
  const settled = (nodes: number): Promise<void> => world.until(`${nodes} nodes`, () => isSettled(world, nodes), 7_200_000);
  for (const replicas of [7, 5]) {
    world.edit(farms, "attic", { spec: { replicas } });
    await settled(replicas);
    await world.clock.advance(120_000);
  }
  world.edit(farms, "attic", { spec: { vaultCapacity: "2Gi" } });
  await settled(5);
  const name = "farm.example.org";
  world.edit(farms, "attic", { spec: { gateway: { writes: "off", ingress: { host: name } } } });
  await world.until("it has an Ingress", () => world.all(ingresses).length === 1);
  const httpRoute = { parentRefs: [{ name: "edge" }], hostnames: [name] };
  world.edit(farms, "attic", { spec: { gateway: { ingress: null, httpRoute } } });
  await world.until("it has a route instead", () => world.all(httpRoutes).length === 1 && world.all(ingresses).length === 0);
  world.edit(farms, "attic", { spec: { gateway: { httpRoute: null } } });
  await world.until("it has none", () => world.all(httpRoutes).length === 0);
  world.remove(secrets, "attic-gateway-grant");
  world.remove(pods, world.all(pods)[0]?.metadata.name ?? "");
  await world.clock.advance(900_000);
  await settled(5);
  world.edit(pods, world.all(pods)[0]?.metadata.name ?? "", { metadata: { labels: { "vaultfarm.dev/farm": null } } });
  await world.clock.advance(60_000);
  await settled(5);
  world.edit(farms, "attic", { spec: { replicas: 0 } });
  await world.until("it sleeps", () => world.all(pods).length === 0);
  world.edit(farms, "attic", { spec: { replicas: 5, vaultsPerNode: 9 } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  world.remove(farms, "attic");
  await world.until("it is gone", () => world.all(nodeRecords).length === 0);
  await endWorld(world);
  return world.kube.uses;
}

test("the operator uses what it is granted, and is granted what it uses", async () => {
  const uses = await usesOfALife();
  const used = new Set(uses.map(({ verb, group, resource }) => `${verb} ${group} ${resource}`));
  const granted = new Set(
    Object.values(rules)
      .flat()
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group} ${resource}`))),
      ),
  );
  assert.deepEqual([...used].filter((right) => !granted.has(right)).sort(), [], "used and not granted");
  const idle = [...granted].filter((right) => !used.has(right) && justified[right] === undefined);
  assert.deepEqual(idle.sort(), [], "granted and never used");
  assert.ok(!used.has("list  secrets") && !used.has("watch  secrets"));
});

test("the leader reads its own Deployment by name, also where it watches other namespaces only", async () => {
  const used = (await usesOfALife()).filter(({ resource, name }) => resource === "deployments" && name === "vaultfarm");
  assert.deepEqual([...new Set(used.map(({ verb }) => verb))], ["get"]);
  const inLeader = rules["leader"]?.some(({ resources, verbs }) => resources.includes("deployments") && verbs.join() === "get");
  assert.ok(inLeader);
});

test("Secrets are read by name, and only the farm's own", async () => {
  const read = (await usesOfALife()).filter(({ resource }) => resource === "secrets");
  assert.ok(read.length > 0);
  assert.deepEqual([...new Set(read.map(({ name }) => name))].sort(), ["attic-gateway-grant", "attic-network"]);
});
