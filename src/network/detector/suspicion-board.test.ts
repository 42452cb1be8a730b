// Proves that what one side writes on the board the other reads at its next poll, once, and since when; also from another
// thread while this one is busy.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createClaimBook } from "./claim-book.ts";
import { profileOf } from "./profiles.ts";
import { createShownHints } from "./shown-hints.ts";
import { boardSlotsMax, createBoardWriter, createSuspicionBoard, type Hint, type SuspicionBoard } from "./suspicion-board.ts";
import { createWatchBook } from "./watch-book.ts";

const peer = (n: number): PeerId => `peer-${n}` as PeerId;
const polled = (board: SuspicionBoard): readonly (readonly [PeerId, Hint])[] => {
  const found: [PeerId, Hint][] = [];
  board.poll((who, hint) => found.push([who, hint]));
  return found;
};

test("a change is told once, with the last of several hints, and a slot is for good", () => {
  const board = createSuspicionBoard();
  const writer = createBoardWriter(board.memory);
  assert.deepEqual([board.slotOf(peer(0)), board.slotOf(peer(1)), board.slotOf(peer(0))], [0, 1, 0]);
  assert.deepEqual(polled(board), []);
  writer.write(1, "silent", 5);
  writer.write(0, "told", 6);
  writer.write(0, "heard", 7);
  assert.deepEqual(polled(board), [[peer(1), "silent"]]);
  assert.deepEqual(polled(board), []);
  writer.write(1, "heard", 8);
  assert.deepEqual(polled(board), [[peer(1), "heard"]]);
});

test("a suspicion keeps its date when what was told is missed at first hand too", () => {
  const board = createSuspicionBoard();
  const writer = createBoardWriter(board.memory);
  board.slotOf(peer(0));
  writer.write(0, "told", 10);
  writer.write(0, "silent", 14);
  assert.deepEqual(board.standing(), [{ peer: peer(0), hint: "silent", hostMs: 10 }]);
  writer.write(0, "heard", 20);
  writer.write(0, "silent", 30);
  assert.equal(board.standing()[0]?.hostMs, 30);
});

test("a full board gives no slot, and what it has goes on", () => {
  const board = createSuspicionBoard();
  for (let n = 0; n < boardSlotsMax; n += 1) assert.equal(board.slotOf(peer(n)), n);
  assert.equal(board.slotOf(peer(boardSlotsMax)), undefined);
  createBoardWriter(board.memory).write(boardSlotsMax - 1, "told", 1);
  assert.deepEqual(polled(board), [[peer(boardSlotsMax - 1), "told"]]);
});

test("a node that left the ring while it was silent, and is in it again, is told of when it falls silent next", () => {
  const board = createSuspicionBoard();
  const [book, claims] = [createWatchBook(profileOf("lan")), createClaimBook(() => true)];
  const shown = createShownHints(createBoardWriter(board.memory), book, claims);
  const slot = board.slotOf(peer(0)) ?? assert.fail("no slot");
  shown.add("node", slot);
  claims.hear("watcher", { subject: "node", verdict: "silent" }, 0);
  shown.show("node", 0);
  assert.deepEqual(polled(board), [[peer(0), "told"]]);
  shown.remove("node", 1);
  polled(board);
  claims.forget();
  shown.add("node", slot);
  claims.hear("watcher", { subject: "node", verdict: "silent" }, 2);
  shown.show("node", 2);
  assert.deepEqual(polled(board), [[peer(0), "told"]]);
});

test("a busy thread reads what another wrote meanwhile without handling a message", async () => {
  const board = createSuspicionBoard();
  board.slotOf(peer(0));
  const code = `
    const { workerData } = require("node:worker_threads");
    import(workerData.board).then(({ createBoardWriter }) => createBoardWriter(workerData.memory).write(0, "silent", 1));`;
  const worker = new Worker(code, {
    eval: true,
    workerData: { board: new URL("suspicion-board.ts", import.meta.url).href, memory: board.memory },
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const deadlineMs = performance.now() + 20_000;
  let found: readonly unknown[] = [];
  // Never back to the event loop: only shared memory can bring it.
  while (found.length === 0 && performance.now() < deadlineMs) found = polled(board);
  assert.deepEqual(found, [[peer(0), "silent"]]);
  await worker.terminate();
});
