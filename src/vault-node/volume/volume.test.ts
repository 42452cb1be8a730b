// Proves that a volume keeps a node's identity, counts starts before they are used, lets one process in at a time, adds
// vaults but drops none, and is refused to older programs by the version they need. Method: real directories, and a
// second process for the lock.
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chunkAddress } from "../../protocol/address.ts";
import { systemRandom } from "../../runtime/random.ts";
import { VolumeError, type VolumeErrorCode } from "../errors.ts";
import { openVolume, type Volume } from "./volume.ts";

const networkId = chunkAddress(Uint8Array.of(1));
const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "volume-"));
  directories.push(directory);
  return directory;
}
const open = (directory: string, vaults = 3): Promise<Volume> => openVolume({ directory, vaults, networkId }, systemRandom);

async function refused(opening: Promise<Volume>, code: VolumeErrorCode, says: RegExp): Promise<void> {
  await assert.rejects(opening, (error: unknown) => {
    assert.ok(error instanceof VolumeError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, says);
    return true;
  });
}

async function changeMarker(directory: string, change: object): Promise<void> {
  const path = join(directory, "format.json");
  await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, "utf8")) as object), ...change }));
}

test("a second start has the same identity, vaults and wishes, and a higher counter", async () => {
  const directory = await emptyDirectory();
  const first = await open(directory);
  assert.deepEqual([first.startCounter, first.desired, first.grant], [1, "active", undefined]);
  await first.saveDesired("cordoned");
  await first.saveGrant(Uint8Array.of(7));
  first.close();
  const second = await open(directory);
  assert.equal(second.peerId, first.peerId);
  assert.deepEqual(
    second.vaultKeys.map(({ publicKey }) => publicKey),
    first.vaultKeys.map(({ publicKey }) => publicKey),
  );
  assert.deepEqual([second.startCounter, second.desired, second.grant], [2, "cordoned", Uint8Array.of(7)]);
  second.close();
});

test("secrets are for their owner only", async () => {
  const directory = await emptyDirectory();
  (await open(directory)).close();
  const files = ["node.key", ...(await readdir(join(directory, "vaults"))).map((name) => join("vaults", name))];
  assert.equal(files.length, 4);
  for (const file of files) assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600, file);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
});

test("vaults are added, never dropped", async () => {
  const directory = await emptyDirectory();
  const before = await open(directory, 2);
  before.close();
  const more = await open(directory, 4);
  assert.deepEqual(
    more.vaultKeys.slice(0, 2).map(({ publicKey }) => publicKey),
    before.vaultKeys.map(({ publicKey }) => publicKey),
  );
  more.close();
  await refused(open(directory, 3), "fewer-vaults", /hosts 4 vaults, the configuration asks for 3.*VAULTFARM_VAULTS to 4/);
  const again = await open(directory, 4);
  assert.equal(again.startCounter, 3, "a refused start is not counted");
  again.close();
});

test("a second process is kept out, and let in once the first has gone", async () => {
  const directory = await emptyDirectory();
  const volume = await open(directory);
  await refused(open(directory), "in-use", new RegExp(`in use by another vault node \\(process ${process.pid}\\)`));
  const program = `
    import { lockVolume } from ${JSON.stringify(new URL("./volume-lock.ts", import.meta.url).href)};
    try { lockVolume(${JSON.stringify(directory)}); console.log("locked"); } catch (error) { console.log(error.code); }`;
  const other = (): string => spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }).stdout.trim();
  assert.equal(other(), "in-use");
  volume.close();
  assert.equal(other(), "locked");
});

test("a newer format is refused with the version needed, unless it can be read", async () => {
  const directory = await emptyDirectory();
  (await open(directory)).close();
  await changeMarker(directory, { format: 3, oldestReader: 2, oldestReaderVersion: "0.4.0" });
  await refused(open(directory), "newer-format", /format 3; this program reads up to format 1: install version 0\.4\.0 or later/);
  await changeMarker(directory, { format: 2, oldestReader: 1, added: "kept" });
  (await open(directory)).close();
  const marker = JSON.parse(await readFile(join(directory, "format.json"), "utf8")) as Record<string, unknown>;
  assert.deepEqual(
    [marker["format"], marker["added"], marker["startCounter"]],
    [2, "kept", 2],
    "a rollback keeps what the newer program wrote",
  );
});

test("a volume of another network, a lost key and a torn marker are told apart", async () => {
  const directory = await emptyDirectory();
  (await open(directory)).close();
  const other = openVolume({ directory, vaults: 3, networkId: chunkAddress(Uint8Array.of(2)) }, systemRandom);
  await refused(other, "wrong-network", /belongs to network/);
  await rm(join(directory, "vaults", "001.key"));
  await refused(open(directory, 3), "damaged", /001\.key is missing|later ones are there/);
  await rm(join(directory, "node.key"));
  await refused(open(directory), "damaged", /node\.key.*is missing/);
  await writeFile(join(directory, "format.json"), '{"format":');
  await refused(open(directory), "damaged", /not JSON/);
});

test("a first start that was cut short after the key goes on with that key", async () => {
  const directory = await emptyDirectory();
  const cut = await open(directory);
  cut.close();
  await rm(join(directory, "format.json"));
  const again = await open(directory);
  assert.equal(again.peerId, cut.peerId);
  again.close();
});
