// Proves that a farm which declares more than nine tenths of the room is refused with a value that fits: arithmetic over
// all sizes, and the disk of this machine.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseQuantity } from "../../operator/api/quantity.ts";
import { checkDiskRoom, roomProblem } from "./disk-room.ts";
import { FarmError } from "./farm-error.ts";

const mib = 2 ** 20;
const gateway = { replicas: 2, cacheDisk: 0 };

test("the value that is named fits, and one MiB more would not", () => {
  const sizes = fc.tuple(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 16, max: 100_000 }),
    fc.integer({ min: 1, max: 10_000_000 }),
  );
  fc.assert(
    fc.property(sizes, ([replicas, vaultsPerNode, capacityMib, roomMib]) => {
      const declared = { replicas, vaultsPerNode, vaultCapacity: capacityMib * mib, gateway };
      const problem = roomProblem(declared, roomMib * mib);
      const fits = replicas * vaultsPerNode * capacityMib <= roomMib * 0.9;
      assert.equal(problem === undefined, fits);
      const named = /spec\.vaultCapacity: (\S+) would fit/.exec(problem ?? "")?.[1];
      if (named === undefined) return;
      const vaultCapacity = parseQuantity(named) ?? 0;
      assert.equal(roomProblem({ ...declared, vaultCapacity }, roomMib * mib), undefined);
      assert.notEqual(roomProblem({ ...declared, vaultCapacity: vaultCapacity + mib }, roomMib * mib), undefined);
    }),
  );
});

test("where no vault would fit, the ways out are named", () => {
  assert.match(
    roomProblem({ replicas: 8, vaultsPerNode: 3, vaultCapacity: 512 * mib, gateway }, 100 * mib) ?? "",
    /fewer nodes or vaults, or another disk/,
  );
});

test("what the gateways' caches may take is no room for vaults, and is named", () => {
  const declared = { replicas: 4, vaultsPerNode: 1, vaultCapacity: 100 * mib, gateway: { replicas: 2, cacheDisk: 50 * mib } };
  assert.equal(roomProblem(declared, 545 * mib), undefined);
  assert.match(roomProblem(declared, 540 * mib) ?? "", /less 100 MiB for spec\.gateway\.cacheDisk\); spec\.vaultCapacity: 99Mi would fit/);
  assert.match(roomProblem(declared, 90 * mib) ?? "", /room for 0 B /);
});

test("this machine's disk has no room for a farm of exabytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "disk-room-"));
  try {
    const declared = { replicas: 1000, vaultsPerNode: 256, vaultCapacity: 2 ** 46, gateway };
    await assert.rejects(
      checkDiskRoom(folder, [folder], declared),
      (error) => error instanceof FarmError && error.code === "disk-too-small",
    );
    await checkDiskRoom(folder, [join(folder, "not-there")], { replicas: 1, vaultsPerNode: 1, vaultCapacity: 1, gateway });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
