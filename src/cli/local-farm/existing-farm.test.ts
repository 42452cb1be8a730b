// Proves that a farm may grow and never loses data by a manifest: each change that is refused, with its sentence.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type VaultFarmSpec, vaultFarmSpecSchema } from "../../operator/api/vault-farm.ts";
import { changesLeftOut, conflictsWithFarm, nodesProblem } from "./existing-farm.ts";
import type { FarmState, NodePlace } from "./farm-state.ts";

const copies = { min: 4, target: 5, max: 8 };
const spec = vaultFarmSpecSchema.parse({ replicas: 4, vaultsPerNode: 3, vaultCapacity: "512Mi", copies });
const place = (name: string): NodePlace => ({
  name,
  zone: "",
  ports: { libp2p: 1, lane: 2, heartbeat: 3, health: 4, admin: 5 },
  granted: true,
});
const state: FarmState = {
  format: 1,
  name: "attic",
  vaultsPerNode: 3,
  vaultCapacity: 2 ** 29,
  nodes: ["a", "b", "c", "d"].map(place),
  gateways: [],
};
const conflicts = (change: Partial<VaultFarmSpec>): readonly string[] =>
  conflictsWithFarm({ ...spec, ...change }, state, copies).map(({ message }) => message);

test("the same, more or fewer nodes, larger vaults, other gateways and zones are fine", () => {
  assert.deepEqual(conflicts({}), []);
  assert.deepEqual(conflictsWithFarm(spec, { ...state, nodes: ["a", "b", "c", "d", "e", "f"].map(place) }, copies), []);
  const [gateway, topology] = [
    { ...spec.gateway, replicas: 5 },
    { ...spec.topology, zones: ["a"] },
  ];
  assert.deepEqual(conflicts({ replicas: 9, vaultCapacity: 2 ** 30, gateway, topology }), []);
});

test("what would lose data or break the network's policy is refused by name", () => {
  assert.match(conflicts({ vaultsPerNode: 2 })[0] ?? "", /^spec\.vaultsPerNode: fixed at 3 .* got 2/);
  assert.match(
    conflicts({ vaultCapacity: 2 ** 28 })[0] ?? "",
    /^spec\.vaultCapacity: on this machine it may only grow, expected 512Mi or more, got 256Mi; for less run fewer nodes \(vaultfarm scale\)/,
  );
  assert.match(conflicts({ copies: { min: 3, target: 5, max: 8 } })[0] ?? "", /^spec\.copies\.min: fixed at 4 .* got 3/);
});

test("no farm has fewer nodes than each chunk has copies", () => {
  assert.equal(nodesProblem({ replicas: 4, copies }), undefined);
  for (const replicas of [3, 0])
    assert.match(nodesProblem({ replicas, copies }) ?? "", new RegExp(`^expected 4 or more, got ${replicas}: `));
});

test("a running farm leaves out what differs from what it is brought to, not from what it has just now", () => {
  const running = { ...state, wantedNodes: 3 };
  assert.deepEqual(changesLeftOut({ ...spec, replicas: 3, gateway: { ...spec.gateway, replicas: 0 } }, running), []);
  assert.deepEqual(changesLeftOut({ ...spec, gateway: { ...spec.gateway, replicas: 0 } }, running, 99), [
    "4 nodes instead of 3",
    "port 99 instead of none",
  ]);
});
