// Proves that a manifest is read with its defaults, and that a wrong one is refused with every wrong field named, what is
// allowed there, and the value found: by reading the sample that ships with the package and spoilt copies of it.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { manifestLengthMax, readManifest } from "./read-manifest.ts";

const head = "apiVersion: vaultfarm.dev/v1alpha1\nkind: VaultFarm\nmetadata: {name: attic}\n";
const farm = (spec: string): string => `${head}spec: ${spec}\n`;

function problemsOf(text: string): readonly string[] {
  const reading = readManifest(text);
  assert.equal(reading.ok, false, `accepted: ${text}`);
  return reading.ok ? [] : reading.problems.map(({ message }) => message);
}

test("the sample farm is what the pages promise", () => {
  const reading = readManifest(readFileSync("deploy/samples/attic.yaml", "utf8"));
  assert.ok(reading.ok);
  const { replicas, vaultsPerNode, vaultCapacity, copies, gateway } = reading.farm.spec;
  assert.deepEqual({ replicas, vaultsPerNode, vaultCapacity }, { replicas: 8, vaultsPerNode: 3, vaultCapacity: 512 * 2 ** 20 });
  assert.deepEqual(copies, { min: 4, target: 5, max: 8 });
  assert.deepEqual({ replicas: gateway.replicas, writes: gateway.writes }, { replicas: 2, writes: "open" });
});

test("what is left out has its default", () => {
  const reading = readManifest(farm("{replicas: 5, vaultCapacity: 1Gi}"));
  assert.ok(reading.ok);
  const request = { requests: { cpu: "100m", memory: "256Mi" }, limits: {} };
  assert.deepEqual(reading.farm.spec, {
    replicas: 5,
    vaultsPerNode: 1,
    vaultCapacity: 2 ** 30,
    copies: { min: 4, target: 5, max: 8 },
    gateway: {
      replicas: 1,
      quota: { keepFreePercent: 5 },
      corsWrites: [],
      trustedProxies: [],
      extraHosts: [],
      cacheMemory: 64 * 2 ** 20,
      cacheDisk: 0,
      service: { type: "ClusterIP", annotations: {} },
      resources: request,
    },
    network: { profile: "lan" },
    repair: { delaySeconds: 300, lostAfterSeconds: 1800 },
    storage: { reclaimPolicy: "Retain" },
    topology: { zones: [], zoneKey: "topology.kubernetes.io/zone", hostKey: "kubernetes.io/hostname", spread: "Preferred" },
    pod: { resources: request, nodeSelector: {}, tolerations: [], annotations: {} },
    update: { behaviourVersion: 1 },
    monitoring: { serviceMonitor: false, labels: {} },
    paused: false,
  });
});

const wrong: readonly (readonly [string, string, RegExp])[] = [
  [
    "a range of proxies that is none",
    "{replicas: 5, vaultCapacity: 1Gi, gateway: {trustedProxies: ['fd00::/8', '10.0.0.0/33']}}",
    /^spec\.gateway\.trustedProxies\[1\]: expected an address or range such as 10\.0\.0\.0\/8, got "10\.0\.0\.0\/33"$/,
  ],
  ["a number too large", "{replicas: 100000, vaultCapacity: 1Gi}", /^spec\.replicas: expected a whole number from 0 to 1000, got 100000$/],
  ["a word for a number", "{replicas: many, vaultCapacity: 1Gi}", /^spec\.replicas: expected a whole number .*, got "many"$/],
  ["a fraction", "{replicas: 4.5, vaultCapacity: 1Gi}", /^spec\.replicas: expected a whole number .*, got 4\.5$/],
  ["a missing field", "{replicas: 8}", /^spec\.vaultCapacity: missing; expected an amount of bytes/],
  [
    "a unit that does not exist",
    "{replicas: 8, vaultCapacity: 512MB}",
    /^spec\.vaultCapacity: expected an amount of bytes.*, got "512MB"$/,
  ],
  ["a vault too small", "{replicas: 8, vaultCapacity: 1Ki}", /^spec\.vaultCapacity: expected .* from 16 MiB to 64 TiB, got "1Ki"$/],
  ["a slip of the pen", "{replica: 8, replicas: 8, vaultCapacity: 1Gi}", /^spec\.replica: no such field; did you mean "replicas"\?$/],
  ["another capital", "{replicas: 8, vaultcapacity: 1Gi, vaultCapacity: 1Gi}", /^spec\.vaultcapacity: .*did you mean "vaultCapacity"\?$/],
  [
    "a field of a later version",
    "{replicas: 8, vaultCapacity: 1Gi, economy: {}}",
    /^spec\.economy: no such field; known here: replicas, vaultsPerNode/,
  ],
  [
    "an amount in words",
    '{replicas: 8, vaultCapacity: "10 Gibibytes"}',
    /^spec\.vaultCapacity: expected an amount of bytes such as "512Mi".*, got "10 Gibibytes"$/,
  ],
  [
    "a farm open to others that does not say who may store",
    "{replicas: 8, vaultCapacity: 1Gi, gateway: {service: {type: LoadBalancer}}}",
    /^spec\.gateway\.service: expected ClusterIP, or gateway\.writes .*, got LoadBalancer$/,
  ],
  [
    "growing to less than there is",
    "{replicas: 8, vaultCapacity: 1Gi, storage: {autogrow: {max: 512Mi}}}",
    /^spec\.storage\.autogrow: expected a max of vaultCapacity or more, got 512Mi where each vault declares 1 GiB$/,
  ],
  [
    "a limit of processor time, which there is not",
    "{replicas: 8, vaultCapacity: 1Gi, pod: {resources: {limits: {cpu: 1}}}}",
    /^spec\.pod\.resources\.limits\.cpu: no such field; known here: memory$/,
  ],
  ["no nodes at all, here", "{replicas: 0, vaultCapacity: 1Gi}", /^spec\.replicas: 0 nodes cannot hold 4 copies/],
  [
    "a nested slip",
    "{replicas: 8, vaultCapacity: 1Gi, gateway: {write: open}}",
    /^spec\.gateway\.write: no such field; did you mean "writes"\?$/,
  ],
  [
    "a word outside the set",
    "{replicas: 8, vaultCapacity: 1Gi, gateway: {writes: yes}}",
    /^spec\.gateway\.writes: expected one of "off", "open", got "yes"$/,
  ],
  ["a list for a mapping", "{replicas: 8, vaultCapacity: 1Gi, copies: [4]}", /^spec\.copies: expected a mapping of fields, got \[4\]$/],
  [
    "copies out of order",
    "{replicas: 8, vaultCapacity: 1Gi, copies: {min: 6, target: 5}}",
    /^spec\.copies: expected min <= target <= max, got 6, 5, 8$/,
  ],
  [
    "fewer nodes than copies",
    "{replicas: 3, vaultCapacity: 1Gi}",
    /^spec\.replicas: 3 nodes cannot hold 4 copies; either set .* or lower spec\.copies\.min/,
  ],
];
for (const [what, spec, expected] of wrong)
  test(`refused: ${what}`, () => {
    const problems = problemsOf(farm(spec));
    assert.ok(
      problems.some((message) => expected.test(message)),
      problems.join("\n"),
    );
  });

test("all problems are named at once, each once", () => {
  const problems = problemsOf("kind: VaultFarm\nmetadata: {name: Attic_}\nspec: {replicas: -1, vaultCapacity: x}\n");
  assert.deepEqual(
    problems.map((message) => message.split(":")[0]),
    ["apiVersion", "metadata.name", "spec.replicas", "spec.vaultCapacity"],
  );
});

test("what is not YAML, not a mapping, doubled or far too long is refused in words", () => {
  assert.match(problemsOf("a: [1")[0] ?? "", /^the manifest: not YAML/);
  assert.match(problemsOf("")[0] ?? "", /^the manifest: expected a VaultFarm manifest/);
  assert.match(problemsOf("kind: a\nkind: b")[0] ?? "", /not YAML: Map keys must be unique/);
  assert.match(problemsOf("#".repeat(manifestLengthMax + 1))[0] ?? "", /longer than/);
});

test("no text makes the reader throw", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => typeof readManifest(text).ok === "boolean"));
});
