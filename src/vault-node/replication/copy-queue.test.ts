// Proves that the queue of copies gives the most pressing first, fills messages for one vault within their limits, drops
// only what is least pressing when it is full, and that reminders come when they are due.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type CopyTask, createCopyQueue } from "./copy-queue.ts";
import type { CopyOrder } from "./plan-chunk.ts";
import { createReminders } from "./reminders.ts";

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

test("reminders come when due, at most so many, and the newest of a chunk counts", () => {
  const reminders = createReminders(3);
  reminders.set(address(1), { kind: "fresh", dueMs: 10 });
  reminders.set(address(1), { kind: "again", dueMs: 30 });
  reminders.set(address(2), { kind: "retry", dueMs: 20, owedTo: a.to });
  reminders.set(address(3), { kind: "again", dueMs: 20 });
  reminders.set(address(4), { kind: "again", dueMs: 0 });
  assert.deepEqual([reminders.size(), reminders.countOwedTo(a.to)], [3, 1], "beyond the limit nothing is remembered");
  const nobody = (): boolean => false;
  assert.deepEqual([...reminders.takeDue(19, 10, nobody).keys()], []);
  assert.deepEqual([...reminders.takeDue(30, 2, nobody).keys()], [address(1), address(2)]);
  assert.deepEqual([...reminders.takeDue(30, 2, nobody).keys()], [address(3)]);
  assert.equal(reminders.countOwedTo(a.to), 0);
});

test("who was awaited and is back makes its chunks due at once, and no others", () => {
  const reminders = createReminders(9);
  reminders.set(address(1), { kind: "again", dueMs: 300, awaits: [a.to] });
  reminders.set(address(2), { kind: "again", dueMs: 300, awaits: [b.to] });
  reminders.set(address(3), { kind: "again", dueMs: 300 });
  assert.deepEqual([...reminders.takeDue(0, 10, () => false).keys()], []);
  assert.deepEqual([...reminders.takeDue(0, 10, (peer) => peer === a.to).keys()], [address(1)]);
});
