// Proves that a certificate which the disk refused is not taken for kept: it is written with the next call, and whoever listens
// is told of it then, once. A disk in memory that refuses when told to.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { type ReadCertificate, signAsOwner } from "../../../protocol/certificate.ts";
import { silentLog } from "../../../runtime/log.ts";
import { genesis, ownerKey } from "../membership-fixture.ts";
import { createMemoryCertificateStore } from "./certificate-store.ts";
import { peersOf } from "./certificates-fixture.ts";
import { type ChainKeeper, createChainKeeper } from "./chain-keeper.ts";

const first = signAsOwner(genesis, ownerKey, { sequence: 1, previous: genesis.networkId, joining: peersOf([1, 2, 3, 4]), leaving: [] });
const second = signAsOwner(genesis, ownerKey, { sequence: 2, previous: first.id, joining: [], leaving: peersOf([4]) });

type Scene = {
  readonly keeper: ChainKeeper;
  readonly disk: { refuses: boolean; replaced: number };
  readonly told: string[];
  kept(): Promise<number>;
};

function scene(): Scene {
  const disk = { refuses: true, replaced: 0 };
  const told: string[] = [];
  const store = createMemoryCertificateStore();
  const saveChain = async (certificates: readonly Uint8Array[]): Promise<void> => {
    if (disk.refuses) throw new Error("the disk is full");
    await store.saveChain(certificates);
  };
  const onReplaced = async (): Promise<void> => {
    disk.replaced += 1;
  };
  const keeper = createChainKeeper({ genesis, store: { ...store, saveChain }, log: silentLog, onReplaced });
  keeper.onChange((_head, { id }) => void told.push(id));
  return { keeper, disk, told, kept: async () => (await store.loadChain()).length };
}

const ids = (...certificates: readonly ReadCertificate[]): readonly string[] => certificates.map(({ id }) => id);

describe("a certificate that the disk refused", () => {
  it("is tried again when it comes again, and told of once", async () => {
    const { keeper, disk, told, kept } = scene();
    for (let i = 0; i < 2; i += 1) await assert.rejects(keeper.take(first.bytes), /full/);
    assert.deepEqual(told, []);
    disk.refuses = false;
    await keeper.take(first.bytes);
    assert.deepEqual([await kept(), told], [1, ids(first)]);
    assert.equal((await keeper.take(first.bytes)).kind, "known");
    assert.deepEqual(told, ids(first));
  });

  it("is kept and told of with the next one, in order", async () => {
    const { keeper, disk, told, kept } = scene();
    await assert.rejects(keeper.take(first.bytes), /full/);
    disk.refuses = false;
    await keeper.take(second.bytes);
    assert.deepEqual([await kept(), told], [2, ids(first, second)]);
  });

  it("is kept by trying again though nobody offers it, and not told of before", async () => {
    const { keeper, disk, told, kept } = scene();
    await assert.rejects(keeper.take(first.bytes), /full/);
    await assert.rejects(keeper.retry(), /full/);
    disk.refuses = false;
    await keeper.retry();
    assert.deepEqual([await kept(), told], [1, ids(first)]);
  });

  it("and gave way to another of the owner is not told of; votes are reset once, however often the disk is tried", async () => {
    const { keeper, disk, told, kept } = scene();
    const other = signAsOwner(genesis, ownerKey, { sequence: 1, previous: genesis.networkId, joining: peersOf([1, 2, 3]), leaving: [] });
    const [better, worse] = other.id < first.id ? [other, first] : [first, other];
    await assert.rejects(keeper.take(worse.bytes), /full/);
    for (let i = 0; i < 3; i += 1) await assert.rejects(keeper.take(better.bytes), /full/);
    disk.refuses = false;
    await keeper.retry();
    assert.deepEqual([await kept(), told, disk.replaced], [1, ids(better), 1]);
  });
});
