// Proves that a disk which fills up under a farm loses nothing and serves nothing torn: a farm on a small file system in
// memory, filled to the last byte by somebody else; writes are refused in words, reads go on, also when a node is killed
// meanwhile; room makes writing possible again, and brings the node back. Needs the right to mount.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { until } from "../support/deadline.ts";
import { type Farm, startFarm } from "../support/farm.ts";
import { assertReads, noise, read, store } from "../support/objects.ts";

const folder = mkdtempSync(join(tmpdir(), "full-disk-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=400m", "vaultfarm-test", folder]).status === 0;
const skip = mounted ? false : "this user may not mount a tmpfs";
const bytes = noise(6 * 2 ** 20, 8);
const ballast = join(folder, "ballast");
let farm: Farm | undefined;

before(async () => {
  if (mounted) farm = await startFarm({ nodes: 5, vaultCapacity: "32Mi", folder });
});
after(async () => {
  await farm?.remove();
  if (mounted) spawnSync("umount", [folder]);
  rmSync(folder, { recursive: true, force: true });
});

// Writes to the end of a file until the file system takes no more.
async function fill(path: string, block: Buffer): Promise<void> {
  const file = await open(path, "a");
  try {
    for (;;) await file.write(block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    await file.close();
  }
}

/** To the last byte, those of the pages that the members' logs have begun too: their next lines find no room either. */
async function fillDisk({ data }: Farm): Promise<void> {
  await fill(ballast, Buffer.alloc(2 ** 20, 1));
  const logs = join(data, "logs");
  for (const log of await readdir(logs)) await fill(join(logs, log), Buffer.alloc(512, "\n"));
}

async function readyNodes(running: Farm): Promise<number> {
  return (await running.status()).nodes.filter(({ state }) => state === "ready").length;
}

async function logs({ data }: Farm): Promise<string> {
  const folder = join(data, "logs");
  const all = (await readdir(folder)).map((log) => readFile(join(folder, log), "utf8"));
  return (await Promise.all(all)).join("\n");
}

test("a full disk refuses writes in words, keeps what it has, and takes writes again once there is room", { skip }, async () => {
  const running = farm ?? assert.fail();
  const stored = await store(running.gateway(0), bytes);
  await fillDisk(running);
  const refused = await until("a write is refused", async () => {
    const answer = await fetch(`${running.gateway(0)}/v1/objects`, { method: "POST", body: noise(4 * 2 ** 20, performance.now()) });
    return { status: answer.status, type: answer.headers.get("content-type") ?? "", text: await answer.text() };
  });
  assert.ok([503, 507].includes(refused.status), `${refused.status} ${refused.text}`);
  assert.match(refused.type, /problem\+json/);
  await assertReads(running.gateway(1), stored.address, bytes);
  assert.equal(await readyNodes(running), 5, "no node died of it");
  // Its supervisor cannot write down what it does about this one.
  const killed = running.view.nodes[1] ?? assert.fail();
  process.kill(killed.pid ?? assert.fail("it does not run"), "SIGKILL");
  await until("it is missed", async () => (await readyNodes(running)) === 4);
  await assertReads(running.gateway(1), stored.address, bytes);
  await rm(ballast);
  await until("it runs again", async () => (await readyNodes(running)) === 5);
  const fresh = noise(2 ** 20, 9);
  const later = await until("writing works again", async () => {
    const answer = await fetch(`${running.gateway(0)}/v1/objects`, { method: "POST", body: fresh });
    const text = await answer.text();
    return answer.status === 201 ? (JSON.parse(text) as { address: string }) : undefined;
  });
  await assertReads(running.gateway(1), later.address, fresh);
  assert.equal((await read(running.gateway(1), stored.address)).status, 200);
  // What was to be told while there was no room for it.
  await until("the logs tell of it", async () => /"the disk is full".*"the chunk store takes no more chunks"/.test(await logs(running)));
});
