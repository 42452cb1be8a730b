// Proves, over random histories too, that the queue of copies gives the most pressing first, fills messages for one vault within their limits, drops
// only what is least pressing when it is full, and that reminders come when they are due.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, type VaultName, vaultName } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type CopyQueue, type CopyTask, createCopyQueue } from "./copy-queue.ts";
import type { CopyOrder } from "./plan-chunk.ts";
import { createReminders, type Seen } from "./reminders.ts";

const address = (n: number): Address => chunkAddress(Uint8Array.of(n));
const orderTo = (n: number, why: CopyOrder["why"] = "repair"): CopyOrder => {
  const { publicKey } = signingKeyFromSeed(new Uint8Array(32).fill(n));
  return { to: peerIdFromPublicKey(publicKey), vault: vaultName(publicKey), why };
};
const task = (n: number, order: CopyOrder, copies: number, size = 10): CopyTask => ({ address: address(n), order, copies, size });
const plenty = { chunks: 10, bytes: 1000 };
const [a, b] = [orderTo(1), orderTo(2)];

test("fewest copies first, whatever came first; placements last", () => {
  const queue = createCopyQueue(100);
  queue.put(address(1), [task(1, orderTo(1, "placement"), 5)]);
  queue.put(address(2), [task(2, a, 4)]);
  queue.put(address(3), [task(3, a, 2)]);
  queue.put(address(4), [task(4, b, 2)]);
  assert.deepEqual(queue.figures(), {
    repairs: new Map([
      [4, 1],
      [2, 2],
    ]),
    chunks: 3,
    placements: 1,
    bytes: 40,
  });
  const taken = [1, 2, 3, 4].map(() => queue.take(new Set(), plenty)?.map((one) => one.address));
  assert.deepEqual(taken, [[address(3)], [address(4)], [address(2)], [address(1)]]);
  assert.equal(queue.take(new Set(), plenty), undefined);
});

test("a batch is for one vault, within chunks and bytes, and never for a node that is busy", () => {
  const queue = createCopyQueue(100);
  for (let n = 0; n < 6; n += 1) queue.put(address(n), [task(n, n === 1 ? b : a, 3)]);
  assert.equal(queue.countFor(a.to), 5);
  assert.deepEqual(
    queue.take(new Set(), { chunks: 10, bytes: 35 })?.map((one) => one.address),
    [address(0), address(2), address(3)],
  );
  assert.deepEqual(
    queue.take(new Set([a.to]), plenty)?.map((one) => one.address),
    [address(1)],
  );
  assert.equal(queue.take(new Set([a.to]), plenty), undefined);
  assert.deepEqual(
    queue.take(new Set(), { chunks: 1, bytes: 1000 })?.map((one) => one.address),
    [address(4)],
  );
  assert.equal(queue.countFor(a.to), 1);
});

test("what is planned anew for a chunk takes the place of what was", () => {
  const queue = createCopyQueue(100);
  queue.put(address(1), [task(1, a, 3), task(1, b, 3)]);
  queue.put(address(1), [task(1, b, 4)]);
  assert.deepEqual([queue.countFor(a.to), queue.countFor(b.to)], [0, 1]);
  queue.put(address(1), []);
  assert.deepEqual(queue.figures().bytes, 0);
});

test("full: only something less pressing makes room", () => {
  const queue = createCopyQueue(2);
  assert.ok(queue.put(address(1), [task(1, a, 4)]));
  assert.ok(queue.put(address(2), [task(2, a, 3)]));
  assert.equal(queue.put(address(3), [task(3, a, 4)]), false);
  assert.ok(queue.put(address(4), [task(4, a, 2)]));
  assert.deepEqual(
    queue.take(new Set(), plenty)?.map((one) => one.address),
    [address(4)],
  );
  assert.deepEqual(
    queue.take(new Set(), plenty)?.map((one) => one.address),
    [address(2)],
  );
  assert.equal(queue.take(new Set(), plenty), undefined);
});

const tasksMax = 6;
const orders = [orderTo(1), orderTo(2), orderTo(3), orderTo(1, "placement"), orderTo(2, "placement")];
// Repairs before placements, and a node once, as the planner orders them.
const plans = fc.subarray(orders).filter((one) => new Set(one.map(({ to }) => to)).size === one.length);
const step = fc.oneof(
  fc.record({ n: fc.nat(5), to: plans, copies: fc.nat(4), size: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ busy: fc.subarray([1, 2, 3]), chunks: fc.integer({ min: 1, max: 4 }), bytes: fc.integer({ min: 1, max: 40 }) }),
);
const pressure = ({ order, copies }: CopyTask): number => (order.why === "placement" ? Number.POSITIVE_INFINITY : copies);

test("over any history: bounded, what is dropped is never more pressing than what stays, and what is taken is the most pressing", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = createCopyQueue(tasksMax);
      // By a plain list: what is in the queue.
      let waiting: readonly CopyTask[] = [];
      for (const one of steps) {
        if ("n" in one) waiting = putAndCheck(queue, waiting, one);
        else {
          const busy = new Set(one.busy.map((n) => orderTo(n).to));
          const batch: readonly CopyTask[] = queue.take(busy, one) ?? [];
          const able = waiting.filter(({ order }) => !busy.has(order.to));
          assert.equal(batch.length === 0, able.length === 0, "who can be sent something is");
          assert.ok(batch.length <= one.chunks);
          assert.ok(batch.length <= 1 || batch.reduce((sum, { size }) => sum + size, 0) <= one.bytes);
          assert.ok(new Set(batch.map(({ order }) => order.vault)).size <= 1);
          for (const taken of batch) assert.ok(able.includes(taken) && able.every((other) => pressure(taken) <= pressure(other)));
          waiting = waiting.filter((other) => !batch.includes(other));
        }
        assert.equal(
          queue.figures().bytes,
          waiting.reduce((sum, { size }) => sum + size, 0),
        );
        assert.deepEqual(new Set(queue.addresses()), new Set(waiting.map((other) => other.address)));
      }
    }),
    { numRuns: 500 },
  );
});

type Put = { readonly n: number; readonly to: readonly CopyOrder[]; readonly copies: number; readonly size: number };

/** Plans a chunk anew; what is waiting after it, by a plain list. */
function putAndCheck(queue: CopyQueue, waiting: readonly CopyTask[], { n, to, copies, size }: Put): readonly CopyTask[] {
  const tasks = to.map((order) => task(n, order, copies, size));
  const wasPut = queue.put(address(n), tasks);
  let left = waiting.filter((other) => other.address !== address(n));
  const [first] = tasks;
  if (first === undefined) return left;
  while (left.length + tasks.length > tasksMax) {
    const most = Math.max(...left.map(pressure));
    const last = left.find((other) => pressure(other) === most);
    if (last === undefined || most <= pressure(first)) break;
    left = left.filter((other) => other !== last);
  }
  const fits = left.length + tasks.length <= tasksMax;
  assert.equal(wasPut, fits);
  return fits ? [...left, ...tasks] : left;
}

const nobody: Seen = { isBack: () => false, taking: () => new Set() };

test("reminders come when due, at most so many, and the newest of a chunk counts", () => {
  const reminders = createReminders(3);
  reminders.set(address(1), { kind: "fresh", dueMs: 10 });
  reminders.set(address(1), { kind: "again", dueMs: 30, spare: false });
  reminders.set(address(2), { kind: "retry", dueMs: 20, owedTo: a.to });
  reminders.set(address(3), { kind: "again", dueMs: 20, spare: false });
  reminders.set(address(4), { kind: "again", dueMs: 0, spare: false });
  assert.deepEqual([reminders.size(), reminders.countOwedTo(a.to)], [3, 1], "beyond the limit nothing is remembered");
  assert.deepEqual([...reminders.takeDue(19, 10, nobody).keys()], []);
  assert.deepEqual([...reminders.takeDue(30, 2, nobody).keys()], [address(1), address(2)]);
  assert.deepEqual([...reminders.takeDue(30, 2, nobody).keys()], [address(3)]);
  assert.equal(reminders.countOwedTo(a.to), 0);
});

test("who was awaited and is back makes its chunks due at once, and no others", () => {
  const reminders = createReminders(9);
  reminders.set(address(1), { kind: "again", dueMs: 300, spare: false, awaits: [a.to] });
  reminders.set(address(2), { kind: "again", dueMs: 300, spare: false, awaits: [b.to] });
  reminders.set(address(3), { kind: "again", dueMs: 300, spare: false });
  assert.deepEqual([...reminders.takeDue(0, 10, nobody).keys()], []);
  assert.deepEqual([...reminders.takeDue(0, 10, { ...nobody, isBack: (peer) => peer === a.to }).keys()], [address(1)]);
});

test("chunks that wait for room are due once one of those vaults takes new chunks, but not before they were let rest", () => {
  const reminders = createReminders(9);
  const seeing = (vault: VaultName): Seen => ({ ...nobody, taking: () => new Set([vault]) });
  reminders.set(address(1), { kind: "again", dueMs: 300, spare: false, room: { vaults: [b.vault, a.vault], fromMs: 50 } });
  reminders.set(address(2), { kind: "again", dueMs: 300, spare: false, room: { vaults: [b.vault], fromMs: 50 } });
  assert.deepEqual(
    [1, 2, 3].map((n) => reminders.awaitsRoom(address(n))),
    [true, true, false],
  );
  assert.deepEqual([...reminders.takeDue(49, 10, seeing(a.vault)).keys()], []);
  assert.deepEqual([...reminders.takeDue(50, 10, nobody).keys()], []);
  assert.deepEqual([...reminders.takeDue(50, 10, seeing(a.vault)).keys()], [address(1)]);
});

test("what waits for a vault can be taken out of the queue, the rest stays", () => {
  const queue = createCopyQueue(9);
  queue.put(address(1), [task(1, a, 3, 10), task(1, b, 3, 10)]);
  queue.put(address(2), [task(2, a, 4, 20)]);
  assert.deepEqual(
    queue.giveUp(a.vault).map((one) => one.address),
    [address(1), address(2)],
  );
  assert.deepEqual([[...queue.addresses()], queue.countFor(a.to), queue.countFor(b.to), queue.figures().bytes], [[address(1)], 0, 1, 10]);
});

test("where places are scarce what is spare gives way; that something was forgotten is known until all is looked through", () => {
  const reminders = createReminders(3);
  const short = (n: number): void => reminders.set(address(n), { kind: "again", dueMs: n, spare: false });
  reminders.set(address(1), { kind: "again", dueMs: 1, spare: true });
  reminders.set(address(2), { kind: "turn", dueMs: 2, spare: true, first: a.to });
  reminders.set(address(3), { kind: "fresh", dueMs: 3 });
  short(4);
  short(5);
  reminders.set(address(6), { kind: "again", dueMs: 6, spare: true });
  short(7);
  assert.equal(reminders.mayFetchForgotten(), false, "no place for them yet");
  assert.deepEqual([...reminders.takeDue(9, 2, nobody).keys()], [address(3), address(4)]);
  assert.equal(reminders.mayFetchForgotten(), true);
  reminders.startAnew();
  assert.equal(reminders.mayFetchForgotten(), false);
  assert.deepEqual([...reminders.takeDue(9, 9, nobody).keys()], [address(5)]);
});

test("whoever queues hears of what gave way to something more pressing, and of nothing else", () => {
  const out: CopyTask[] = [];
  const queue = createCopyQueue(2, (one) => out.push(one));
  const [least, middle] = [task(1, a, 4), task(2, a, 3)];
  queue.put(address(1), [least]);
  queue.put(address(2), [middle]);
  assert.equal(queue.put(address(3), [task(3, a, 4)]), false);
  assert.deepEqual(out, []);
  queue.put(address(4), [task(4, a, 1)]);
  assert.deepEqual(out, [least]);
  queue.put(address(5), [task(5, a, 1)]);
  assert.deepEqual(out, [least, middle]);
});
