// Proves what `up` does about a farm that another process has: it waits for one that is being stopped, and shows one that
// runs, naming what it does not carry out. Method: this process holds the lock; no farm is started.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, beforeEach, test } from "node:test";
import { runInProcess } from "../command-fixture.ts";
import { exitCodes } from "../exit-code.ts";
import { type FarmFolder, farmFolder, makeFarmFolder } from "../local-farm/farm-folder.ts";
import { type TakenLock, takeLock } from "../local-farm/farm-lock.ts";
import { farmFormat, writeFarmState } from "../local-farm/farm-state.ts";

const work = mkdtempSync(join(tmpdir(), "up-"));
after(() => rmSync(work, { recursive: true, force: true }));
const manifest = `apiVersion: vaultfarm.dev/v1alpha1
kind: VaultFarm
metadata: { name: attic }
spec: { replicas: 4, vaultCapacity: 16Mi }
`;

let folder: FarmFolder;
beforeEach(async () => {
  rmSync(join(work, ".vaultfarm"), { recursive: true, force: true });
  writeFileSync(join(work, "farm.yaml"), manifest);
  folder = farmFolder(join(work, ".vaultfarm"), "attic");
  await makeFarmFolder(folder);
});

async function held(): Promise<TakenLock> {
  const lock = await takeLock(folder.lock);
  assert.ok(lock.kind === "taken");
  return lock;
}

test("a farm that is being stopped is waited for, and then has its turn", async (context) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  const lock = await held();
  await lock.markStopping();
  // Lets go once the command has said that it waits; the port in use then ends it before anything is started.
  const said: string[] = [];
  const err = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      said.push(piece.toString());
      if (said.length === 1) lock.release().then(() => done(), done);
      else done();
    },
  });
  const { port } = server.address() as AddressInfo;
  const streams = { out: err, err };
  const { code } = await runInProcess(["up", "-f", "farm.yaml", "--port", String(port)], work, { streams });
  assert.match(
    said.join(""),
    new RegExp(`^attic is just being stopped by process ${process.pid}; it is started again after that\n.*port ${port} is in use`),
  );
  assert.equal(code, exitCodes.cannotStart);
});

test("a farm that runs is shown, with what it does not carry out now", async () => {
  const lock = await held();
  const gateways = [{ name: "attic-gate1", port: 8080, libp2p: 20_001, lane: 20_002 }];
  await writeFarmState(folder, { format: farmFormat, name: "attic", vaultsPerNode: 1, vaultCapacity: 2 ** 24, nodes: [], gateways });
  const { code, out, err } = await runInProcess(["up", "-f", "farm.yaml", "--port", "8099"], work);
  await lock.release();
  assert.equal(code, exitCodes.done);
  assert.match(out.toString(), new RegExp(`^attic is run by process ${process.pid}: `));
  assert.match(err, /\(4 nodes instead of 0, port 8099 instead of 8080\): vaultfarm down, then vaultfarm up\n$/);
});

test("what only a cluster could carry out is named", async () => {
  const lock = await held();
  await writeFarmState(folder, { format: farmFormat, name: "attic", vaultsPerNode: 1, vaultCapacity: 2 ** 24, nodes: [], gateways: [] });
  writeFileSync(join(work, "farm.yaml"), manifest.replace("16Mi", "16Mi, storage: { autogrow: { max: 1Gi } }"));
  const { code, err } = await runInProcess(["up", "-f", "farm.yaml"], work);
  await lock.release();
  assert.equal(code, exitCodes.done);
  assert.match(err, /^in a cluster only, and without effect on a farm of this machine: spec\.storage\.autogrow\n/);
});

const options = process.platform === "linux" ? {} : { skip: "only Linux has /proc" };
test("a place where nothing can be made is refused at once, by name, with the way out", options, async () => {
  for (const data of ["/proc/x", "/proc/self/deep/er"]) {
    const { code, err } = await runInProcess(["up", "-f", "farm.yaml", "--data", data], work);
    assert.equal(code, exitCodes.cannotStart);
    assert.match(
      err,
      new RegExp(`^vaultfarm: the farm's data cannot lie in ${data}/attic \\(ENOENT: .*\\); choose another folder with --data DIR\n$`),
    );
  }
});
