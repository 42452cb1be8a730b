// Proves least rights: a life of a farm in virtual time (install, growth, drain, hibernation, failures, deletion) uses nothing
// that the chart does not grant there, and the chart grants nothing that is not used, but for what is named here with its reason.
// Method: each call as an authorizer sees it, with its namespace and the object's name, against the rights of each part where the
// chart binds it.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { parse } from "yaml";
import type { Use } from "../../../test/support/operator/memory-kube.ts";
import {
  endWorld,
  farmSpec,
  isSettled,
  type Json,
  type OperatorWorld,
  type Shown,
  settledWorld,
} from "../../../test/support/operator/operator-world.ts";
import { shownOf } from "../../../test/support/operator/world-views.ts";
import { collectionPath, type KubeObject } from "../kube/resource.ts";
import { configMaps, farms, fieldManager, httpRoutes, ingresses, nodeRecords, pods, secrets, serviceMonitors } from "./resources.ts";

/** From the narrowest to the widest. */
const partNames = ["leader", "farms", "cluster"] as const;
type Part = (typeof partNames)[number];
type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
};
type Rules = Readonly<Record<Part, readonly Rule[]>>;
/** `name`: the one object that it is for; undefined: any. */
type Right = Pick<Use, "verb" | "group" | "resource"> & { readonly part: Part; readonly name: string | undefined };

const rules = parse(readFileSync(new URL("../../../charts/vaultfarm/files/rules.yaml", import.meta.url), "utf8")) as Rules;

/** Where each part is bound (templates/rbac.yaml) for a release in `system` that watches the namespace `farms`, or all of them. */
type Bindings = Readonly<Record<Part, (namespace: string | undefined) => boolean>>;
const boundByName: Bindings = {
  leader: (namespace) => namespace === "system",
  farms: (namespace) => namespace === "farms",
  cluster: () => true,
};
const boundEverywhere: Bindings = { ...boundByName, farms: () => true };

/** Granted and not used in this life. */
const justified: Readonly<Record<string, string>> = {
  "farms: update vaultfarm.dev vaultfarms/finalizers":
    "clusters with OwnerReferencesPermissionEnforcement ask for it where blockOwnerDeletion is set",
  "farms: update vaultfarm.dev vaultnodes/finalizers": "the same",
  "leader: get  namespaces":
    "asked once, when the operator stops: its own namespace may be why; a Role grants it, since a namespace is inside of itself",
  "farms: patch  events": "events that repeat within ten minutes are counted in one object",
};

function rightsOf(granted: Rules): readonly Right[] {
  return partNames.flatMap((part) =>
    granted[part].flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.flatMap((verb) => resourceNames.map((name) => ({ part, verb, group, resource, name })))),
      ),
    ),
  );
}

// Who makes an object asks for no name that an authorizer sees.
function grants(right: Right, use: Use, bound: Bindings): boolean {
  const isNamed = right.name === undefined || (use.verb !== "create" && right.name === use.name);
  return (
    right.verb === use.verb && right.group === use.group && right.resource === use.resource && isNamed && bound[right.part](use.namespace)
  );
}

const shownUse = ({ verb, group, resource, name, namespace }: Use): string => `${verb} ${group} ${resource} ${namespace ?? "*"}/${name}`;
const shownRight = ({ part, verb, group, resource, name }: Right): string =>
  `${part}: ${verb} ${group} ${resource}${name === undefined ? "" : ` ${name}`}`;

/** Uses that no right is for; and rights that were used, each use counted for the narrowest part that grants it. */
function judge(
  uses: readonly Use[],
  granted: Rules,
  bound: Bindings,
): { readonly refused: readonly string[]; readonly used: ReadonlySet<string> } {
  const rights = rightsOf(granted);
  const refused = new Set<string>();
  const used = new Set<string>();
  for (const use of uses) {
    const right = rights.find((one) => grants(one, use, bound));
    if (right === undefined) refused.add(shownUse(use));
    else used.add(shownRight(right));
  }
  return { refused: [...refused].sort(), used };
}

async function usesOfALife(): Promise<readonly Use[]> {
  const autogrow = { max: "4Gi" };
  const spec = { ...farmSpec, storage: { ...(farmSpec["storage"] as object), autogrow } };
  const world = await settledWorld(spec, 40, { watched: ["farms"] });
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
  world.edit(farms, "attic", { spec: { monitoring: { serviceMonitor: true } } });
  await world.until("Prometheus is told", () => world.all(serviceMonitors).length === 1);
  world.edit(farms, "attic", { spec: { monitoring: { serviceMonitor: false } } });
  await world.until("it is told no more", () => world.all(serviceMonitors).length === 0);
  world.remove(secrets, "attic-gateway-grant");
  world.remove(pods, world.all(pods)[0]?.metadata.name ?? "");
  await world.clock.advance(900_000);
  await settled(5);
  world.edit(pods, world.all(pods)[0]?.metadata.name ?? "", { metadata: { labels: { "vaultfarm.dev/farm": null } } });
  await world.clock.advance(60_000);
  await settled(5);
  await takeOver(world);
  world.edit(farms, "attic", { spec: { replicas: 0 } });
  await world.until("it sleeps", () => world.all(pods).length === 0);
  world.edit(farms, "attic", { spec: { replicas: 5, vaultsPerNode: 9 } });
  await world.until("it is refused", () => world.condition("SpecAccepted")?.status === "False");
  world.remove(farms, "attic");
  await world.until("it is gone", () => world.all(nodeRecords).length === 0);
  await endWorld(world);
  return world.kube.uses;
}

/** The farm is one that the operator of another release ran, which is gone. */
async function takeOver(world: OperatorWorld): Promise<void> {
  const map = (): Shown & { readonly data?: Json } => shownOf(world, configMaps, "attic-accepted") ?? assert.fail("it is kept");
  const { apiVersion, kind, metadata, data } = map();
  const { name, namespace, labels, ownerReferences } = metadata;
  const theirs = {
    apiVersion,
    kind,
    metadata: { name, namespace, labels, ownerReferences },
    data: { ...data, operator: "elsewhere/gone" },
  };
  const manager = { manager: fieldManager, subresource: undefined, force: true };
  world.kube.objects.apply(collectionPath(configMaps), theirs as KubeObject, manager);
  await world.until("the operator takes it over", () => map().data?.["operator"] === "system/vaultfarm");
}

let uses: readonly Use[] = [];
before(async () => {
  uses = await usesOfALife();
});

test("the operator uses what it is granted where it is granted, and is granted what it uses", () => {
  const { refused, used } = judge(uses, rules, boundByName);
  assert.deepEqual(refused, [], "used and not granted there");
  const idle = rightsOf(rules)
    .map(shownRight)
    .filter((right) => !used.has(right) && justified[right] === undefined);
  assert.deepEqual(idle.sort(), [], "granted and never used");
  assert.ok(!uses.some(({ verb, resource }) => resource === "secrets" && (verb === "list" || verb === "watch")));
});

test("where all namespaces are watched, lists and watches of all of them are granted", async () => {
  const world = await settledWorld();
  await endWorld(world);
  assert.ok(world.kube.uses.some(({ verb, resource, namespace }) => verb === "watch" && resource === "pods" && namespace === undefined));
  assert.deepEqual(judge(world.kube.uses, rules, boundEverywhere).refused, []);
});

test("a right of one part does not count where only another is bound, nor one of named objects for others", () => {
  const movedToLeader = (resource: string): Rules => ({
    ...rules,
    farms: rules.farms.filter(({ resources }) => !resources.includes(resource)),
    leader: [...rules.leader, ...rules.farms.filter(({ resources }) => resources.includes(resource))],
  });
  assert.ok(judge(uses, movedToLeader("configmaps"), boundByName).refused.includes("list  configmaps farms/"));
  const named = (name: string): Rules => ({
    ...rules,
    cluster: rules.cluster.map((rule) => (rule.resourceNames === undefined ? rule : { ...rule, resourceNames: [name] })),
  });
  const kind = "customresourcedefinitions";
  assert.deepEqual(
    judge(uses, named("vaultfarms.vaultfarm.dev"), boundByName).refused.filter((use) => use.includes(kind)),
    ["get", "patch"].map((verb) => `${verb} apiextensions.k8s.io ${kind} */vaultnodes.vaultfarm.dev`),
  );
});

test("the leader reads its own Deployment by name, also where it watches other namespaces only", () => {
  const used = uses.filter(({ resource, name }) => resource === "deployments" && name === "vaultfarm");
  assert.deepEqual([...new Set(used.map(shownUse))], ["get apps deployments system/vaultfarm"]);
  assert.ok(judge(used, rules, boundByName).used.has("leader: get apps deployments"));
});

test("Secrets are read by name, and only the farm's own", () => {
  const read = uses.filter(({ resource }) => resource === "secrets");
  assert.ok(read.length > 0);
  assert.deepEqual([...new Set(read.map(({ name }) => name))].sort(), ["attic-gateway-grant", "attic-network"]);
});
