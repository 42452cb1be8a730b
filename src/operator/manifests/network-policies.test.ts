// Proves that the network policies of farms let through the port table and nothing else: every pair of ends at every port, each
// way, is evaluated as a cluster would and compared with a table written down here.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  type End,
  type Labels,
  lets,
  type NetworkPolicy,
  type PodEnd,
  type Protocol,
  readPolicy,
} from "../../../test/support/network-rules.ts";
import { adminPort, gatewayPort, healthPort, heartbeatPort, lanePort, libp2pPort } from "../../protocol/ports.ts";
import { type FarmIdentity, labels, objectLabels } from "./names.ts";
import { gatewayNetworkPolicy, nodePolicy } from "./network-policies.ts";

const attic: FarmIdentity = { name: "attic", namespace: "farms", uid: "u-1" };
const cellar: FarmIdentity = { name: "cellar", namespace: "farms", uid: "u-2" };
// Of the same name, elsewhere.
const other: FarmIdentity = { name: "attic", namespace: "others", uid: "u-3" };

const redisSecretRef = { name: "cache", key: "url" };
const policies = (redis: boolean): readonly NetworkPolicy[] =>
  [attic, cellar, other]
    .flatMap((farm) => [
      nodePolicy({ farm, operatorNamespace: "system" }),
      gatewayNetworkPolicy({ farm, gateway: redis ? { redisSecretRef } : {} }),
    ])
    .map(readPolicy);

const nodeOf = (farm: FarmIdentity): PodEnd => ({
  namespace: farm.namespace,
  labels: { ...objectLabels(farm, "node"), [labels.node]: `${farm.name}-abcde` },
});
const gatewayOf = (farm: FarmIdentity): PodEnd => ({ namespace: farm.namespace, labels: objectLabels(farm, "gateway") });
const operatorLabels: Labels = { [labels.name]: "vaultfarm", [labels.component]: "operator" };
const scrapes: Labels = { [labels.scrapes]: "true" };

// Every kind of end that there is.
const ends = {
  node: nodeOf(attic),
  gateway: gatewayOf(attic),
  operator: { namespace: "system", labels: operatorLabels },
  "operator's neighbour": { namespace: "system", labels: {} },
  "false operator": { namespace: "shop", labels: operatorLabels },
  "false operator beside the farm": { namespace: "farms", labels: operatorLabels },
  monitoring: { namespace: "monitoring", namespaceLabels: scrapes, labels: {} },
  "monitoring beside the farm": { namespace: "farms", labels: scrapes },
  "false monitoring": { namespace: "shop", labels: scrapes },
  "node of a neighbour": nodeOf(cellar),
  "gateway of a neighbour": gatewayOf(cellar),
  "node of a namesake": nodeOf(other),
  "gateway of a namesake": gatewayOf(other),
  "pod beside the farm": { namespace: "farms", labels: {} },
  "pod elsewhere": { namespace: "shop", labels: {} },
  outside: "outside",
} as const satisfies Readonly<Record<string, End>>;
type Name = keyof typeof ends;
const names = Object.keys(ends) as readonly Name[];
const ofAttic: readonly Name[] = ["node", "gateway"];
const ofOtherFarms: readonly Name[] = names.filter((name) => name.startsWith("node of") || name.startsWith("gateway of"));

const dataPlane = [`TCP ${libp2pPort}`, `TCP ${lanePort}`, `UDP ${heartbeatPort}`];
const numbers = [libp2pPort, lanePort, heartbeatPort, healthPort, adminPort, gatewayPort, 53, 80, 443, 6379];
const protocols: readonly Protocol[] = ["TCP", "UDP"];
const ports = numbers.flatMap((port) => protocols.map((protocol) => `${protocol} ${port}`));

/** The table: what is open from one end to another; one of the two is of the farm. */
function open(from: Name, to: Name, redis: boolean): readonly string[] {
  if (to === "node") {
    if (ofAttic.includes(from)) return dataPlane;
    if (from === "operator") return [`TCP ${adminPort}`, `TCP ${healthPort}`];
    return from === "monitoring" || from === "monitoring beside the farm" ? [`TCP ${healthPort}`] : [];
  }
  // With Redis gateways reach any host, each farm's, unless that host shuts them out.
  const wide = redis && from.startsWith("gateway");
  if (to === "gateway") {
    if (from === "node") return dataPlane;
    return ofAttic.includes(from) || ofOtherFarms.includes(from) ? (wide ? [`TCP ${gatewayPort}`] : []) : [`TCP ${gatewayPort}`];
  }
  if (!wide || (ofOtherFarms.includes(to) && to.startsWith("node"))) return [];
  return to.startsWith("gateway") ? [`TCP ${gatewayPort}`] : ports.filter((port) => port.startsWith("TCP") || port === "UDP 53");
}

for (const redis of [false, true]) {
  test(`policies let through the port table, to whom it concerns, ${redis ? "and gateways to their Redis" : "and nobody out"}`, () => {
    const all = policies(redis);
    let pairs = 0;
    for (const from of names)
      for (const to of names.filter((name) => ofAttic.includes(from) || ofAttic.includes(name))) {
        const through = ports.filter((port) => {
          const [protocol, number] = port.split(" ") as [Protocol, string];
          return lets(all, { from: ends[from], to: ends[to], port: Number(number), protocol });
        });
        assert.deepEqual(through.sort(), [...open(from, to, redis)].sort(), `from ${from} to ${to}`);
        pairs += 1;
      }
    assert.equal(pairs, 2 * names.length * ofAttic.length - ofAttic.length ** 2);
  });
}

test("a policy that the evaluation does not understand is no proof", () => {
  const spec = { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }] };
  assert.throws(() => readPolicy({ metadata: { namespace: "farms" }, ...{ spec } }), /ipBlock/);
});
