// Proves that the peers file is read as long as nobody else is there, also by a node that knows others from before: after a restart
// of all, such as a farm's that wakes, only the file knows where they are.
import { strict as assert } from "node:assert";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNodeViews } from "../network/membership/node-views.ts";
import { createGenesis } from "../protocol/genesis.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { createNodeRecord, type NodeAddress, type NodeRecord } from "../protocol/node-record.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLog } from "../runtime/log.ts";
import { isAlone, watchPeersFile } from "./peers-file-watch.ts";

const genesis = createGenesis(
  { name: "test", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1, createdAt: 0 },
  signingKeyFromSeed(new Uint8Array(32)),
);

function record(n: number): NodeRecord {
  return createNodeRecord(genesis.networkId, signingKeyFromSeed(new Uint8Array(32).fill(n)), {
    ...{ addresses: [], domain: { region: "", zone: "", host: "" }, software: "test" },
    ...{ startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [] },
  });
}

test("a node that knows others from before and reaches none is told where they are now, and no more once one is there", async () => {
  const directory = await mkdtemp(join(tmpdir(), "peers-file-"));
  const path = join(directory, "peers.json");
  const address: NodeAddress = { ip: "10.0.0.9", libp2p: 4001, lane: 4002, heartbeat: 4003 };
  await writeFile(path, JSON.stringify([address]));
  const { directory: nodes, putRecord, setState } = createNodeViews(genesis, systemClock.wallMs, () => {});
  const [own, other] = [record(1), record(2)];
  putRecord(own, "live");
  putRecord(other, "suspected");
  const used: NodeAddress[] = [];
  const use = (addresses: readonly NodeAddress[]): void => {
    used.push(...addresses);
    setState(other.peerId, "live");
  };
  const needed = (): boolean => isAlone(nodes.nodes(), own.peerId);
  await watchPeersFile({ path, clock: systemClock, log: silentLog, needed, use }, new AbortController().signal);
  assert.deepEqual(used, [address]);
  await rm(directory, { recursive: true });
});
