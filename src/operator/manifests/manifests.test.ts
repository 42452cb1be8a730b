// Proves what the builders promise: pods that the restricted Pod Security standard admits, environments that the programs
// themselves read back, and keys that stay with the operator.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { readConfig as readGatewayConfig } from "../../gateway/config.ts";
import { checkGrant } from "../../protocol/grant.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { adminPort, heartbeatPort } from "../../protocol/ports.ts";
import { seededRandom } from "../../runtime/random.ts";
import { readConfig as readNodeConfig } from "../../vault-node/config.ts";
import { type VaultFarmSpec, vaultFarmSpecSchema } from "../api/vault-farm.ts";
import { disruptionBudget } from "./disruption-budget.ts";
import { gatewayDeployment } from "./gateway-deployment.ts";
import { type FarmIdentity, labels, type Manifest, objectNames, selectorText } from "./names.ts";
import { newGrantSecret, newNetworkSecret, readNetworkSecret } from "./network-secret.ts";
import { peersConfigMap } from "./peers-config-map.ts";
import type { PodImage } from "./pod-security.ts";
import { gatewayAccount, nodeAccount } from "./service-accounts.ts";
import { gatewayService, nodesService } from "./services.ts";
import { vaultNodePod } from "./vault-node-pod.ts";
import { volumeClaim } from "./volume-claim.ts";

const farm: FarmIdentity = { name: "attic", namespace: "farms", uid: "u-1" };
const spec: VaultFarmSpec = vaultFarmSpecSchema.parse({
  replicas: 5,
  vaultsPerNode: 3,
  vaultCapacity: "10Gi",
  gateway: { replicas: 2, writes: "open", extraHosts: ["farm.example"], quota: { perDay: "1Ti" } },
  pod: { nodeSelector: { disk: "big" }, annotations: { team: "storage" }, priorityClassName: "high" },
});
const image: PodImage = { image: "vaultfarm:1", pullPolicy: "IfNotPresent", pullSecrets: ["pull"] };
const adminPublicKey = signingKeyFromSeed(seededRandom(3).bytes(32)).publicKey;
const pod = (change: Partial<Parameters<typeof vaultNodePod>[0]> = {}): Manifest =>
  vaultNodePod({
    farm,
    node: { name: "attic-abcde", uid: "u-2" },
    spec,
    zone: "za",
    capacity: spec.vaultCapacity,
    template: "t1",
    founder: true,
    adminPublicKey,
    image,
    ...change,
  });
const deployment = gatewayDeployment({ farm, spec, image, serviceIps: ["10.0.0.7"] });

type PodSpec = {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
  readonly affinity: { readonly nodeAffinity?: object; readonly podAntiAffinity: Readonly<Record<string, unknown>> };
  readonly containers: readonly {
    readonly env: readonly { readonly name: string; readonly value?: string }[];
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly resources: { readonly limits: Readonly<Record<string, string>> };
  }[];
};
const podSpec = (manifest: Manifest): PodSpec => manifest["spec"] as PodSpec;
const templateSpec = (manifest: Manifest): PodSpec => (manifest["spec"] as { template: { spec: PodSpec } }).template.spec;

/** The environment as a kubelet hands it over: references to earlier variables are filled in. */
function environment({ containers }: PodSpec): Readonly<Record<string, string>> {
  const env: Record<string, string> = { POD_IP: "10.1.2.3", NODE_NAME: "machine-1" };
  for (const { name, value } of containers[0]?.env ?? [])
    if (value !== undefined) env[name] = value.replace(/\$\((\w+)\)/g, (whole, key: string) => env[key] ?? whole);
  return env;
}

test("pods are what the restricted Pod Security standard admits, and write to their volumes only", () => {
  for (const one of [podSpec(pod()), templateSpec(deployment)]) {
    assert.equal(one.automountServiceAccountToken, false);
    assert.equal(one.securityContext["runAsNonRoot"], true);
    assert.deepEqual(one.securityContext["seccompProfile"], { type: "RuntimeDefault" });
    const allowed = ["configMap", "emptyDir", "persistentVolumeClaim", "secret"];
    for (const volume of one.volumes)
      assert.ok(
        Object.keys(volume).some((key) => allowed.includes(key)),
        JSON.stringify(volume),
      );
    for (const { securityContext, resources } of one.containers) {
      assert.deepEqual(securityContext["capabilities"], { drop: ["ALL"] });
      assert.deepEqual([securityContext["allowPrivilegeEscalation"], securityContext["readOnlyRootFilesystem"]], [false, true]);
      assert.equal(resources.limits["cpu"], undefined, "a throttled node is silent");
    }
  }
});

test("each kind of pod runs under an account of its own, which has no token to mount", () => {
  const runs = [podSpec(pod()), templateSpec(deployment)].map(({ serviceAccountName }) => serviceAccountName);
  const accounts = [nodeAccount(farm), gatewayAccount(farm)];
  assert.deepEqual(
    runs,
    accounts.map(({ metadata }) => metadata.name),
  );
  assert.notEqual(runs[0], runs[1]);
  for (const { automountServiceAccountToken, ...account } of accounts) {
    assert.equal(automountServiceAccountToken, false);
    assert.equal(account.metadata.ownerReferences?.[0]?.uid, farm.uid, "it goes with the farm");
  }
});

test("a vault node reads its environment as the farm says", () => {
  const config = readNodeConfig(environment(podSpec(pod())));
  assert.deepEqual(
    [config.vaults, config.vaultCapacity, config.zone, config.host, config.listenIp, config.founder, config.adminPublicKey],
    [3, spec.vaultCapacity, "za", "machine-1", "10.1.2.3", true, adminPublicKey],
  );
  assert.deepEqual(
    [config.repairDelayMs, config.profile, config.ports.admin, config.ports.heartbeat],
    [300_000, "lan", adminPort, heartbeatPort],
  );
});

test("a gateway reads its environment as the farm says, and knows every name it is called by", () => {
  const config = readGatewayConfig(environment(templateSpec(deployment)));
  assert.deepEqual([config.writes, config.quota.perDay, config.networkIp, config.host], ["open", 2 ** 40, "10.1.2.3", "0.0.0.0"]);
  const names = ["attic-gateway", "attic-gateway.farms", "attic-gateway.farms.svc", "attic-gateway.farms.svc.cluster.local"];
  assert.deepEqual(config.extraHosts, [...names, "10.0.0.7", "farm.example", "10.1.2.3"]);
  assert.ok(config.leaveAfterMs > 0 && config.leaveAfterMs < config.stopGraceMs, "it serves on until nobody is sent to it");
  const { writes: _writes, ...closed } = spec.gateway;
  const other = gatewayDeployment({ farm, spec: { ...spec, gateway: closed }, image, serviceIps: [] });
  assert.equal(readGatewayConfig(environment(templateSpec(other))).writes, "off", "a cluster's gateway is closed unless opened");
});

test("a farm that hibernates runs no gateways either", () => {
  const replicasOf = (one: VaultFarmSpec): unknown =>
    Reflect.get(gatewayDeployment({ farm, spec: one, image, serviceIps: [] })["spec"] as object, "replicas");
  assert.deepEqual([replicasOf(spec), replicasOf({ ...spec, replicas: 0 })], [2, 0]);
});

test("gateways find the Redis that they share where the farm says, and room on disk; what fits the kinds fits them", () => {
  const gateway = {
    replicas: 2,
    redisSecretRef: { name: "cache", key: "link" },
    cacheDisk: "2Gi",
    extraHosts: Array.from({ length: 48 }, (_, i) => `host-${i}.example`),
    writes: "off",
    httpRoute: { parentRefs: [{ name: "edge" }], hostnames: Array.from({ length: 8 }, (_, i) => `route-${i}.example`) },
  };
  const shared = vaultFarmSpecSchema.parse({ replicas: 5, vaultCapacity: "1Gi", gateway });
  const one = templateSpec(gatewayDeployment({ farm, spec: shared, image, serviceIps: ["10.0.0.7", "fd00::7"] }));
  const config = readGatewayConfig(environment(one));
  assert.deepEqual([config.redisUrlFile, config.cacheDisk, config.extraHosts.length], ["/etc/vaultfarm/redis/url", 2 ** 31, 63]);
  const data = one.volumes.find(({ name }) => name === "data") as { readonly emptyDir: { readonly sizeLimit: string } };
  const kept = config.cacheDisk * 1.1 + (config.spool ?? assert.fail("uploads of unknown length could fill the machine's disk"));
  assert.ok(Number(data.emptyDir.sizeLimit) > kept, "a full cache and uploads are no reason to be evicted");
  assert.ok(Number(data.emptyDir.sizeLimit) < kept + 2 ** 30, "and no more of the machine's disk than that is taken");
  const volume = one.volumes.find(({ name }) => name === "redis");
  assert.deepEqual(volume?.["secret"], { secretName: "cache", defaultMode: 0o440, items: [{ key: "link", path: "url" }] });
});

test("the network's Secret is whole, and pods see nothing of it that commands nodes", () => {
  const beginning = { copies: spec.copies, vaultCapacity: spec.vaultCapacity, createdAtMs: 1 };
  const secret = newNetworkSecret(farm, beginning, seededRandom(1));
  assert.deepEqual([secret.metadata.name, secret.metadata.ownerReferences], ["attic-network", undefined]);
  const read = readNetworkSecret(secret["data"] as Record<string, string>);
  assert.ok(read.ok && read.keys.genesis.copies.min === 4);
  for (const one of [podSpec(pod()), templateSpec(deployment)]) {
    const text = JSON.stringify(one.volumes);
    assert.ok(text.includes("network.key") && !text.includes("seed"), text);
  }
  assert.equal(readNetworkSecret(undefined).ok, false);
  assert.equal(readNetworkSecret({ ...(secret["data"] as Record<string, string>), "owner.seed": "eA==" }).ok, false);
  const grant = newGrantSecret(farm, read.keys, seededRandom(2))["data"] as Record<string, string>;
  const seed = Buffer.from(
    Buffer.from(grant["grant.seed"] ?? "", "base64")
      .toString()
      .trim(),
    "hex",
  );
  const peer = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(seed)).publicKey);
  assert.ok(checkGrant(read.keys.genesis, new Uint8Array(Buffer.from(grant["grant"] ?? "", "base64")), peer, 0).ok);
});

test("what holds data has no owner, what does not goes with its farm or node", () => {
  const claim = volumeClaim({ farm, name: "attic-abcde", storage: spec.storage, bytes: 3 * 2 ** 20 + 1 });
  assert.equal(claim.metadata.ownerReferences, undefined);
  assert.equal(claim.metadata.labels?.[labels.farmUid], farm.uid);
  assert.deepEqual((claim["spec"] as { resources: unknown }).resources, { requests: { storage: "4Mi" } });
  const owned = [gatewayService(farm, spec), nodesService(farm), deployment, peersConfigMap(farm, []), disruptionBudget(farm, 4)];
  for (const { metadata } of owned) assert.equal(metadata.ownerReferences?.[0]?.uid, farm.uid, metadata.name);
  assert.equal(pod().metadata.ownerReferences?.[0]?.kind, "VaultNode");
});

test("names fit where the farm's name is as long as it may be", () => {
  const longest = "a".repeat(40);
  for (const name of Object.values(objectNames)) assert.ok(name(longest).length <= 63);
  assert.ok(selectorText(longest, "node").length <= 256);
});

test("without zones a pod goes anywhere, and required spreading keeps two nodes apart", () => {
  assert.equal(podSpec(pod({ zone: "" })).affinity.nodeAffinity, undefined);
  const required = pod({ spec: { ...spec, topology: { ...spec.topology, spread: "Required" } } });
  assert.ok("requiredDuringSchedulingIgnoredDuringExecution" in podSpec(required).affinity.podAntiAffinity);
});

test("the peers file is the same whoever was seen first", () => {
  const address = (ip: string) => ({ ip, libp2p: 1, lane: 2, heartbeat: 3 });
  const data = (ips: readonly string[]): unknown => peersConfigMap(farm, ips.map(address))["data"];
  assert.deepEqual(data(["10.0.0.2", "10.0.0.1"]), data(["10.0.0.1", "10.0.0.2"]));
});
