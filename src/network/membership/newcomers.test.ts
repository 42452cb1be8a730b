// Proves who may enter a directory: one teller names so many nodes that nobody met, whatever it signs; on an open network
// all tellers of an observed range are one, and so many nodes of a range are met; loopback, private and trusted ranges are
// never counted. Method: a table of connections by hand; ranges by examples.
import { strict as assert } from "node:assert";
import { describe, it, test } from "node:test";
import { toHex } from "../../protocol/bytes.ts";
import type { PublicKey } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { addressRange, trustedAddresses } from "./address-range.ts";
import { createNewcomers, nodesPerRangeMax, type OpenNetwork, unseenPerTellerMax } from "./newcomers.ts";

// A name is enough here, whoever has the key.
const peerOf = (number: number): PeerId => {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, number);
  return peerIdFromPublicKey(toHex(key) as PublicKey);
};
const fakes = (from: number, count: number): readonly PeerId[] => Array.from({ length: count }, (_, index) => peerOf(from + index));

function newcomersOf(open?: OpenNetwork) {
  const connections = new Map<PeerId, string>();
  const nodes = new Set<PeerId>();
  const newcomers = createNewcomers({
    isConnected: (peer) => connections.has(peer),
    isNode: (peer) => nodes.has(peer),
    remoteIp: (peer) => connections.get(peer),
    open,
  });
  const admitted = (peers: readonly PeerId[], from: PeerId): number => peers.filter((peer) => newcomers.admit(peer, from)).length;
  return { newcomers, connections, nodes, admitted };
}

describe("in a farm with a network key", () => {
  it("one node names 256 that nobody met, another as many more, and all that are no nodes together as many", () => {
    const { nodes, admitted } = newcomersOf();
    const [a, b, client, other] = [peerOf(1), peerOf(2), peerOf(3), peerOf(4)];
    nodes.add(a).add(b);
    assert.equal(admitted(fakes(1_000, 2_000), a), unseenPerTellerMax);
    assert.equal(admitted(fakes(5_000, 2_000), b), unseenPerTellerMax);
    assert.equal(admitted(fakes(9_000, 200), client) + admitted(fakes(10_000, 200), other), unseenPerTellerMax);
  });

  it("who is met, or leaves, makes room; who is connected needs none", () => {
    const { newcomers, connections, nodes, admitted } = newcomersOf();
    const a = peerOf(1);
    nodes.add(a);
    const [met, gone, late, ...rest] = fakes(1_000, unseenPerTellerMax + 10);
    assert.ok(met !== undefined && gone !== undefined && late !== undefined);
    assert.equal(admitted([met, gone, ...rest], a), unseenPerTellerMax);
    connections.set(met, "203.0.113.9");
    newcomers.met(met);
    newcomers.left(gone);
    assert.equal(admitted(fakes(5_000, 10), a), 2);
    connections.set(late, "203.0.113.9");
    assert.ok(newcomers.admit(late, a));
  });
});

describe("on an open network", () => {
  it("tellers of one observed range are one teller", () => {
    const { connections, nodes, admitted } = newcomersOf({});
    const tellers = fakes(1, 20);
    for (const [index, teller] of tellers.entries()) {
      nodes.add(teller);
      connections.set(teller, `198.51.100.${index}`);
    }
    const sum = tellers.reduce((total, teller, index) => total + admitted(fakes(1_000 * (index + 1), 500), teller), 0);
    assert.equal(sum, unseenPerTellerMax);
    connections.set(peerOf(90), "192.0.2.1");
    nodes.add(peerOf(90));
    assert.equal(admitted(fakes(50_000, 500), peerOf(90)), unseenPerTellerMax, "another range has its own room");
  });

  it("10,000 that really connect from one range are 32 and 256, and a node from elsewhere is met", () => {
    const { newcomers, connections, nodes, admitted } = newcomersOf({});
    const flood = fakes(1_000, 10_000);
    for (const [index, peer] of flood.entries()) connections.set(peer, `2001:db8:7:${index.toString(16)}::1`);
    // Each tells of itself, is in the directory from then on, and met.
    const entered = flood.filter((peer) => {
      const may = newcomers.admit(peer, peer);
      if (may) nodes.add(peer);
      newcomers.met(peer);
      return may;
    });
    assert.equal(entered.length, nodesPerRangeMax + unseenPerTellerMax);
    const honest = peerOf(1);
    connections.set(honest, "2001:db8:8::1");
    assert.equal(admitted([honest], honest), 1);
  });

  it("loopback, private and trusted ranges are never counted", () => {
    for (const [ip, open] of [
      ["127.0.0.1", {}],
      ["10.244.3.7", {}],
      ["fd00::17", {}],
      ["203.0.113.5", { trustedRanges: ["203.0.113.0/24"] }],
    ] as const) {
      const { connections, admitted } = newcomersOf(open);
      const pods = fakes(1_000, 1_000);
      for (const pod of pods) connections.set(pod, ip);
      assert.equal(admitted(pods, peerOf(1)), 1_000, ip);
    }
  });
});

test("ranges: a /24 of IPv4, a /48 of IPv6, however an address is written", () => {
  const same: readonly (readonly [string, string])[] = [
    ["203.0.113.7", "203.0.113.0/24"],
    ["::ffff:203.0.113.7", "203.0.113.0/24"],
    ["2001:db8:7:1::1", "2001:db8:7::/48"],
    ["2001:0db8:0007::", "2001:db8:7::/48"],
    ["2001::1", "2001:0:0::/48"],
    ["fe80::1%eth0", "fe80:0:0::/48"],
  ];
  for (const [ip, range] of same) assert.equal(addressRange(ip), range, ip);
  const isTrusted = trustedAddresses(["10.0.0.0/8"]);
  assert.deepEqual(["::1", "::ffff:127.0.0.1", "10.1.1.1", "11.1.1.1", "nonsense"].map(isTrusted), [true, true, true, false, false]);
});
