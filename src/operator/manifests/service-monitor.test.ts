// Proves that Prometheus finds a farm's metrics by its ServiceMonitor: the vault nodes' port and the gateways', each once, of this
// farm and no other, where the network policies let it in. Method: the object is followed as the Prometheus operator does, over
// the Services and pods that the other builders make.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { lets, readPolicy } from "../../../test/support/network-rules.ts";
import { gatewayPort, healthPort } from "../../protocol/ports.ts";
import { vaultFarmSpecSchema } from "../api/vault-farm.ts";
import { gatewayDeployment } from "./gateway-deployment.ts";
import { type FarmIdentity, labels, type Manifest, objectLabels } from "./names.ts";
import { gatewayNetworkPolicy, nodePolicy } from "./network-policies.ts";
import { serviceMonitor } from "./service-monitor.ts";
import { gatewayService, nodesService } from "./services.ts";
import { vaultNodePod } from "./vault-node-pod.ts";

const attic: FarmIdentity = { name: "attic", namespace: "farms", uid: "u-1" };
const cellar: FarmIdentity = { name: "cellar", namespace: "farms", uid: "u-2" };
const spec = vaultFarmSpecSchema.parse({
  replicas: 5,
  vaultCapacity: "10Gi",
  monitoring: { serviceMonitor: true, interval: "15s", labels: { release: "prometheus" } },
});
const image = { image: "vaultfarm:1", pullPolicy: "IfNotPresent", pullSecrets: [] } as const;

type Labels = Readonly<Record<string, string>>;
type Monitor = {
  readonly selector: { readonly matchLabels: Labels };
  readonly endpoints: readonly { readonly port: string; readonly path: string; readonly interval?: string }[];
};
type ServicePorts = { readonly ports: readonly { readonly name: string; readonly targetPort: string }[] };
type Ports = { readonly containers: readonly { readonly ports: readonly { readonly name: string; readonly containerPort: number }[] }[] };

const specOf = <T>(object: Manifest): T => object["spec"] as T;
const containerPort = (pod: Ports, name: string): number | undefined =>
  pod.containers[0]?.ports.find((port) => port.name === name)?.containerPort;
const nodeOf = (farm: FarmIdentity): Ports =>
  specOf(
    vaultNodePod({
      ...{
        farm,
        spec,
        image,
        node: { name: "attic-abcde", uid: "u-3" },
        zone: "",
        capacity: spec.vaultCapacity,
        template: "t",
        founder: true,
      },
      adminPublicKey: "00".repeat(32),
    }),
  );
const gatewayOf = (farm: FarmIdentity): Ports =>
  specOf<{ readonly template: { readonly spec: Ports } }>(gatewayDeployment({ farm, spec, image, serviceIps: [] })).template.spec;

test("both ports of the farm are found, each once, and none of another farm", () => {
  const { selector, endpoints } = specOf<Monitor>(serviceMonitor(attic, spec.monitoring));
  const services = [attic, cellar].flatMap((farm) => [
    { service: nodesService(farm), pod: nodeOf(farm) },
    { service: gatewayService(farm, spec), pod: gatewayOf(farm) },
  ]);
  const chosen = services.filter(({ service }) =>
    Object.entries(selector.matchLabels).every(([key, value]) => service.metadata.labels?.[key] === value),
  );
  const targets = chosen.flatMap(({ service, pod }) =>
    endpoints.flatMap(({ port, path }) =>
      specOf<ServicePorts>(service)
        .ports.filter(({ name }) => name === port)
        .map(({ targetPort }) => [service.metadata.name, containerPort(pod, targetPort), path]),
    ),
  );
  assert.deepEqual(targets, [
    ["attic-nodes", healthPort, "/metrics"],
    ["attic-gateway", gatewayPort, "/metrics"],
  ]);
});

test("the policies let in the Prometheus of a labelled namespace at these ports", () => {
  const policies = [nodePolicy({ farm: attic, operatorNamespace: "system" }), gatewayNetworkPolicy({ farm: attic, gateway: {} })].map(
    readPolicy,
  );
  const prometheus = { namespace: "monitoring", namespaceLabels: { [labels.scrapes]: "true" }, labels: {} };
  for (const [component, port] of [
    ["node", healthPort],
    ["gateway", gatewayPort],
  ] as const) {
    const to = { namespace: "farms", labels: objectLabels(attic, component) };
    assert.ok(lets(policies, { from: prometheus, to, port, protocol: "TCP" }), component);
  }
});

test("its labels are those asked for beside the operator's own, and its interval stands at both ports or at none", () => {
  const { metadata, ...made } = serviceMonitor(attic, spec.monitoring);
  assert.deepEqual(metadata.labels, { ...objectLabels(attic), release: "prometheus" });
  assert.deepEqual([metadata.name, metadata.ownerReferences?.[0]?.uid], ["attic-metrics", attic.uid]);
  assert.deepEqual(
    (made["spec"] as Monitor).endpoints.map(({ interval }) => interval),
    ["15s", "15s"],
  );
  const { interval: _interval, ...plain } = spec.monitoring;
  assert.ok(!JSON.stringify(serviceMonitor(attic, plain)).includes("interval"));
});

test("it is what the Prometheus operator's own schema takes", () => {
  const withInterval = (interval: string): ServiceMonitor =>
    new ServiceMonitor(
      serviceMonitor(attic, { ...spec.monitoring, interval }) as unknown as ConstructorParameters<typeof ServiceMonitor>[0],
    );
  withInterval("15s").validate();
  assert.throws(() => withInterval("often").validate(), /endpoints\/0\/interval must match/);
});

test("labels of the operator's own and what is no time are refused by name", () => {
  const problems = (monitoring: object): string =>
    vaultFarmSpecSchema
      .safeParse({ replicas: 5, vaultCapacity: "10Gi", monitoring })
      .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)
      .join() ?? "";
  for (const key of [labels.farm, labels.name, labels.managedBy])
    assert.match(problems({ labels: { [key]: "mine" } }), /^monitoring\.labels: labels other than vaultfarm\.dev/);
  for (const interval of ["0s", "often", "30", "1d", "00030s"])
    assert.match(problems({ interval }), /^monitoring\.interval: a time such as "30s"/);
  assert.equal(problems({ interval: "90s", labels: { release: "prometheus" } }), "");
});
