// What every chunk store promises, as scenes that the one on disk and the one in memory both play.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { chunkSizeMax } from "../../protocol/limits.ts";
import { seededRandom } from "../../runtime/random.ts";
import type { ChunkStore, PutEntry, ReadOutcome } from "./chunk-store.ts";
import { ChunkStoreError, type ChunkStoreErrorCode } from "./chunk-store-error.ts";
import { chunkCost, type DeclaredVault } from "./vault-accounts.ts";

/** A store under test, with what its scenes need beside the port. */
export type ContractStore = {
  store(): ChunkStore;
  /** Ends the store as its process would, and opens what it left. */
  reopen(): Promise<void>;
  /** Changes a byte of a stored chunk behind the store's back. */
  damage(address: Address): Promise<void>;
  end(): Promise<void>;
};

const mib = 1024 * 1024;
const vault = (digit: string): VaultName => chunkAddress(Buffer.from(`vault ${digit}`)) as unknown as VaultName;
const [first, second, stranger] = [vault("1"), vault("2"), vault("3")];
const capacity = 16 * mib;
const random = seededRandom(4);

/** A chunk for `of` with bytes that no other scene has. */
function entry(size = 1000, of: VaultName = first): PutEntry {
  const bytes = random.bytes(size);
  return { vault: of, address: chunkAddress(bytes), bytes };
}

function bytesOf(read: ReadOutcome): Buffer | string {
  if (read.kind !== "found") return read.kind;
  const copy = Buffer.from(read.bytes);
  read.release();
  return copy;
}

async function refusal(call: Promise<unknown>): Promise<ChunkStoreErrorCode | "none"> {
  return call.then(
    () => "none" as const,
    (error: unknown) => {
      assert.ok(error instanceof ChunkStoreError, String(error));
      return error.code;
    },
  );
}

const scenes: Readonly<Record<string, (stage: ContractStore) => Promise<void>>> = {
  "what was put is got, with what is known of it": async ({ store }) => {
    const [a, b] = [entry(), entry(70_000, second)];
    assert.deepEqual(await store().put([a, b]), ["stored", "stored"]);
    assert.deepEqual(bytesOf(await store().get(a.address)), Buffer.from(a.bytes));
    const read = await store().get(b.address);
    assert.deepEqual([read.kind, read.kind === "found" && read.vault], ["found", second]);
    bytesOf(read);
    const info = store().info(b.address);
    assert.deepEqual([info?.vault, info?.size, (info?.storedAtMs ?? 0) > 0], [second, 70_000, true]);
    assert.deepEqual(new Set(store().addresses()), new Set([a.address, b.address]));
    assert.deepEqual([...store().addresses(second)], [b.address]);
  },
  "what was never put is absent": async ({ store }) => {
    const { address } = entry();
    assert.deepEqual(
      [(await store().get(address)).kind, store().info(address), await store().remove(address)],
      ["absent", undefined, false],
    );
  },
  "a chunk lies in one vault once, however often it comes": async ({ store }) => {
    const a = entry();
    const together = await Promise.all([store().put([a, a]), store().put([{ ...a, vault: second }])]);
    assert.deepEqual(together, [["stored", "held"], ["held"]]);
    assert.deepEqual(await store().put([entry(), a]), ["stored", "held"]);
    assert.deepEqual(
      store()
        .vaults()
        .map(({ chunks }) => chunks),
      [2, 0],
    );
  },
  "a removed chunk is gone, costs nothing, and can come again": async ({ store }) => {
    const a = entry();
    await store().put([a]);
    assert.deepEqual([await store().remove(a.address), await store().remove(a.address)], [true, false]);
    assert.equal((await store().get(a.address)).kind, "absent");
    assert.equal(store().vaults()[0]?.used, 0);
    assert.deepEqual(await store().put([a]), ["stored"]);
    assert.deepEqual(bytesOf(await store().get(a.address)), Buffer.from(a.bytes));
  },
  "used counts overhead, and the disk figure names the same bytes": async ({ store }) => {
    await store().put([entry(1000), entry(5000), entry(3000, second)]);
    assert.deepEqual(
      store()
        .vaults()
        .map(({ used, capacity: all }) => [used, all]),
      [
        [chunkCost(1000) + chunkCost(5000), capacity],
        [chunkCost(3000), capacity],
      ],
    );
    const { live, overhead, free, total } = await store().disk();
    assert.equal(live, 9000);
    assert.ok(overhead > 0 && free > 0 && free <= total);
  },
  "a vault takes no more than it declared, and another one goes on": async ({ store }) => {
    let changes = 0;
    store().onChange(() => {
      changes += 1;
    });
    const kept: PutEntry[] = [];
    const isFull = async (): Promise<boolean> => {
      const next = entry(mib);
      const [outcome] = await store().put([next]);
      if (outcome === "stored") kept.push(next);
      return outcome === "full";
    };
    while (!(await isFull())) assert.ok(kept.length < 16, "16 MiB and overhead never fit 16 MiB");
    const [usage] = store().vaults();
    assert.ok(usage !== undefined && usage.used <= capacity && usage.used > capacity * 0.9, String(usage?.used));
    assert.deepEqual(await store().put([entry(mib, second)]), ["stored"]);
    assert.deepEqual(await store().put([kept[3] ?? assert.fail()]), ["held"], "what is held is held on a full vault too");
    assert.deepEqual(bytesOf(await store().get(kept[0]?.address ?? assert.fail())), Buffer.from(kept[0]?.bytes ?? []));
    for (const { address } of kept.splice(0, 2)) assert.equal(await store().remove(address), true);
    assert.deepEqual(await store().put([entry(mib)]), ["stored"]);
    // 15 of 16 MiB are under 95 %: fullness is reached with what fits beside.
    await store().put([entry(mib * 0.9)]);
    assert.equal(store().vaults()[0]?.full, (store().vaults()[0]?.used ?? 0) >= capacity * 0.95);
    assert.equal(changes > 0, store().vaults()[0]?.full);
  },
  "a vault that was not declared has no room": async ({ store }) => {
    assert.deepEqual(await store().put([entry(10, stranger), entry(10)]), ["full", "stored"]);
  },
  "many calls at once are all answered, each in the order of its entries": async ({ store }) => {
    const calls = Array.from({ length: 50 }, () => [entry(100), entry(20_000, second)]);
    const outcomes = await Promise.all(calls.map((entries) => store().put(entries)));
    assert.ok(outcomes.flat().every((outcome) => outcome === "stored"));
    const reads = await Promise.all(calls.flat().map(({ address }) => store().get(address)));
    assert.deepEqual(
      reads.map(bytesOf),
      calls.flat().map(({ bytes }) => Buffer.from(bytes)),
    );
  },
  "the caller's bytes are its own again once put resolved": async ({ store }) => {
    const a = entry();
    const original = Buffer.from(a.bytes);
    await store().put([a]);
    a.bytes.fill(0);
    assert.deepEqual(bytesOf(await store().get(a.address)), original);
  },
  "a chunk over the limit is refused, nothing at all is kept well": async ({ store }) => {
    assert.equal(await refusal(store().put([entry(), entry(chunkSizeMax + 1)])), "too-large");
    assert.deepEqual(await store().put([]), []);
    assert.deepEqual([...store().addresses()], []);
    assert.deepEqual(await store().put([entry(chunkSizeMax)]), ["stored"]);
  },
  "what was acknowledged is there after the next start, with its accounts": async (stage) => {
    const [a, b, c] = [entry(), entry(50_000, second), entry()];
    await stage.store().put([a, b, c]);
    await stage.store().remove(c.address);
    const usages = stage.store().vaults();
    const info = stage.store().info(a.address);
    await stage.reopen();
    assert.deepEqual(stage.store().vaults(), usages);
    assert.deepEqual(stage.store().info(a.address), info);
    assert.deepEqual(bytesOf(await stage.store().get(b.address)), Buffer.from(b.bytes));
    assert.equal((await stage.store().get(c.address)).kind, "absent");
  },
  "the removal of a damaged chunk spares what was put in its place meanwhile": async (stage) => {
    const [a, b] = [entry(), entry()];
    await stage.store().put([a, b]);
    for (const { address } of [a, b]) {
      await stage.damage(address);
      assert.equal((await stage.store().get(address)).kind, "damaged");
    }
    const put = stage.store().put([a]);
    const removed = [stage.store().remove(a.address, "damaged"), stage.store().remove(b.address, "damaged")];
    assert.deepEqual([await put, await Promise.all(removed)], [["stored"], [false, true]]);
    assert.deepEqual(bytesOf(await stage.store().get(a.address)), Buffer.from(a.bytes));
    assert.equal((await stage.store().get(b.address)).kind, "absent");
    assert.equal(await stage.store().remove(a.address, "damaged"), false);
  },
  "damaged bytes are never served, and the chunk can be put anew": async (stage) => {
    const [a, b] = [entry(9000, second), entry()];
    await stage.store().put([a, b]);
    await stage.damage(a.address);
    assert.deepEqual(await stage.store().get(a.address), { kind: "damaged", vault: second });
    assert.deepEqual([stage.store().info(a.address), [...stage.store().addresses()]], [undefined, [b.address]]);
    assert.deepEqual(await stage.store().put([a]), ["stored"]);
    assert.deepEqual(bytesOf(await stage.store().get(a.address)), Buffer.from(a.bytes));
    assert.deepEqual(
      stage
        .store()
        .vaults()
        .map(({ chunks }) => chunks),
      [1, 1],
    );
  },
  "going through all addresses bears changes meanwhile": async ({ store }) => {
    const all = Array.from({ length: 40 }, () => entry(10));
    await store().put(all);
    const seen = new Set<Address>();
    for (const address of store().addresses()) {
      seen.add(address);
      if (seen.size === 10) await store().put([entry(10), entry(10)]);
    }
    assert.ok(all.every(({ address }) => seen.has(address)));
  },
  "a closed store says so": async ({ store }) => {
    await store().close();
    await store().close();
    assert.deepEqual(
      await Promise.all([store().put([entry()]), store().get(entry().address), store().remove(entry().address)].map(refusal)),
      ["closed", "closed", "closed"],
    );
  },
};

/** Plays the contract over stores made by `create` for vaults of the given capacity. */
export function chunkStoreContract(name: string, create: (vaults: readonly DeclaredVault[]) => Promise<ContractStore>): void {
  describe(`chunk store: ${name}`, () => {
    for (const [title, play] of Object.entries(scenes))
      it(title, async () => {
        const stage = await create([
          { vault: first, capacity },
          { vault: second, capacity },
        ]);
        try {
          await play(stage);
        } finally {
          await stage.end();
        }
      });
  });
}
