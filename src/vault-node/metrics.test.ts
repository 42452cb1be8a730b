// Proves that every metric of a node is there from the start, has a row in its document, bounded labels and a name with
// its unit. Method: the real registry, scraped, and the document read.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { membershipStatus } from "../network/membership/certificates/membership-status.ts";
import { chunkAddress } from "../protocol/address.ts";
import { emptyChain } from "../protocol/certificate.ts";
import { signingKeyFromSeed } from "../protocol/keys.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { createMetricsRegistry, type MetricsRegistry } from "../runtime/metrics-registry.ts";
import { createDetectorMetrics, registerViewFigures } from "./detector-metrics.ts";
import { hostVaults } from "./hosted-vault.ts";
import { registerMembershipFigures, registerSpreadFigures } from "./membership-metrics.ts";
import { createNodeCounters, registerNodeFigures } from "./metrics.ts";
import type { NodeEvents } from "./node-events.ts";
import { createReplicationCounters, registerReplicationFigures } from "./replication-metrics.ts";

const vaults = hostVaults(
  [1, 2, 3].map((byte) => signingKeyFromSeed(new Uint8Array(32).fill(byte))),
  1000,
);
const self = peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(9)).publicKey);

function nodeRegistry(): { registry: MetricsRegistry; events: NodeEvents } {
  const registry = createMetricsRegistry({ processMetrics: false });
  const events = createNodeCounters(registry);
  createDetectorMetrics(registry);
  registerViewFigures(registry, () => []);
  const genesis = { networkId: chunkAddress(Uint8Array.of(2)), copies: { min: 4, target: 5, max: 8 } };
  registerSpreadFigures(registry, { closest: () => ({ holders: [], short: "zones" }) }, genesis);
  registerMembershipFigures(registry, {
    status: () => membershipStatus(emptyChain(chunkAddress(Uint8Array.of(1))), { self, seen: new Map() }),
    counts: () => ({ final: 0, outbid: 0, short: 0, unconvinced: 0, elsewhere: 0 }),
  });
  registerNodeFigures(registry, {
    vaults: () => vaults.map((vault) => ({ vault, state: "active", used: 10, chunks: 1 })),
    disk: () => Promise.resolve({ live: 1, dead: 2, overhead: 3, free: 4, total: 5 }),
    storeHealth: () => ({ mode: "writable" }),
    connections: () => 7,
    directoryNodes: () => 8,
    pointers: () => 2,
    ready: () => true,
    startCounter: 9,
    upkeep: {
      standings: () => ({ good: 1, warned: 2, slower: 0, distrusted: 0, "no-new-chunks": 0, repaired: 0 }),
      falling: () => 0,
      distrusted: () => new Set(),
      scrubLagMs: () => 1500,
    },
  });
  createReplicationCounters(registry).copied("repair", 3, 300);
  registerReplicationFigures(registry, {
    copies: () => ({
      repairs: new Map([[2, 7]]),
      chunks: 7,
      placements: 1,
      bytes: 500,
      inFlight: 0,
      bytesCopied: 300,
      etaSeconds: 12,
      looking: false,
    }),
    counted: () => ({ live: [0, 0, 3, 4, 5, 600], onLeavers: 6 }),
    policy: { min: 4, target: 5, max: 8 },
  });
  return { registry, events };
}

test("every metric has its row in the document, and the document has no other", () => {
  const text = readFileSync(new URL("../../docs/metrics-vault-node.md", import.meta.url), "utf8");
  const documented = [...text.matchAll(/^\| `(vaultfarm_\w+)` \|/gm)].map(([, name]) => name);
  const names = nodeRegistry()
    .registry.list()
    .map(({ name }) => name);
  assert.deepEqual([...documented].sort(), [...names].sort());
});

test("names carry their unit; counters end in _total", () => {
  for (const { name, type } of nodeRegistry().registry.list()) {
    assert.match(name, /^vaultfarm_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
  }
});

test("events and figures show in a scrape, each vault by its short name, at most 30 series a vault", async () => {
  const { registry, events } = nodeRegistry();
  const [vault] = vaults;
  assert.ok(vault);
  events.chunksKept(vault.name, { stored: 2, held: 1, bytes: 100 });
  events.chunksRefused("full", 3);
  events.chunkDamaged(vault.name, chunkAddress(Uint8Array.of(1)));
  events.storePutTook(0.004);
  events.audited("wrong", 2);
  events.peerFaulted("wrong-proof");
  events.scrubbed(undefined);
  events.scrubbed(7);
  const text = await registry.text();
  const short = vault.name.slice(0, 12);
  for (const line of [
    `vaultfarm_put_chunks_total{vault="${short}",outcome="stored"} 2`,
    `vaultfarm_put_bytes_total{vault="${short}"} 100`,
    'vaultfarm_refused_chunks_total{reason="full"} 3',
    'vaultfarm_refused_chunks_total{reason="busy"} 0',
    `vaultfarm_damaged_chunks_total{vault="${short}"} 1`,
    `vaultfarm_vault_state{vault="${short}",state="active"} 1`,
    'vaultfarm_disk_bytes{kind="free"} 4',
    "vaultfarm_connections 7",
    'vaultfarm_audited_chunks_total{verdict="wrong"} 2',
    'vaultfarm_peer_faults_total{fault="wrong-proof"} 1',
    'vaultfarm_peer_faults_total{fault="late"} 0',
    'vaultfarm_scrubbed_chunks_total{result="spoilt"} 1',
    "vaultfarm_scrubbed_bytes_total 7",
    'vaultfarm_peer_vaults{standing="warned"} 2',
    "vaultfarm_scrub_lag_seconds 1.5",
    "vaultfarm_directory_nodes 8",
    'vaultfarm_copies_made_total{why="repair"} 3',
    'vaultfarm_copies_failed_total{why="silent"} 0',
    'vaultfarm_below_target_copies{copies="2"} 7',
    'vaultfarm_below_target_copies{copies="4"} 0',
    "vaultfarm_chunks_below_min 1",
    "vaultfarm_repair_eta_seconds 12",
    'vaultfarm_spread_short{why="zones"} 1',
    'vaultfarm_spread_short{why="nodes"} 0',
    "vaultfarm_group_liars_tolerated 0",
  ])
    assert.ok(text.split("\n").includes(line), line);
  assert.ok(text.split("\n").filter((line) => line.includes(short)).length <= 30);
  assert.doesNotMatch(text, /[0-9a-f]{64}/, "no whole name or address");
});
