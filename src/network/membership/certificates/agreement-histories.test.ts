// Proves by random histories that nodes never make two certificates final in one place of the chain, and that they agree
// once the faults end: nodes are killed in the middle of their writes and started again, the network is cut and healed,
// messages are lost, doubled and overtaken. Also that a node that lost its votes or its chain signs nothing twice.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type CertifiedFarm, createCertifiedFarm } from "./certificates-fixture.ts";

const numbers = [1, 2, 3, 4, 5];

type Step =
  | { readonly kind: "kill" | "start" | "grow"; readonly number: number }
  | { readonly kind: "cut"; readonly side: readonly number[] }
  | { readonly kind: "heal" | "lossy" | "calm" };
type TimedStep = { readonly step: Step; readonly afterMs: number };

const number = fc.constantFrom(...numbers);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("kill" as const), number }),
  fc.record({ kind: fc.constant("start" as const), number }),
  fc.record({ kind: fc.constant("grow" as const), number: fc.constantFrom(6, 7) }),
  fc.record({ kind: fc.constant("cut" as const), side: fc.subarray(numbers, { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constantFrom("heal" as const, "lossy" as const, "calm" as const) }),
);
const history: fc.Arbitrary<readonly TimedStep[]> = fc.array(fc.record({ step, afterMs: fc.integer({ min: 0, max: 6_000 }) }), {
  minLength: 3,
  maxLength: 12,
});

/**
 * Found: two nodes taken out at once and let in again by certificate stayed gone for each other, where what each had signed since
 * came before the certificate by which it was gone.
 */
const found: [number, readonly TimedStep[]][] = [
  [
    734969,
    [
      { step: { kind: "calm" }, afterMs: 5264 },
      { step: { kind: "cut", side: [4, 5] }, afterMs: 469 },
      { step: { kind: "start", number: 1 }, afterMs: 3519 },
      { step: { kind: "start", number: 2 }, afterMs: 5093 },
      { step: { kind: "cut", side: [3] }, afterMs: 2388 },
      { step: { kind: "heal" }, afterMs: 4292 },
      { step: { kind: "cut", side: [4] }, afterMs: 1857 },
      { step: { kind: "start", number: 4 }, afterMs: 3950 },
      { step: { kind: "grow", number: 7 }, afterMs: 169 },
    ],
  ],
  [
    999986,
    [
      { step: { kind: "lossy" }, afterMs: 1072 },
      { step: { kind: "kill", number: 5 }, afterMs: 4198 },
      { step: { kind: "kill", number: 2 }, afterMs: 5868 },
      { step: { kind: "calm" }, afterMs: 4317 },
      { step: { kind: "lossy" }, afterMs: 2330 },
      { step: { kind: "start", number: 5 }, afterMs: 5508 },
      { step: { kind: "start", number: 2 }, afterMs: 1870 },
      { step: { kind: "cut", side: [2, 4] }, afterMs: 987 },
      { step: { kind: "calm" }, afterMs: 3266 },
      { step: { kind: "cut", side: [5] }, afterMs: 3833 },
      { step: { kind: "cut", side: [3] }, afterMs: 3359 },
      { step: { kind: "start", number: 3 }, afterMs: 3637 },
    ],
  ],
];

async function apply({ world, running, start, kill, partition }: CertifiedFarm, { step: what, afterMs }: TimedStep): Promise<void> {
  await world.clock.advance(afterMs);
  if (what.kind === "kill" && running.has(what.number)) await kill(what.number);
  else if ((what.kind === "start" || what.kind === "grow") && !running.has(what.number)) await start(what.number);
  else if (what.kind === "cut") {
    const side = new Set(what.side);
    partition(
      what.side,
      [...numbers, 6, 7].filter((other) => !side.has(other)),
    );
  } else if (what.kind === "heal") world.network.heal();
  else if (what.kind === "lossy") world.network.setFaults({ lossRate: 0.15, duplicateRate: 0.1, delayMs: [1, 400] });
  else if (what.kind === "calm") world.network.setFaults({ lossRate: 0, duplicateRate: 0, delayMs: [1, 3] });
}

test("random histories: one certificate a place, and agreement once the faults end", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), history, async (seed, steps) => {
      const farm = createCertifiedFarm(seed);
      await farm.start(...numbers);
      await farm.found(...numbers);
      await farm.agreed(20_000, ...numbers);
      for (const timed of steps) await apply(farm, timed);
      farm.world.network.heal();
      farm.world.network.setFaults({ lossRate: 0, duplicateRate: 0, delayMs: [1, 3] });
      const missing = numbers.filter((one) => !farm.running.has(one));
      await farm.start(...missing);
      await farm.agreed(120_000, ...farm.running.keys());
      await farm.stop();
    }),
    { numRuns: 12 + found.length, examples: found, endOnFailure: true },
  );
});

test("every proposer at once under loss: rounds are outbid, yet one certificate comes out", async () => {
  const farm = createCertifiedFarm(5);
  await farm.start(...numbers, 6, 7);
  await farm.found(...numbers, 6, 7);
  await farm.agreed(20_000, ...numbers, 6, 7);
  farm.world.network.setFaults({ lossRate: 0.2, duplicateRate: 0.2, delayMs: [1, 600] });
  await farm.kill(6, 7);
  await farm.world.clock.advance(40_000);
  farm.world.network.setFaults({ lossRate: 0, duplicateRate: 0, delayMs: [1, 3] });
  await farm.agreed(120_000, ...numbers);
  assert.ok(farm.head(1).sequence >= 2);
  await farm.stop();
});
