// Proves the figures of the score's formula, how audits, silence and days move it, and that what was seen outlives the
// process. Method: the pure parts with the economy's own table; the board with nodes in memory on a virtual clock.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { createNodeViews } from "../../network/membership/node-views.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { standingBelow, standingOf } from "../../protocol/standing.ts";
import { type Log, silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { afterAudit, afterWindow, type ConductBook, conductInAWeek, factsOf, honestyOf, newBook, windowMs } from "./conduct-book.ts";
import { ageOf, conductOf, nextAudits, scoreOf } from "./score.ts";
import { createScoreboard, type ScoreboardParts, type ScoreMemory } from "./scoreboard.ts";

const rounded = (value: number): number => Math.round(value * 100) / 100;
const times = (count: number, from: ConductBook, step: (book: ConductBook) => ConductBook): ConductBook => {
  let book = from;
  for (let i = 0; i < count; i += 1) book = step(book);
  return book;
};
const goodDay = (book: ConductBook): ConductBook => times(144, afterAudit(book, "proven"), (one) => afterWindow(one, true));

describe("the formula", () => {
  it("gives the table of the economy", () => {
    const byDays = [0, 7, 14, 21, 28].map((goodDays) => rounded(scoreOf({ goodDays, audits: 1, answered: 1 })));
    assert.deepEqual(byDays, [0.03, 0.15, 0.5, 0.85, 0.97]);
    const byAudits = [0.97, 0.95, 0.92, 0.9].map((audits) => rounded(scoreOf({ goodDays: 60, audits, answered: 1 })));
    assert.deepEqual(byAudits, [0.98, 0.93, 0.74, 0.5]);
    const byUptime = [0.97, 0.95, 0.92, 0.9].map((answered) => rounded(scoreOf({ goodDays: 60, audits: 1, answered })));
    assert.deepEqual(byUptime, [0.94, 0.87, 0.68, 0.52]);
  });

  it("brings an old vault that turns bad below 0.8 of its audits within 45 wrong answers", () => {
    let audits = 1;
    for (let i = 0; i < 45; i += 1) audits = nextAudits(audits, 0);
    assert.ok(audits < 0.8);
  });

  it("leaves age out of conduct, doubles the way to each age, and names standings", () => {
    assert.equal(conductOf({ audits: 1, answered: 1 }), 1);
    assert.deepEqual([0, 1, 2, 3, 6, 7, 15].map(ageOf), [0, 1, 1, 2, 2, 3, 4]);
    assert.deepEqual([1, 0.88, 0.87, 0.79, 0.5, 0.2, 0.05].map(standingOf), [
      "good",
      "good",
      "warned",
      "slower",
      "distrusted",
      "no-new-chunks",
      "repaired",
    ]);
  });
});

describe("a vault's book", () => {
  it("counts a day as good with 20 hours up, an audit proven and none failed", () => {
    assert.equal(goodDay(newBook).goodDays, 1);
    assert.equal(times(144, newBook, (book) => afterWindow(book, true)).goodDays, 0);
    for (const verdict of ["wrong", "missing", "silent"] as const) assert.equal(goodDay(afterAudit(newBook, verdict)).goodDays, 0);
    const down = (windows: number): ConductBook =>
      times(
        144 - windows,
        times(windows, afterAudit(newBook, "proven"), (book) => afterWindow(book, false)),
        (book) => afterWindow(book, true),
      );
    assert.deepEqual([down(24).goodDays, down(25).goodDays], [1, 0]);
  });

  it("halves good days for an absence of three days, and forgets days after thirty", () => {
    const old = times(28, newBook, goodDay);
    assert.equal(old.goodDays, 28);
    const away = times(3 * 144, old, (book) => afterWindow(book, false));
    assert.equal(away.goodDays, 14);
    assert.ok(factsOf(away).answered < 0.92);
    const back = times(30, away, goodDay);
    assert.equal(factsOf(back).answered, 1);
    assert.equal(back.days.length, 30);
  });

  it("gives no verdict on honesty for silence, and half the worth for lateness", () => {
    assert.equal(factsOf(afterAudit(newBook, "silent")).audits, 1);
    assert.equal(factsOf(afterAudit(newBook, "unasked")).audits, 1);
    assert.equal(factsOf(afterAudit(newBook, "late")).audits, 0.9975);
    assert.equal(factsOf(afterAudit(newBook, "wrong")).audits, 0.995);
  });
});

describe("where a vault's conduct goes", () => {
  const dayWith = (book: ConductBook, answered: number): ConductBook =>
    times(
      144 - answered,
      times(answered, book, (one) => afterWindow(one, true)),
      (one) => afterWindow(one, false),
    );
  const days = (count: number, from: ConductBook, answered: number): ConductBook => times(count, from, (book) => dayWith(book, answered));

  it("is said once there were more than seven days, and goes on as they went", () => {
    assert.equal(conductInAWeek(days(7, newBook, 144)), undefined);
    assert.equal(conductInAWeek(days(8, newBook, 144)), 1);
    const falling = days(7, days(20, newBook, 144), 125);
    const now = conductOf(factsOf(falling));
    const inAWeek = conductInAWeek(falling) ?? assert.fail();
    assert.ok(now >= standingBelow.slower && inAWeek < now && inAWeek > 0, `${now}, in a week ${inAWeek}`);
    const audited = times(12, days(8, newBook, 144), (book) => afterAudit(book, "missing"));
    assert.ok((conductInAWeek(audited) ?? 1) < conductOf(factsOf(audited)));
  });

  it("says nothing of days that an older node remembered without their audits", () => {
    const older = days(8, newBook, 144);
    assert.equal(conductInAWeek({ ...older, days: older.days.map(({ windows, answered }) => ({ windows, answered })) }), undefined);
  });
});

describe("how far a vault is believed", () => {
  const wrongs = (count: number): ConductBook => times(count, newBook, (book) => afterAudit(book, "wrong"));

  it("falls below the threshold with twenty wrong proofs, and not for being late, silent or away", () => {
    assert.ok(honestyOf(wrongs(18)) >= standingBelow.distrusted && honestyOf(wrongs(20)) < standingBelow.distrusted);
    assert.ok(honestyOf(times(20, newBook, (book) => afterAudit(book, "missing"))) < standingBelow.distrusted);
    for (const verdict of ["late", "silent", "later", "unasked"] as const)
      assert.equal(honestyOf(times(500, newBook, (book) => afterAudit(book, verdict))), 1);
    assert.equal(honestyOf(times(500, newBook, (book) => afterWindow(book, false))), 1);
  });

  it("falls below the threshold for evading, but no lower than some hours of proofs bring back", () => {
    const evader = times(500, newBook, (book) => afterAudit(book, "evaded"));
    assert.ok(honestyOf(evader) < standingBelow.distrusted && honestyOf(evader) >= honestyOf(wrongs(45)));
    assert.ok(honestyOf(times(160, evader, (book) => afterAudit(book, "proven"))) >= standingBelow.distrusted);
  });

  it("comes back by proofs, and by a day in which nothing went wrong, but not while it goes on", () => {
    const liar = wrongs(40);
    assert.ok(honestyOf(times(150, liar, (book) => afterAudit(book, "proven"))) >= standingBelow.distrusted);
    const quiet = times(2 * 144, liar, (book) => afterWindow(book, true));
    assert.ok(honestyOf(quiet) >= standingBelow.distrusted);
    const goingOn = times(2 * 144, liar, (book) => afterAudit(afterWindow(book, true), "wrong"));
    assert.ok(honestyOf(goingOn) < honestyOf(liar));
  });
});

describe("the board", () => {
  const [owner, nodeKey, vaultKey] = [1, 2, 3].map((byte) => signingKeyFromSeed(new Uint8Array(32).fill(byte)));
  assert.ok(owner && nodeKey && vaultKey);
  const [peer, vault] = [peerIdFromPublicKey(nodeKey.publicKey), vaultName(vaultKey.publicKey)];
  const self = peerIdFromPublicKey(owner.publicKey);
  const genesis = createGenesis({ name: "scores", copies: { min: 4, target: 5, max: 8 }, placeUnit: 1000, createdAt: 0 }, owner);
  const boardWith = (change: Partial<ScoreboardParts> = {}) => {
    const clock = createVirtualClock();
    const views = createNodeViews(genesis, clock.wallMs);
    const entry = { key: vaultKey, capacity: 32_000, used: 0, chunks: 0, state: "active", wallet: null } as const;
    const domain = { region: "", zone: "", host: "" };
    const draft = { addresses: [], domain, software: "", startCounter: 1, sequence: 1, signedAtMs: 0, vaults: [entry] };
    views.putRecord(createNodeRecord(genesis.networkId, nodeKey, draft), "live");
    return { clock, views, board: createScoreboard({ self, directory: views.directory, clock, log: silentLog, target: 5, ...change }) };
  };
  const memory = (text?: string): ScoreMemory & { text(): string | undefined; saves(): number } => {
    let [kept, saves] = [text, 0];
    return {
      load: async () => kept,
      save: async (next) => {
        kept = next;
        saves += 1;
      },
      text: () => kept,
      saves: () => saves,
    };
  };

  it("sees who answers, ages it day by day, and remembers over a restart", async () => {
    const kept = memory();
    const { clock, board } = boardWith({ memory: kept });
    await board.start();
    for (let day = 0; day < 3; day += 1) {
      board.audited(vault, "proven");
      await clock.advance(144 * windowMs);
    }
    assert.equal(kept.saves(), 3, "once a day");
    await board.stop();
    const again = boardWith({ memory: kept });
    await again.board.start();
    const [seen] = again.board.scores();
    assert.deepEqual([seen?.peer, seen?.vault, seen?.goodDays, seen?.age, seen?.conduct], [peer, vault, 3, 2, 1]);
    assert.equal(again.board.standings().good, 1);
    await again.board.stop();
  });

  it("believes nobody's claims less for what one auditor alone could not know, and remembers whom it caught", async () => {
    const kept = memory();
    const { board, views } = boardWith({ memory: kept, target: 2 });
    for (const n of [20, 21, 22]) {
      const entry = { key: signingKeyFromSeed(new Uint8Array(32).fill(n + 50)), capacity: 32_000, used: 0, chunks: 0 };
      const draft = {
        addresses: [],
        domain: { region: "", zone: "", host: "" },
        software: "",
        startCounter: 1,
        sequence: 1,
        signedAtMs: 0,
      };
      const record = createNodeRecord(genesis.networkId, signingKeyFromSeed(new Uint8Array(32).fill(n)), {
        ...draft,
        vaults: [{ ...entry, state: "active", wallet: null }],
      });
      views.putRecord(record, "live");
    }
    await board.start();
    for (let n = 0; n < 30; n += 1) board.audited(vault, "late");
    assert.deepEqual([...board.distrusted()], []);
    for (let n = 0; n < 30; n += 1) board.audited(vault, "wrong");
    assert.deepEqual([...board.distrusted()], [peer]);
    await board.stop();
    const again = boardWith({ memory: kept, target: 2 });
    for (const { record } of views.directory.nodes()) again.views.putRecord(record, "live");
    await again.board.start();
    assert.deepEqual([...again.board.distrusted()], [peer]);
    await again.board.stop();
  });

  it("warns of a vault that falls before it costs, once", async () => {
    const warned: string[] = [];
    const log: Log = { ...silentLog, warn: (sentence) => void warned.push(sentence) };
    const { clock, board } = boardWith({ log });
    await board.start();
    await clock.advance(8 * 144 * windowMs);
    assert.equal(board.falling(), 0);
    for (let n = 0; n < 13; n += 1) board.audited(vault, "missing");
    assert.equal(board.falling(), 1);
    assert.equal(warned.filter((sentence) => sentence.includes("in a week")).length, 1, warned.join("; "));
    for (let n = 0; n < 400; n += 1) board.audited(vault, "proven");
    assert.equal(board.falling(), 0);
    await board.stop();
  });

  it("takes up what an older node remembered", async () => {
    const book = { audits: 0.9, goodDays: 3, silentWindows: 0, today: { windows: 0, answered: 0, proven: 0, failed: 0 }, days: [] };
    const { board } = boardWith({ memory: memory(JSON.stringify({ format: 1, vaults: { [vault]: book } })) });
    await board.start();
    assert.deepEqual([board.scores()[0]?.goodDays, board.scores()[0]?.honesty], [3, 1]);
    await board.stop();
  });

  it("shows and judges members only: neither who is only told of nor who is gone", () => {
    const { views, board } = boardWith();
    const record = views.directory.node(peer)?.record ?? assert.fail();
    const known = (): number => board.scores().length + board.standings().good;
    views.remove(peer);
    views.putRecord(record, "suspected", true);
    assert.equal(known(), 0, "a stranger");
    views.setStranger(peer, false);
    assert.equal(known(), 2);
    views.setState(peer, "gone");
    assert.equal(known(), 0, "gone");
  });

  it("counts windows without an answer while a node is suspected", async () => {
    const { clock, views, board } = boardWith();
    await board.start();
    await clock.advance(20 * windowMs);
    views.setState(peer, "suspected");
    await clock.advance(5 * windowMs);
    assert.ok((board.scores()[0]?.conduct ?? 1) < 0.2);
    await board.stop();
  });

  it("begins anew where its memory is damaged, and keeps nothing of strangers", async () => {
    for (const text of ["not json", "{}", JSON.stringify({ format: 1, vaults: { [vault]: { audits: 7 } } })]) {
      const { board } = boardWith({ memory: memory(text) });
      await board.start();
      board.fault(self, "wrong-bytes");
      assert.deepEqual(
        board.scores().map(({ conduct, faults }) => [conduct, faults]),
        [[1, {}]],
      );
      await board.stop();
    }
  });
});
