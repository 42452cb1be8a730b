// Proves that `up` refuses what cannot work before it starts anything, with a sentence that names the field, the port's
// holder or the value that fits: the real command line as a process.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type CommandResult, runCommand } from "../support/command.ts";
import { manifest } from "../support/farm.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "refusals-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function up(text: string, ...args: readonly string[]): Promise<CommandResult> {
  await writeFile(join(folder, "farm.yaml"), text);
  return runCommand(["up", "-f", "farm.yaml", ...args], folder);
}
const nothingRuns = async (): Promise<void> => {
  const logs = await readdir(join(folder, ".vaultfarm/attic/logs")).catch(() => []);
  assert.deepEqual(logs, []);
};

test("a manifest with wrong fields names each, what is allowed, and the value", async () => {
  const wrong = manifest({}).replace("replicas: 8", "replica: 8").replace("64Mi", "64MB");
  const { code, err } = await up(wrong);
  assert.equal(code, 2);
  assert.match(err, /spec\.replica: no such field; did you mean "replicas"\?/);
  assert.match(err, /spec\.replicas: missing; expected a whole number from 0 to 1000/);
  assert.match(err, /spec\.vaultCapacity: expected an amount of bytes such as "512Mi".*got "64MB"/);
  await nothingRuns();
});

test("fewer nodes than copies: both ways out are named", async () => {
  const { code, err } = await up(manifest({ nodes: 3 }));
  assert.equal(code, 2);
  assert.match(err, /3 nodes cannot hold 4 copies; either set spec\.replicas to 4 or more, or lower spec\.copies\.min/);
});

test("a disk too small for what is declared: a value that fits is named", async () => {
  const { code, err } = await up(manifest({ nodes: 1000, vaultsPerNode: 8, vaultCapacity: "64Gi" }));
  assert.equal(code, 6);
  assert.match(err, /declares 500 TiB .*(spec\.vaultCapacity: \d+[MG]i would fit|fewer nodes)/);
  await nothingRuns();
});

test("an explicit port in use: the holder is named", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const { code, err } = await up(manifest({}), "--port", String(port));
    assert.equal(code, 6);
    assert.match(err, new RegExp(`port ${port} is in use by .*\\(process ${process.pid}\\)`));
    await nothingRuns();
  } finally {
    server.close();
  }
});

test("--ephemeral never removes a farm that was there before", async () => {
  await mkdir(join(folder, ".vaultfarm/attic"), { recursive: true });
  await writeFile(
    join(folder, ".vaultfarm/attic/farm.json"),
    JSON.stringify({ format: 1, name: "attic", vaultsPerNode: 1, vaultCapacity: 2 ** 26, nodes: [], gateways: [] }),
  );
  const { code, err } = await up(manifest({}), "--ephemeral");
  assert.equal(code, 5);
  assert.match(err, /holds a farm already, and --ephemeral would delete it/);
  assert.ok((await readdir(join(folder, ".vaultfarm/attic"))).includes("farm.json"));
});

test("damaged memory of a farm is named, not overwritten", async () => {
  await writeFile(join(folder, ".vaultfarm/attic/farm.json"), "{");
  const { code, err } = await up(manifest({}));
  assert.equal(code, 6);
  assert.match(err, /farm\.json cannot be used: it is damaged or was written by another version/);
});
