// Proves that nodes find out by themselves what is missing, lost, rotten or lied about, that they count it to whom it
// belongs, and that nobody who asks or answers wrongly can make them work without bound. Method: real upkeep over a network,
// stores and a clock in memory; bad peers are played by hand.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { Handler, Peers } from "../network/peers.ts";
import type { Address } from "../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import {
  auditChunksReply,
  auditChunksRequest,
  auditKey,
  auditProof,
  readAuditStatement,
  signAuditStatement,
} from "../protocol/messages/audit-chunks.ts";
import { compareChunksReply, compareChunksRequest } from "../protocol/messages/compare-chunks.ts";
import { standingBelow } from "../protocol/standing.ts";
import { auditLimits } from "./audit/audit-limits.ts";
import { HandlerError } from "./errors.ts";
import { createNodeFigures } from "./node-figures.ts";
import { reconciliationLimits } from "./reconciliation/reconciliation-limits.ts";
import { createUpkeepFarm, type UpkeepFarm, type UpkeepNode } from "./upkeep-fixture.ts";

const never = new AbortController().signal;
const minute = 60_000;
const bytesOf = (number: number, size = 1000): Uint8Array => new Uint8Array(size).fill(number & 0xff).fill(number >> 8, 0, 1);

type Scene = { readonly farm: UpkeepFarm; readonly first: UpkeepNode; readonly second: UpkeepNode; readonly chunks: readonly Address[] };

/** Started nodes that all hold the same chunks. */
async function scene(count: number, chunkCount: number, size?: number): Promise<Scene> {
  const farm = createUpkeepFarm(count);
  const [first, second] = farm.nodes;
  assert.ok(first && second);
  await farm.start();
  const chunks: Address[] = [];
  for (let number = 0; number < chunkCount; number += 1) chunks.push(await farm.keep(bytesOf(number, size), farm.nodes));
  await farm.clock.advance(minute);
  return { farm, first, second, chunks };
}

/** Two full rounds of anti-entropy. */
const rounds = ({ clock }: UpkeepFarm): Promise<void> => clock.advance(2.6 * reconciliationLimits.roundMs);

describe("anti-entropy", () => {
  it("finds what each lacks, and stays silent where all is well", async () => {
    const { farm, first, second } = await scene(5, 20);
    await rounds(farm);
    assert.deepEqual(
      farm.nodes.flatMap(({ found }) => found),
      [],
    );
    const mine = await farm.keep(bytesOf(900), [first]);
    const theirs = await farm.keep(
      bytesOf(901),
      farm.nodes.filter((node) => node !== first),
    );
    await farm.clock.advance(minute);
    await rounds(farm);
    const ofFirst = first.found.find(({ peer }) => peer === second.peer)?.differences;
    assert.deepEqual(ofFirst, { onlyMine: [mine], onlyTheirs: [theirs] });
    await farm.stop();
  });

  it("leaves out chunks whose puts may be under way", async () => {
    const { farm, first } = await scene(5, 3);
    await farm.keep(bytesOf(900), [first]);
    await farm.clock.advance(reconciliationLimits.settleMs - 2000);
    assert.deepEqual(first.found, []);
    await farm.stop();
  });

  it("asks the directory anew when places change: a node that is gone shares nothing", async () => {
    const { farm, first, second } = await scene(6, 200);
    const outcome = await farm.clock.runUntil(first.upkeep.comparer.compare(second.peer, never));
    assert.ok(outcome.kind === "compared" && outcome.onlyMine.length === 0);
    farm.views.setState(second.peer, "gone");
    await farm.clock.advance(5000);
    // Now all five that are left should hold all 200; each does, so nothing is missing, and with the sixth nothing is shared.
    const third = farm.nodes[2];
    assert.ok(third);
    const again = await farm.clock.runUntil(first.upkeep.comparer.compare(third.peer, never));
    assert.ok(again.kind === "compared" && again.onlyMine.length + again.onlyTheirs.length === 0 && again.samePlaces);
    await farm.stop();
  });

  it("counts a peer whose answers break the protocol, and gives up at once", async () => {
    const farm = createUpkeepFarm(5);
    const [first, second] = farm.nodes;
    assert.ok(first && second);
    let asked = 0;
    second.peers.handle("compare-chunks", async () => {
      asked += 1;
      const nothing = { placement: new Uint8Array(8), considered: 0, lists: [], splits: [] };
      return { body: encodeMessage(compareChunksReply, nothing), chunks: [] };
    });
    await farm.start();
    await farm.keep(bytesOf(1), farm.nodes);
    await rounds(farm);
    const seen = first.upkeep.scoreboard.scores().find(({ peer }) => peer === second.peer);
    assert.ok((seen?.faults["malformed"] ?? 0) >= 1);
    assert.ok(asked <= 4 * 3 + 4, `${asked} questions`);
    await farm.stop();
  });

  it("refuses strangers, what is malformed, and who asks too often", async () => {
    const { farm, first, second } = await scene(5, 3);
    const stranger = farm.network.createPeers(new Uint8Array(32).fill(9), { listen: false });
    await stranger.start();
    const body = encodeMessage(compareChunksRequest, {
      ranges: [{ from: new Uint8Array(0), to: new Uint8Array(0), fingerprint: new Uint8Array(16) }],
    });
    const ask = (peers: Peers, bytes: Uint8Array): Promise<unknown> => {
      peers.learn(first.peer, first.peers.addresses());
      return farm.clock.runUntil(peers.request(first.peer, "compare-chunks", { body: bytes, chunks: [] }, { timeoutMs: 1000 }));
    };
    await assert.rejects(ask(stranger, body), { code: "refused" });
    await assert.rejects(ask(second.peers, body.subarray(1)), { code: "refused" });
    let served = 0;
    for (let i = 0; i < reconciliationLimits.burstPerPeer + 50; i += 1)
      served += await ask(second.peers, body).then(
        () => 1,
        () => 0,
      );
    assert.ok(served <= reconciliationLimits.burstPerPeer);
    await farm.stop();
  });
});

describe("audits", () => {
  const audit = ({ farm, first, second, chunks }: Scene) =>
    farm.clock.runUntil(first.upkeep.auditor.audit({ peer: second.peer, chunks }, never));

  it("prove what a holder has, chunk by chunk, and count what it lost or let rot", async () => {
    const here = await scene(5, 4);
    const [rotten, lost, ...sound] = here.chunks;
    assert.ok(rotten && lost);
    here.second.disk.damage(rotten);
    await here.second.disk.remove(lost);
    assert.deepEqual(await audit(here), ["missing", "missing", "proven", "proven"]);
    assert.equal(sound.length, 2);
    const seen = here.first.upkeep.scoreboard.scores()[0];
    assert.deepEqual([seen?.peer, seen?.faults], [here.second.peer, { missing: 1 }]);
    // Who was asked has noticed it too.
    assert.deepEqual(here.second.lost, [rotten]);
    await here.farm.stop();
  });

  it("find no proof in guesses, half answers and garbage", async () => {
    const garbage: Handler = async () => ({ body: Uint8Array.of(1, 2, 3), chunks: [] });
    const nothing: Handler = async () => ({
      body: encodeMessage(auditChunksReply, { statements: [], missing: [], later: [] }),
      chunks: [],
    });
    for (const handler of [garbage, nothing]) {
      const here = await scene(5, 2);
      here.second.peers.handle("audit-chunks", handler);
      assert.deepEqual(await audit(here), ["wrong", "wrong"]);
      await here.farm.stop();
    }
  });

  it("find no proof in what another holder showed, and lateness where the bytes were fetched from it", async () => {
    const here = await scene(5, 2);
    const { second, first, farm } = here;
    const third = farm.nodes[2];
    assert.ok(third);
    // The proxy passes the challenge on, and the answer back.
    second.peers.handle("audit-chunks", async (_from, { body }) =>
      second.peers.request(third.peer, "audit-chunks", { body: new Uint8Array(body), chunks: [] }, { timeoutMs: 1000 }),
    );
    assert.deepEqual(await audit(here), ["wrong", "wrong"]);
    // The proxy fetches the bytes and makes the proof itself: sound, but late once the way takes longer than reading may.
    const [vault] = second.vaults;
    assert.ok(vault);
    second.peers.handle("audit-chunks", async (from, { body }) => {
      const asked = decodeMessage(auditChunksRequest, body);
      assert.ok(asked.ok);
      await farm.clock.sleep(auditLimits.graceMs + 200);
      const binding = { nonce: asked.value.nonce, auditor: from, node: second.peer, vault: vault.key.publicKey };
      const proofs = asked.value.chunks.map((chunk, number) => ({ chunk, proof: auditProof(auditKey(binding), bytesOf(number)) }));
      const statement = signAuditStatement(farm.genesis.networkId, vault.key, { ...binding, proofs });
      return { body: encodeMessage(auditChunksReply, { statements: [statement], missing: [], later: [] }), chunks: [] };
    });
    assert.deepEqual(await audit(here), ["late", "late"]);
    assert.deepEqual(first.upkeep.scoreboard.scores()[0]?.faults, { "wrong-proof": 1, late: 1 });
    await farm.stop();
  });

  it("bind a statement to nonce, auditor, node and vault, under the vault's signature", async () => {
    const { farm, first, second, chunks } = await scene(5, 1);
    const nonce = new Uint8Array(32).fill(3);
    const body = encodeMessage(auditChunksRequest, { nonce, chunks });
    const answer = await farm.clock.runUntil(first.peers.request(second.peer, "audit-chunks", { body, chunks: [] }, { timeoutMs: 1000 }));
    const reply = decodeMessage(auditChunksReply, answer.body);
    const [bytes] = reply.ok ? reply.value.statements : [];
    assert.ok(bytes);
    const read = readAuditStatement(farm.genesis.networkId, bytes);
    assert.ok(read.ok);
    assert.deepEqual([read.value.auditor, read.value.node, read.value.name], [first.peer, second.peer, second.vaults[0]?.name]);
    assert.deepEqual(read.value.proofs[0]?.proof, new Uint8Array(auditProof(auditKey(read.value), bytesOf(0))));
    const forged = new Uint8Array(bytes);
    forged[60] = (forged[60] ?? 0) ^ 1;
    assert.equal(readAuditStatement(farm.genesis.networkId, forged).ok, false);
    await farm.stop();
  });

  it("make a node read no more than its allowance, and not at all for strangers", async () => {
    const mib = 2 ** 20;
    const here = await scene(5, 24, 4 * mib);
    const { farm, first, second, chunks } = here;
    let reads = 0;
    const { get } = second.disk;
    second.disk.get = (address) => {
      reads += 1;
      return get(address);
    };
    const ask = (peers: Peers, some: readonly Address[]): Promise<unknown> => {
      const body = encodeMessage(auditChunksRequest, { nonce: new Uint8Array(32), chunks: some });
      peers.learn(second.peer, second.peers.addresses());
      return farm.clock.runUntil(peers.request(second.peer, "audit-chunks", { body, chunks: [] }, { timeoutMs: 10_000 }));
    };
    for (let i = 0; i < 30; i += 1) await ask(first.peers, chunks).catch(() => {});
    assert.ok(reads * 4 * mib <= auditLimits.burstBytes, `${reads} chunks read`);
    const stranger = farm.network.createPeers(new Uint8Array(32).fill(9), { listen: false });
    await stranger.start();
    await assert.rejects(ask(stranger, chunks), { code: "refused" });
    // What was not answered for want of allowance says nothing against anybody.
    assert.ok((await audit(here)).every((verdict) => verdict === "later"));
    assert.deepEqual(first.upkeep.scoreboard.scores()[0]?.faults, {});
    await farm.stop();
  });
});

describe("a node that puts off what it is asked", () => {
  it("is believed for minutes, and no more once it has put off every comparison for over half an hour; it comes back by proofs", async () => {
    const { farm, first, second } = await scene(5, 40);
    const { scoreboard } = first.upkeep;
    const seen = () => scoreboard.scores().find(({ peer }) => peer === second.peer) ?? assert.fail();
    const [, compare] = second.upkeep.handlers.find(([kind]) => kind === "compare-chunks") ?? assert.fail();
    let busy = true;
    second.peers.handle("compare-chunks", async (from, message, signal) => {
      if (!busy) return compare(from, message, signal);
      message.release();
      throw new HandlerError("busy", "now as ever", from);
    });
    await farm.clock.advance(25 * minute);
    assert.deepEqual([seen().honesty, seen().faults["put-off"]], [1, undefined]);
    await farm.clock.advance(60 * minute);
    assert.ok(seen().honesty < standingBelow.distrusted && (seen().faults["put-off"] ?? 0) > 3, JSON.stringify(seen()));
    for (const { peer, honesty } of scoreboard.scores()) if (peer !== second.peer) assert.equal(honesty, 1);
    busy = false;
    await farm.clock.advance(6 * 60 * minute);
    assert.ok(seen().honesty >= standingBelow.distrusted, JSON.stringify(seen()));
    await farm.stop();
  });

  it("is at no fault while its own record says that it answers nothing: its owner fenced it", async () => {
    const { farm, first, second } = await scene(5, 40);
    const { record } = farm.views.directory.node(second.peer) ?? assert.fail();
    const vaults = record.vaults.map((vault) => ({ ...vault, state: "fenced" as const }));
    farm.views.putRecord({ ...record, vaults, sequence: record.sequence + 1 }, "live");
    second.peers.handle("compare-chunks", async (from, message) => {
      message.release();
      throw new HandlerError("not-serving", "this node does not serve that now", from);
    });
    await farm.clock.advance(90 * minute);
    const seen = first.upkeep.scoreboard.scores().find(({ peer }) => peer === second.peer) ?? assert.fail();
    assert.deepEqual([seen.honesty, seen.faults["put-off"]], [1, undefined]);
    await farm.stop();
  });
});

describe("a node that refuses what it should take", () => {
  it("is at fault for copies refused against its own record for half an hour, in what is published too; and is believed about what it holds", async () => {
    const { farm, first, second, chunks } = await scene(5, 3);
    const { upkeep } = first;
    const [chunk] = chunks;
    const [vault] = second.vaults;
    assert.ok(chunk !== undefined && vault !== undefined);
    const figures = createNodeFigures({
      ...{ self: first.peer, directory: farm.views.directory, clock: farm.clock, scoreboard: upkeep.scoreboard },
      copies: () => undefined,
    });
    const refuse = (): void => upkeep.refused({ peer: second.peer, vault: vault.name, chunk }, "full");
    for (let i = 0; i < 7; i += 1) {
      assert.equal(figures().faults, undefined);
      refuse();
      await farm.clock.advance(reconciliationLimits.patienceMs / 6);
    }
    refuse();
    await farm.clock.advance(2 * minute);
    assert.deepEqual(figures().faults, [{ peer: second.peer, counts: [{ fault: "refused", count: 2 }] }]);
    assert.equal(upkeep.scoreboard.scores().find(({ peer }) => peer === second.peer)?.conduct, 1);
    await farm.stop();
  });
});

describe("a vault that lies about what it holds", () => {
  it("loses its good conduct within an hour, while the others keep theirs", async () => {
    const { farm, first, second } = await scene(5, 40);
    // It compares as if it had everything, and cannot show a byte.
    second.peers.handle("audit-chunks", async (_from, { body }) => {
      const asked = decodeMessage(auditChunksRequest, body);
      const missing = asked.ok ? asked.value.chunks : [];
      return { body: encodeMessage(auditChunksReply, { statements: [], missing, later: [] }), chunks: [] };
    });
    await farm.clock.advance(60 * minute);
    const scores = first.upkeep.scoreboard.scores();
    assert.equal(scores[0]?.peer, second.peer);
    assert.ok((scores[0]?.conduct ?? 1) < 0.88, `conduct ${scores[0]?.conduct}`);
    assert.ok(scores.slice(1).every(({ conduct }) => conduct === 1));
    await farm.stop();
  });
});
