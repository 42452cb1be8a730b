// Proves that two nodes with one identity (a copied volume) end well: the older copy stops itself and says where both
// are, the farm goes on with eight nodes and all its data.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { farmFolder } from "../../src/cli/local-farm/farm-folder.ts";
import { readFarmKeys } from "../../src/cli/local-farm/farm-keys.ts";
import { readFarmState } from "../../src/cli/local-farm/farm-state.ts";
import { chooseFreePorts } from "../../src/cli/local-farm/free-port.ts";
import { vaultNodeEnv } from "../../src/cli/local-farm/member-settings.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, type Stored, store } from "../support/objects.ts";

const bytes = noise(5 * 2 ** 20, 10);
let farm: Farm;
let stored: Stored;
before(async () => {
  farm = await startFarm({ gateways: 1 });
  stored = await store(farm.gateway(0), bytes);
});
after(() => farm?.remove());

test("the older copy stops itself and names both addresses; nothing is lost", async () => {
  await farm.stop();
  const [victim = assert.fail()] = (await readdir(join(farm.data, "nodes"))).toSorted();
  const copy = join(farm.folder, "copy");
  await cp(join(farm.data, "nodes", victim), copy, { recursive: true });
  farm = await startFarm({ gateways: 1, folder: farm.folder });
  await restartOnce(victim);
  const ended = await runCopy(victim, copy);
  assert.notEqual(ended.code, 0);
  const [original, twin] = [`127.0.0.1:${ended.originalPort}`, `127.0.0.1:${ended.copyPort}`];
  assert.ok(
    ended.said.includes(String(ended.originalPort)) && ended.said.includes(String(ended.copyPort)),
    `names ${original} and ${twin}: ${ended.said}`,
  );
  const { nodes } = await farm.status();
  assert.equal(nodes.filter(({ state }) => state === "ready").length, 8);
  await assertReads(farm.gateway(0), stored.address, bytes);
});

// One more start than the copy will have, so that it is clear which of the two is the older.
async function restartOnce(name: string): Promise<void> {
  const peerId = (await readFarmState(farmFolder(join(farm.folder, ".vaultfarm"), "attic")))?.nodes.find(
    (node) => node.name === name,
  )?.peerId;
  const before = farm.view.nodes.find((node) => node.peerId === peerId) ?? assert.fail();
  process.kill(before.pid ?? 0, "SIGKILL");
  await until("the original is back", async () =>
    (await farm.status()).nodes.some((node) => node.peerId === peerId && node.state === "ready" && node.pid !== before.pid),
  );
}

type Ended = { readonly code: number | null; readonly said: string; readonly originalPort: number; readonly copyPort: number };

async function runCopy(name: string, dataDir: string): Promise<Ended> {
  const folder = farmFolder(join(farm.folder, ".vaultfarm"), "attic");
  const state = (await readFarmState(folder)) ?? assert.fail();
  const node = state.nodes.find((other) => other.name === name) ?? assert.fail();
  const [libp2p = 0, lane = 0, heartbeat = 0, health = 0, admin = 0] = await chooseFreePorts(
    5,
    new Set(Object.values(node.ports)),
    systemRandom,
  );
  const ports = { libp2p, lane, heartbeat, health, admin };
  const { admin: adminKey } = await readFarmKeys(folder);
  const spec = { network: { profile: "lan" }, repair: { delaySeconds: 300 } } as const;
  const env = {
    ...vaultNodeEnv(folder, state, { ...node, ports }, { adminPublicKey: adminKey.publicKey, spec }),
    VAULTFARM_DATA_DIR: dataDir,
    VAULTFARM_FOUNDER: "false",
  };
  const entry = fileURLToPath(new URL("../../src/vault-node/main.ts", import.meta.url));
  const child = spawn(process.execPath, [entry], { env: { PATH: process.env["PATH"] ?? "", ...env }, stdio: ["ignore", "ignore", "pipe"] });
  try {
    const [[code], said] = await Promise.all([once(child, "exit", { signal: AbortSignal.timeout(60_000) }), text(child.stderr)]);
    return { code: code as number | null, said, originalPort: node.ports.libp2p, copyPort: libp2p };
  } finally {
    child.kill("SIGKILL");
  }
}
