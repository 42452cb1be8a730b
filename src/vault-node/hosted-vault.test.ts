// Proves which state a vault is in for everything that decides it, and when a disk counts as low. Method: the pure rules.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { desiredStates } from "../protocol/states.ts";
import { freeReserve } from "./chunk-store/store-limits.ts";
import { type VaultFacts, vaultStateOf } from "./hosted-vault.ts";

const healthy: VaultFacts = { desired: "active", joined: true, writable: true, lowDisk: false, used: 0, capacity: 100 };
const gib = 1024 ** 3;

test("a healthy vault is active once joined", () => {
  assert.equal(vaultStateOf(healthy), "active");
  assert.equal(vaultStateOf({ ...healthy, joined: false }), "joining");
});

test("it cordons itself at 95 %, on a low disk, and where the store is read-only", () => {
  assert.equal(vaultStateOf({ ...healthy, used: 94 }), "active");
  for (const trouble of [{ used: 95 }, { lowDisk: true }, { writable: false }])
    assert.equal(vaultStateOf({ ...healthy, ...trouble }), "cordoned");
});

test("what a person wants goes before all that", () => {
  for (const desired of desiredStates.filter((state) => state !== "active"))
    assert.equal(vaultStateOf({ ...healthy, desired, writable: false, joined: false }), desired);
});

test("a disk is low below 3 % or 1 GiB; on a tiny one below 3 %", () => {
  assert.equal(freeReserve(100 * gib), 3 * gib);
  assert.equal(freeReserve(10 * gib), gib);
  assert.equal(freeReserve(gib / 4), (gib / 4) * 0.03);
});
