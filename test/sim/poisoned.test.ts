// Proves that one who has the network key and makes up 10,000 nodes spoils nothing: every directory stays small, the peer is
// cut off, a real node that joins is found, puts go on, and copies of a dead node are made again. Method: a simulated
// farm, a peer that pushes signed records of nodes that are nowhere, to every node as fast as it is listened to.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { unseenPerTellerMax } from "../../src/network/membership/newcomers.ts";
import { recordBatches } from "../../src/network/membership/record-batches.ts";
import type { Peers } from "../../src/network/peers.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { exchangeRecordsRequest } from "../../src/protocol/messages/exchange-records.ts";
import { createNodeRecord } from "../../src/protocol/node-record.ts";
import { createCopiesRules } from "./copies-rules.ts";
import { delays, keepingTimes, minute } from "./keeping-times.ts";
import { simKey, simSeed } from "./sim-keys.ts";
import { defaultSimOptions } from "./sim-options.ts";
import { type SimWorld, startSimWorld } from "./sim-world.ts";

const madeUp = 10_000;
const nodeCount = 8;

/** Records of nodes that are nowhere, each with a vault that would be chosen for its share of all chunks. */
function recordsOf({ genesis, clock, options }: SimWorld): readonly Uint8Array[] {
  const vault = { capacity: options.vaultCapacity, used: 0, chunks: 0, state: "active", wallet: null } as const;
  return Array.from({ length: madeUp }, (_, index) => {
    const addresses = [{ ip: "127.0.0.1", libp2p: 1 + index, lane: 0, heartbeat: 0 }];
    const said = { addresses, domain: { region: "", zone: `zone-${index % 3}`, host: `made-up-${index}` }, software: "none" };
    const signed = { startCounter: 1, sequence: 1, signedAtMs: Math.floor(clock.wallMs()) };
    return createNodeRecord(genesis.networkId, simKey("node", 1_000 + index), {
      ...{ ...said, ...signed },
      vaults: [{ ...vault, key: simKey("vault", 1_000_000 + index) }],
    }).bytes;
  });
}

/** Pushes all records to every node, again and again for so long. */
async function flood({ clock, nodes }: SimWorld, peers: Peers, records: readonly Uint8Array[], forMs: number): Promise<void> {
  const batches = [...recordBatches(records)];
  const untilMs = clock.monotonicMs() + forMs;
  for (const node of nodes) peers.learn(node.peer, node.addresses());
  while (clock.monotonicMs() < untilMs) {
    for (const batch of batches) {
      const body = encodeMessage(exchangeRecordsRequest, { kind: "push", records: batch });
      const asked = nodes.map((node) => peers.request(node.peer, "exchange-records", { body, chunks: [] }, { timeoutMs: 1_000 }));
      await clock.runUntil(Promise.allSettled(asked));
    }
    await clock.advance(1_000);
  }
}

it("10,000 made-up nodes fill no directory, hide no node and stop neither puts nor repair", async () => {
  const world = await startSimWorld({ ...defaultSimOptions, ...keepingTimes, seed: 1, nodes: nodeCount });
  const rules = createCopiesRules(world);
  for (let i = 0; i < 40; i += 1) assert.ok(await rules.put());
  // Nobody confirms a death in its own first two minutes.
  await world.clock.advance(130_000);

  const peers = world.network.createPeers(simSeed("client", 66), { listen: false });
  await peers.start();
  await flood(world, peers, recordsOf(world), 2_000);
  const sizes = world.nodes.map((node) => node.membership()?.directory.nodes().length ?? 0);
  // Its own share, and what each of the others took for real and passed on.
  const most = nodeCount + unseenPerTellerMax * nodeCount;
  assert.ok(
    sizes.every((size) => size > nodeCount && size <= most),
    `directories of ${sizes.join(", ")} nodes, at most ${most}`,
  );
  for (const node of world.nodes) {
    const { crowded = 0, offences = 0 } = node.membership()?.counts() ?? {};
    assert.ok(crowded >= 2_048 && offences >= 8, `node ${node.number} turned ${crowded} away and counts ${offences} offences`);
  }
  assert.deepEqual(peers.connected(), [], "whom nobody listens to is connected to nobody");

  for (let i = 0; i < 10; i += 1) assert.ok(await rules.put(), "a put beside made-up nodes");
  const joined = await world.grow();
  await world.clock.advance(30_000);
  for (const node of world.nodes) assert.equal(node.membership()?.directory.node(joined.peer)?.state, "live", `at node ${node.number}`);
  for (const node of world.nodes.slice(1, 3)) await node.crash();
  await world.clock.advance(delays.enough + 5 * minute);
  await rules.minAgain(0);
  await rules.readable(Number.POSITIVE_INFINITY);
  await peers.stop();
  await world.stop();
});
