// Proves that the owner confirms the first members once only: nothing is signed while a node is silent, unknown or of an older version, nor where
// the farm is founded already; and what was signed once is offered again to the letter, whoever is there by then. Method: real health
// servers that answer as nodes do, a farm's real keys, a commander that writes down what it is handed.
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { readCertificate } from "../../protocol/certificate.ts";
import { stoppedFarm } from "./farm-fixture.ts";
import type { FarmFolder } from "./farm-folder.ts";
import { type FarmKeys, readFarmKeys } from "./farm-keys.ts";
import type { NodePlace } from "./farm-state.ts";
import { foundMembership } from "./first-certificate.ts";
import { nodesSaying, readyStatus as status, unfounded } from "./node-fixture.ts";

const work = mkdtempSync(join(tmpdir(), "first-certificate-"));
after(() => rmSync(work, { recursive: true, force: true }));
let folder: FarmFolder;
let keys: FarmKeys;
beforeEach(async () => {
  folder = await stoppedFarm(work);
  keys = await readFarmKeys(folder);
});

const handed: Uint8Array[] = [];
const found = (nodes: readonly NodePlace[], ok = true): Promise<boolean> => {
  handed.length = 0;
  const certify = async (_: unknown, bytes: Uint8Array) => {
    handed.push(bytes);
    return ok ? ({ ok } as const) : ({ ok, why: "not now" } as const);
  };
  return foundMembership({ folder, keys, commander: { certify } }, nodes);
};

test("all nodes are confirmed by one certificate of the owner, handed to one of them", async (context) => {
  const nodes = await nodesSaying(context, [status, status, status]);
  assert.equal(await found(nodes), true);
  const read = readCertificate(keys.genesis.networkId, handed[0] ?? new Uint8Array());
  assert.ok(read.ok && handed.length === 1);
  const { sequence, joining, leaving } = read.value.statement;
  assert.deepEqual([sequence, joining, leaving], [1, nodes.map(({ peerId }) => peerId).sort(), []]);
});

test("what was signed once is offered again to the letter, also where other nodes are there by then", async (context) => {
  const nodes = await nodesSaying(context, [status, status, status, status]);
  assert.equal(await found(nodes.slice(0, 3), false), false, "not taken: tried again");
  const [first] = handed;
  assert.equal(await found(nodes), true);
  assert.deepEqual(handed[0], first, "a second first certificate would be a second truth");
});

test("nothing is signed while a node is silent, of an older version, or its identity is not known, nor without nodes", async (context) => {
  const { membership: _, ...older } = status;
  const ready = await nodesSaying(context, [status, status]);
  const [silent] = await nodesSaying(context, ["silent"]);
  const [old] = await nodesSaying(context, [older]);
  const { peerId: _id, ...unknown } = ready[1] ?? assert.fail();
  for (const nodes of [[...ready, silent ?? assert.fail()], [...ready, old ?? assert.fail()], [...ready.slice(0, 1), unknown], []]) {
    assert.equal(await found(nodes), false);
    assert.equal(handed.length, 0);
  }
  assert.equal(existsSync(folder.firstCertificate), false);
});

test("where a node knows a certificate the farm is founded: nothing is signed, though others are silent", async (context) => {
  const member = { ...status, membership: { ...unfounded, state: "whole" as const, sequence: 4 } };
  const nodes = await nodesSaying(context, [status, member, "silent"]);
  assert.equal(await found(nodes), true);
  assert.deepEqual([handed.length, existsSync(folder.firstCertificate)], [0, false]);
});
