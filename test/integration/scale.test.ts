// Proves that a farm that runs takes more nodes and gives nodes away without a stop and without a copy too few: fewer than copies.min are refused,
// a removal is taken back midway, goes on where `up` was killed in its middle, and ends with the copies proven, the folder put aside,
// the node out of the certificate, and every byte there. Method: real processes, one farm of five nodes, its commands as a person types them.
import { strict as assert } from "node:assert";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { exitCodes } from "../../src/cli/exit-code.ts";
import type { FarmView } from "../../src/cli/local-farm/farm-view.ts";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const content = noise(5 * 2 ** 20, 3);
let farm: Farm;
let stored: Stored;
before(async () => {
  farm = await startFarm({ nodes: 5, gateways: 1 });
  stored = await store(farm.gateway(0), content);
});
after(() => farm?.remove());

const names = ({ nodes }: FarmView): readonly string[] => nodes.map(({ name }) => name).sort();
const vaultState = (view: FarmView, name: string | undefined): string | undefined =>
  view.nodes.find((node) => node.name === name)?.vaults[0]?.state;
const leaver = async (): Promise<string> => {
  const [step] = await until("a node was chosen to leave", async () => {
    const { plan } = await farm.status();
    return plan.length > 0 ? plan : undefined;
  });
  return step?.node ?? assert.fail();
};
const errorOf = (err: string): string => (JSON.parse(err) as { readonly error: { readonly code: string } }).error.code;

test("fewer nodes than copies.min are refused, and nothing is removed", async () => {
  const refused = await farm.run("scale", "3", "--json");
  assert.deepEqual([refused.code, errorOf(refused.err)], [exitCodes.refused, "too-few-nodes"]);
  const view = await farm.status();
  assert.deepEqual([view.nodes.length, view.plan], [5, []]);
});

test("raising the number midway takes the removal back, and the farm grows while it runs", async () => {
  const before = names(await farm.status());
  const fewer = farm.run("scale", "4", "--json");
  const name = await leaver();
  await until("it drains", async () => vaultState(await farm.status(), name) === "draining");
  const raised = await farm.run("scale", "6", "--json");
  assert.equal(raised.code, exitCodes.done, raised.err);
  assert.deepEqual(JSON.parse(raised.out), { farm: "attic", nodes: 6, before: 4, ready: true });
  const overtaken = await fewer;
  assert.deepEqual([overtaken.code, errorOf(overtaken.err)], [exitCodes.refused, "changed"]);
  const view = await until("it takes part again", async () => {
    const now = await farm.status();
    return vaultState(now, name) === "active" ? now : undefined;
  });
  assert.ok(view.nodes.length === 6 && before.every((other) => names(view).includes(other)), "nobody went");
});

test("a removal goes on after `up` was killed in its middle, and ends with the proof", async () => {
  const before = names(await farm.status());
  const cut = farm.run("scale", "5", "--json");
  const name = await leaver();
  process.kill(farm.upPid, "SIGKILL");
  assert.equal((await cut).code, exitCodes.unreachable);
  farm = await startFarm({ nodes: 5, gateways: 1, folder: farm.folder });
  assert.deepEqual(names(await farm.status()), before, "nothing was taken away unproven");
  assert.equal(await leaver(), name, "the choice is remembered");
  const watched = await farm.run("scale", "5", "--json");
  assert.equal(watched.code, exitCodes.done, watched.err);
  const view = await farm.status();
  assert.deepEqual(
    names(view),
    before.filter((other) => other !== name),
  );
  assert.deepEqual(await readdir(join(farm.data, "kept")), [name]);
  await until("all agree that five are confirmed", async () =>
    (await farm.status()).nodes.every(({ membership }) => membership?.confirmed === 5 && membership.reachable === 5),
  );
  await assertReads(farm.gateway(0), stored.address, content);
});
