// Proves how long a running farm rests between two looks: not at all after something was made, shortly while something is under way, a while
// while only a proof is missing, until the moment that is waited for, and never longer than a person who scales it would wait; and
// that what the system refuses ends a farm only at its start.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import { createBearer, pause } from "./supervisor.ts";

const why = "the test says so";
const nowMs = 1_000_000;
const prove: FarmAction = { kind: "prove-node", name: "a", purpose: "removal", among: [], keep: false, why };
const waitFor = (ms: number): FarmAction => ({ kind: "wait", name: "a", untilMs: nowMs + ms, why });
const cases: readonly (readonly [string, readonly FarmAction[], number])[] = [
  ["nothing to do", [], 5000],
  ["a node was made", [{ kind: "create-node", zone: "", why }, prove], 0],
  ["a gateway was made", [{ kind: "create-gateway", why }], 0],
  ["a process is on its way", [{ kind: "wait", name: "a", why }], 150],
  ["only a proof is missing", [prove], 2000],
  ["a proof is missing, and a process is on its way", [prove, { kind: "wait", name: "b", why }], 150],
  ["half a minute is waited for", [waitFor(30_000)], 5000],
  ["a moment is waited for", [waitFor(700), prove], 700],
  ["what was waited for is over", [waitFor(-5)], 0],
  ["a first certificate that nobody takes", [{ kind: "found-network", why }], 5000],
];

test("as long as there is nothing to be seen sooner", () => {
  for (const [what, actions, ms] of cases) assert.equal(pause(actions, nowMs), ms, what);
});

test("with anything more to do never longer, and always between nothing and five seconds", () => {
  const action = fc.constantFrom(...cases.flatMap(([, actions]) => actions));
  fc.assert(
    fc.property(fc.array(action), action, (actions, more) => {
      const [before, after] = [pause(actions, nowMs), pause([...actions, more], nowMs)];
      assert.ok(after <= before && after >= 0 && before <= 5000);
    }),
  );
});

test("what the system refuses is told once and tried again; at first, and what is a fault of ours, it rejects", async () => {
  const told: string[] = [];
  const bear = createBearer({ onNews: (sentence) => void told.push(sentence) });
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  const refuse = (): Promise<void> => Promise.reject(full);
  await assert.rejects(bear(refuse), full);
  assert.equal(await bear(async () => {}), undefined);
  assert.deepEqual([await bear(refuse), await bear(refuse)], [full, full]);
  assert.deepEqual(told, [`the system refuses something, which is tried again: ${full.message}`]);
  await assert.rejects(
    bear(() => Promise.reject(new TypeError("a slip"))),
    TypeError,
  );
  assert.deepEqual([await bear(async () => {}), await bear(refuse), told.length], [undefined, full, 2]);
});
