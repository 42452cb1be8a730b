// Proves the pure decisions of puts and reads case by case, and the small parts they rest on: estimates, queues, ledger.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Holder } from "../network/directory.ts";
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { createCopiesLedger } from "./copies-ledger.ts";
import { createHedgeBudget } from "./hedge-budget.ts";
import { createNodeQueues } from "./node-queues.ts";
import { lateAfterMs, nextEstimate } from "./peer-pace.ts";
import { afterFailure, type CopyAttempt, type CopyState, decidePut } from "./put-decision.ts";
import { type AskState, decideRead, expectedCopies, readOrder, shareHolders } from "./read-decision.ts";

const peer = (name: string): PeerId => name as PeerId;
const peers = (names: string): PeerId[] => [...names].map(peer);
const policy = { min: 4, target: 5, max: 8 };
const attempts = (states: Record<string, CopyState>): Map<PeerId, CopyAttempt> =>
  new Map(Object.entries(states).map(([name, state]) => [peer(name), { state, tries: 1 }]));

describe("whom a put asks", () => {
  const decide = (names: string, states: Record<string, CopyState>): ReturnType<typeof decidePut> =>
    decidePut({ policy, candidates: peers(names), attempts: attempts(states) });

  it("target nodes at first, in order", () => {
    assert.deepEqual(decide("abcdefgh", {}), { ask: peers("abcde"), enough: false, over: false });
  });
  it("one more for each that failed or is late", () => {
    assert.deepEqual(decide("abcdefgh", { a: "failed", b: "late", c: "asked", d: "asked", e: "stored" }).ask, peers("fg"));
  });
  it("nobody while enough are on their way", () => {
    assert.deepEqual(decide("abcdefgh", { a: "stored", b: "stored", c: "asked", d: "asked", e: "asked" }).ask, []);
  });
  it("those that rested only after all others", () => {
    assert.deepEqual(decide("abcdef", { a: "rested", b: "stored", c: "stored", d: "stored", e: "failed" }).ask, peers("fa"));
  });
  it("enough at min, over at target", () => {
    const four = { a: "stored", b: "stored", c: "stored", d: "stored" } as const;
    assert.deepEqual(decide("abcdefgh", { ...four, e: "asked" }), { ask: [], enough: true, over: false });
    assert.deepEqual(decide("abcdefgh", { ...four, e: "stored" }), { ask: [], enough: true, over: true });
    assert.deepEqual(decide("abcd", four), { ask: [], enough: true, over: true });
  });
  it("over when min cannot be reached, but not before those on their way have answered", () => {
    assert.equal(decide("abcd", { a: "failed", b: "asked", c: "stored", d: "stored" }).over, false);
    assert.equal(decide("abcd", { a: "failed", b: "failed", c: "stored", d: "stored" }).over, true);
    assert.equal(decide("abcd", { a: "resting", b: "stored", c: "stored", d: "stored" }).over, false);
  });
  it("never more than max at once, never somebody twice, and always ends", () => {
    const state = fc.constantFrom<CopyState>("asked", "late", "stored", "resting", "rested", "failed");
    const facts = fc.record({
      names: fc.uniqueArray(fc.constantFrom(..."abcdefghijklmnop")),
      states: fc.dictionary(fc.constantFrom(..."abcdefghijklmnop"), state),
    });
    fc.assert(
      fc.property(facts, ({ names, states }) => {
        const decision = decide(names.join(""), states);
        const held = Object.values(states).filter((one) => one === "stored" || one === "asked" || one === "late").length;
        assert.ok(decision.ask.length === 0 || held + decision.ask.length <= policy.max);
        assert.equal(new Set(decision.ask).size, decision.ask.length);
        assert.ok(decision.ask.every((one) => states[one] === undefined || states[one] === "rested"));
        const pending = Object.values(states).some((one) => one === "asked" || one === "late" || one === "resting");
        assert.ok(decision.over || pending || decision.ask.length > 0);
      }),
    );
  });
  it("a failure that may pass rests until its tries are used up", () => {
    assert.equal(afterFailure({ state: "asked", tries: 1 }, "busy", 2).state, "resting");
    assert.equal(afterFailure({ state: "asked", tries: 2 }, "busy", 2).state, "failed");
    assert.equal(afterFailure({ state: "asked", tries: 1 }, "full", 2).state, "failed");
  });
});

describe("whom a read asks", () => {
  const candidates = (names: string, doubtful = ""): { peer: PeerId; doubtful: boolean }[] => [
    ...peers(names).map((one) => ({ peer: one, doubtful: false })),
    ...peers(doubtful).map((one) => ({ peer: one, doubtful: true })),
  ];
  const statesOf = (asked: Record<string, AskState>) => new Map(Object.entries(asked).map(([name, state]) => [peer(name), state]));
  const decide = (names: string, asked: Record<string, AskState>): ReturnType<typeof decideRead> =>
    decideRead(candidates(names), statesOf(asked), []);
  // Capitals are vaults that still join.
  const holders = (names: string): Holder[] =>
    [...names].map((name) => ({ peer: peer(name), entry: { state: name < "a" ? "joining" : "active" } }) as Holder);
  const ask = (name: string): ReturnType<typeof decideRead> => ({ kind: "ask", candidate: { peer: peer(name), doubtful: false } });

  it("one at a time, the next beside a late one or after an answer without bytes", () => {
    assert.deepEqual(decide("abc", {}), ask("a"));
    assert.deepEqual(decide("abc", { a: "asked" }), { kind: "wait" });
    assert.deepEqual(decide("abc", { a: "late" }), ask("b"));
    assert.deepEqual(decide("abc", { a: "not-held" }), ask("b"));
    assert.deepEqual(decide("abc", { a: "late", b: "asked" }), { kind: "wait" });
  });
  it("those that failed once more at the end", () => {
    assert.deepEqual(decide("ab", { a: "failed", b: "not-held" }), ask("a"));
    assert.deepEqual(decide("ab", { a: "lost", b: "not-held" }), { kind: "over", why: "not-found" });
  });
  it("gives up with the worst that was seen", () => {
    assert.deepEqual(decide("ab", { a: "not-held", b: "wrong" }), { kind: "over", why: "damaged" });
    assert.deepEqual(decide("ab", { a: "not-held", b: "damaged" }), { kind: "over", why: "damaged" });
    assert.deepEqual(decide("ab", { a: "lost", b: "lost" }), { kind: "over", why: "unreachable" });
    assert.deepEqual(decide("", {}), { kind: "over", why: "unreachable" });
  });
  it("not found only where fewer of those that should have it are silent than have it", () => {
    // Holders a to e, outsiders f and g; the first so many holders do not answer, the rest lack it.
    const outcome = (silent: string, before = ""): string => {
      const lost = peers(silent).map((one): [PeerId, AskState] => [one, "lost"]);
      const asked = new Map([...peers("abcdefgvwxyz").map((one): [PeerId, AskState] => [one, "not-held"]), ...lost]);
      const decision = decideRead([], asked, expectedCopies({ due: holders("abcde"), before: holders(before) }, policy));
      return decision.kind === "over" ? decision.why : decision.kind;
    };
    for (const silent of ["", "a", "ab", "abc", "fg", "abfg"]) assert.equal(outcome(silent), "not-found", silent);
    for (const silent of ["abcd", "bcde", "abcde"]) assert.equal(outcome(silent), "unreachable", silent);
    assert.equal(outcome("vwxy", "vwxyz"), "unreachable", "those that had it before vaults joined");
    assert.equal(outcome("abvw", "vwxyz"), "not-found");
  });
  it("not where one that is said to have taken it is silent", () => {
    const asked = statesOf({ a: "not-held", b: "not-held", f: "lost" });
    assert.deepEqual(decideRead([], asked, [{ peers: peers("f"), copies: 1 }]), { kind: "over", why: "unreachable" });
  });
  const believing = { cost: (one: PeerId): number => -one.charCodeAt(0), distrusts: (): boolean => false };
  it("the close ones cheapest first, then the wider circle, then the doubtful", () => {
    const order = readOrder(
      { close: holders("abc"), before: [], wide: holders("abcde"), far: [], due: [], all: holders("xabcde") },
      believing,
    );
    assert.deepEqual(order, candidates("cbade", "x"));
  });
  it("those distrusted after all that are believed, and before those believed away", () => {
    const distrusts = (one: PeerId): boolean => one === "b" || one === "x";
    const order = readOrder(
      { close: holders("abc"), before: [], wide: holders("abcde"), far: [], due: [], all: holders("xabcde") },
      { ...believing, distrusts },
    );
    assert.deepEqual(order, candidates("cadeb", "x"));
  });
  it("a close holder that still joins after those that have everything", () => {
    const order = readOrder(
      { close: holders("aBc"), before: [], wide: holders("aBcd"), far: [], due: [], all: holders("aBcd") },
      believing,
    );
    assert.deepEqual(order, candidates("caBd"));
  });
  it("shares small reads out over as few nodes as a greedy choice finds", () => {
    const shared = shareHolders([peers("abc"), peers("bc"), peers("cd"), peers("d"), []], () => 1);
    assert.deepEqual(shared, [...peers("cccd"), undefined]);
  });
});

describe("when an answer is late", () => {
  it("an unknown node gets the longest time, a known one what its answers say, within bounds", () => {
    const bounds = { min: 40, max: 1_000 };
    assert.equal(lateAfterMs(undefined, bounds), 1_000);
    let estimate = nextEstimate(undefined, 100);
    for (let i = 0; i < 100; i += 1) estimate = nextEstimate(estimate, 100);
    assert.ok(Math.abs(lateAfterMs(estimate, bounds) - 100) < 1);
    for (let i = 0; i < 100; i += 1) estimate = nextEstimate(estimate, 1);
    assert.equal(lateAfterMs(estimate, bounds), 40);
  });
  it("only a share of reads may ask a second node for lateness alone", () => {
    const budget = createHedgeBudget({ share: 0.1, burst: 2 });
    assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false]);
    for (let i = 0; i < 11; i += 1) budget.earn();
    assert.deepEqual([budget.take(), budget.take()], [true, false]);
  });
});

describe("node queues", () => {
  it("put what is asked in one turn, or while the node is busy, into one message; fill it no further than it may be", async () => {
    const sent: number[][] = [];
    const open: (() => void)[] = [];
    const queues = createNodeQueues<number, number>({
      messagesPerNode: 1,
      fits: (jobs) => jobs.length < 3,
      send: async (_peer, jobs) => {
        sent.push([...jobs]);
        await new Promise<void>((resolve) => open.push(resolve));
        return jobs.map((job) => job * 10);
      },
      givenUp: -1,
    });
    const { signal } = new AbortController();
    const asked = [1, 2].map((job) => queues.ask(peer("a"), job, signal));
    await Promise.resolve();
    const later = [3, 4, 5, 6].map((job) => queues.ask(peer("a"), job, signal));
    const other = queues.ask(peer("b"), 7, signal);
    const left = new AbortController();
    const leaving = queues.ask(peer("a"), 8, left.signal);
    left.abort();
    assert.equal(await leaving, -1);
    assert.deepEqual(sent, [[1, 2], [7]]);
    while (sent.length < 4 || open.length > 0) {
      open.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(await Promise.all([...asked, ...later, other]), [10, 20, 30, 40, 50, 60, 70]);
    assert.deepEqual(sent.slice(2), [[3, 4, 5], [6]]);
  });

  it("give a message up only when nobody wants any part of it", async () => {
    let given = 0;
    const queues = createNodeQueues<number, string>({
      messagesPerNode: 1,
      fits: () => true,
      send: (_peer, jobs, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            given += 1;
            resolve(jobs.map(() => "given up"));
          });
        }),
      givenUp: "never sent",
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const answers = Promise.all([queues.ask(peer("a"), 1, one.signal), queues.ask(peer("a"), 2, two.signal)]);
    await Promise.resolve();
    one.abort();
    assert.equal(given, 0);
    two.abort();
    assert.equal(given, 1);
    assert.deepEqual(await answers, ["given up", "given up"]);
  });
});

describe("the ledger of copies", () => {
  const address = (name: string): Address => name as Address;
  it("counts chunks below min and target by the holders that live now, each chunk by its last note", () => {
    const ledger = createCopiesLedger(10);
    ledger.note(address("1"), peers("abcd"));
    ledger.note(address("1"), peers("abcde"));
    ledger.note(address("2"), peers("edcba"));
    ledger.note(address("3"), peers("fghij"));
    assert.deepEqual(
      ledger.figures(policy, () => true),
      { lowest: 5, belowMin: 0, belowTarget: 0 },
    );
    assert.deepEqual(
      ledger.figures(policy, (one) => one !== "a"),
      { lowest: 4, belowMin: 0, belowTarget: 2 },
    );
    assert.deepEqual(
      ledger.figures(policy, (one) => one > "c"),
      { lowest: 2, belowMin: 2, belowTarget: 2 },
    );
  });
  it("forgets the oldest above its bound", () => {
    const ledger = createCopiesLedger(2);
    ledger.note(address("1"), peers("a"));
    for (const name of ["2", "3"]) ledger.note(address(name), peers("abcde"));
    assert.deepEqual(
      ledger.figures(policy, () => true),
      { lowest: 5, belowMin: 0, belowTarget: 0 },
    );
  });
});
