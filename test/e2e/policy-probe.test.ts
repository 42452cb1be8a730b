// Proves that a farm's network policies do on a cluster what their evaluation says: connections are tried from inside of real
// pods and compared with the policies as the API server has them. Only a cluster that enforces policies can show it: whether
// this one does is found out first, and where it does not, that is printed and nothing is counted; with
// VAULTFARM_E2E_POLICIES=enforced, which says that the cluster was made to, it is a failure.
// UDP is not tried, since a heartbeat port answers nobody it does not know; that a farm settles shows that it gets through.
import { strict as assert } from "node:assert";
import { type Release, scenarios } from "../support/cluster-farm.ts";
import { enforcesPolicies, reached, startListener } from "../support/cluster-probes.ts";
import { untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { type Labels, lets, type NetworkPolicy, type PodEnd, readPolicy } from "../support/network-rules.ts";

const minute = 60_000;
const { scenario } = scenarios("policies");

scenario(
  "whether the cluster enforces network policies is found out by shutting a connection that works",
  async (release, { also, skip }) => {
    if (await enforcesPolicies(release))
      await also("connections from inside of pods are let through as a farm's policies say, no others", assertEnforced);
    else if (process.env["VAULTFARM_E2E_POLICIES"] === "enforced")
      assert.fail("this cluster was said to enforce network policies, and let through what one shuts");
    else skip("this cluster enforces no network policies; what those of a farm let through is evaluated only");
  },
);

type PodObject = {
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  readonly status: { readonly podIP?: string };
};
type PolicyObject = { readonly metadata: { readonly namespace: string } };
/** A pod and where it is reached. */
type Place = { readonly name: string; readonly end: PodEnd; readonly ip: string };
type Aim = { readonly to: Place; readonly port: number };

async function assertEnforced(release: Release): Promise<void> {
  await release.install();
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  await release.assertKept(await release.put(31));
  const { port } = await startListener(release, "stranger", {});
  await startListener(release, "collector", { "vaultfarm.dev/scrapes": "true" });
  const { node, peer, gateway, operator, stranger, collector } = await placesOf(release);
  const aims: readonly Aim[] = [
    ...[4001, 4002, 9090, 9091].map((at) => ({ to: peer, port: at })),
    ...[4001, 4002, 8080].map((at) => ({ to: gateway, port: at })),
    { to: stranger, port },
  ];
  const policies = await policiesOf(release);
  for (const from of [node, gateway, operator, stranger, collector])
    await assertAsEvaluated(
      release,
      from,
      aims.filter(({ to }) => to !== from),
      policies,
    );
}

async function itemsOf<T>({ views, namespace }: Release, group: string, plural: string): Promise<readonly T[]> {
  return (await views.get<{ readonly items: readonly T[] }>(`/${group}/namespaces/${namespace}/${plural}`))?.items ?? [];
}

async function policiesOf(release: Release): Promise<readonly NetworkPolicy[]> {
  return (await itemsOf<PolicyObject>(release, "apis/networking.k8s.io/v1", "networkpolicies")).map(readPolicy);
}

async function placesOf(release: Release) {
  const pods = await itemsOf<PodObject>(release, "api/v1", "pods");
  const places = pods.map(({ metadata: { name, labels = {} }, status: { podIP = "" } }) => ({
    name,
    end: { namespace: release.namespace, labels },
    ip: podIP,
  }));
  const pick = (what: string, is: (place: Place) => boolean): Place => places.find(is) ?? assert.fail(`there is no ${what}`);
  const part = (component: string, but?: Place): Place =>
    pick(component, (place) => place.end.labels["app.kubernetes.io/component"] === component && place !== but);
  const node = part("vault-node");
  return {
    node,
    peer: part("vault-node", node),
    gateway: part("gateway"),
    operator: part("operator"),
    stranger: pick("stranger", ({ name }) => name === "stranger"),
    collector: pick("collector", ({ name }) => name === "collector"),
  };
}

/** Waits until what is reached is what the policies let through: a plug-in takes new pods up a moment after they run. */
async function assertAsEvaluated(release: Release, from: Place, aims: readonly Aim[], policies: readonly NetworkPolicy[]): Promise<void> {
  const expected = aims.map(({ to, port }) => lets(policies, { from: from.end, to: to.end, port, protocol: "TCP" }));
  const words = (open: readonly boolean[]): readonly string[] =>
    aims.map(({ to, port }, i) => `${from.name} to ${to.name} port ${port}: ${open[i] === true ? "open" : "shut"}`);
  const targets = aims.map(({ to, port }) => ({ ip: to.ip, port }));
  await until("connections are as evaluated", async () => {
    assert.deepEqual(words(await reached(release, from.name, targets)), words(expected));
    return true;
  });
}
