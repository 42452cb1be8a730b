// Proves of the count on which a drain ends, over random farms: the copies that a chunk would have without a node are those of
// the others that answer, hold it and stay, wherever they lie in the circle, and who asks makes no difference; nodes that leave, are
// gone or silent count neither as copies nor as nodes that are left. And it counts what repair counts, so that no drain waits for
// copies that nobody makes.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { VaultState } from "../../protocol/states.ts";
import { createChunkFarm, nodesMax, policy, recordIn } from "../replication/chunk-fixture.ts";
import { lookAt } from "../replication/chunk-look.ts";
import { copiesWithout, countStayers } from "./copies-without.ts";

type Node = { readonly vault: VaultState; readonly seen: "live" | "dead" | "gone" | "deaf"; readonly holds: boolean };
const node: fc.Arbitrary<Node> = fc.record({
  vault: fc.constantFrom<VaultState>("active", "active", "joining", "cordoned", "draining", "fenced"),
  seen: fc.constantFrom<Node["seen"]>("live", "live", "live", "dead", "gone", "deaf"),
  holds: fc.boolean(),
});
const stays = ({ vault }: Node): boolean => vault === "active" || vault === "joining" || vault === "cordoned";

test("only copies that others hold, answer for and keep are counted, by the leaver and by any other alike", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(node, { minLength: 6, maxLength: nodesMax }), fc.nat(10_000), async (nodes, chunk) => {
      // The leaver is node 0, which need not drain before a restart, the second source node 1: both run.
      const cast = nodes.map((one, n): Node => (n > 1 ? one : { ...one, seen: "live", ...(n === 0 ? { holds: true } : {}) }));
      const records = cast.map(({ vault }, n) => recordIn(n, vault));
      const peerOf = (n: number): PeerId => records[n]?.peerId ?? assert.fail();
      const farm = createChunkFarm(records, chunk, 16);
      for (const [n, { seen, holds }] of cast.entries()) {
        if (holds) farm.holders.add(peerOf(n));
        if (seen === "deaf") farm.deaf.add(peerOf(n));
        if (seen === "gone") farm.views.setState(peerOf(n), "gone");
        if (seen === "dead") {
          farm.views.setState(peerOf(n), "suspected");
          farm.views.confirm(peerOf(n), true);
        }
      }
      const expected = cast.flatMap((one, n) => (n > 0 && one.holds && one.seen === "live" && stays(one) ? [peerOf(n)] : []));
      for (const asker of [0, 1]) {
        const store = { info: () => (cast[asker]?.holds ? { vault: farm.address, size: 1, storedAtMs: 0 } : undefined) };
        const peers = { self: peerOf(asker), request: farm.request };
        const parts = { peers, policy, view: farm.view, store, questionTimeoutMs: 1 };
        const copies = await copiesWithout(parts, [farm.address], peerOf(0), AbortSignal.any([]));
        const found = copies.get(farm.address) ?? assert.fail();
        assert.equal(new Set(found).size, found.length);
        assert.ok(
          found.every((peer) => expected.includes(peer)),
          "a copy that does not stay",
        );
        // Those further out are asked for only where the near ones are too few.
        assert.ok(found.length >= Math.min(policy.target, expected.length), "a copy that was not seen");
      }
      const left = cast.filter((one, n) => n > 0 && stays(one) && (one.seen === "live" || one.seen === "deaf")).length;
      assert.equal(countStayers(farm.views.directory, farm.view, peerOf(0)), left);
    }),
    { numRuns: 250, seed: 20261128 },
  );
});

test("copies beyond the circle count where vaults without room point to them, as they do for repair", async () => {
  const records = Array.from({ length: nodesMax }, (_, n) => recordIn(n, "active"));
  for (let chunk = 0; chunk < 20; chunk += 1) {
    const farm = createChunkFarm(records, chunk, nodesMax / 2);
    const near = farm.view.around(farm.address);
    const far = records.map(({ peerId }) => peerId).filter((peer) => !near.includes(peer));
    const [leaver = assert.fail(), ...full] = near;
    const takers = far.slice(0, full.length);
    for (const peer of [leaver, ...takers]) farm.holders.add(peer);
    for (const [n, peer] of full.entries()) farm.pointers.set(peer, takers[n] ?? assert.fail());
    const info = () => ({ vault: farm.address, size: 1, storedAtMs: 0 });
    const parts = { peers: { self: leaver, request: farm.request }, policy, view: farm.view, questionTimeoutMs: 1 };
    const signal = AbortSignal.any([]);
    const looked = await lookAt({ ...parts, refuses: () => false, holds: () => true }, [farm.address], signal);
    assert.deepEqual(looked.get(farm.address)?.plan.orders, []);
    const copies = await copiesWithout({ ...parts, store: { info } }, [farm.address], leaver, signal);
    assert.deepEqual(new Set(copies.get(farm.address)), new Set(takers));
    farm.deaf.add(takers[0] ?? assert.fail());
    const fewer = await copiesWithout({ ...parts, store: { info } }, [farm.address], leaver, signal);
    assert.deepEqual(new Set(fewer.get(farm.address)), new Set(takers.slice(1)), "what a pointer says alone is no copy");
  }
});
