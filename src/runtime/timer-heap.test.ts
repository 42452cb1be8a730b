// Proves that timers come out of the heap in order of instant and then of making, whatever was taken back meanwhile: random
// series beside a plain sorted list.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { createTimerHeap, type HeapTimer } from "./timer-heap.ts";

type Step = { readonly kind: "add" | "cancel" | "fire"; readonly pick: number };
const steps = fc.array(fc.record({ kind: fc.constantFrom("add" as const, "cancel" as const, "fire" as const), pick: fc.nat(30) }), {
  maxLength: 200,
});

test("a heap of timers is a sorted list, only faster", () => {
  fc.assert(
    fc.property(steps, (all: readonly Step[]) => {
      const heap = createTimerHeap();
      let listed: HeapTimer[] = [];
      all.forEach(({ kind, pick }, order) => {
        const timer = kind === "add" ? { atMs: pick, order, action: () => {}, place: -1 } : kind === "fire" ? heap.first() : listed[pick];
        if (timer === undefined) return;
        if (kind === "add") {
          heap.add(timer);
          listed = [...listed, timer].sort((a, b) => a.atMs - b.atMs || a.order - b.order);
        } else {
          heap.remove(timer);
          heap.remove(timer);
          listed = listed.filter((other) => other !== timer);
        }
        assert.equal(heap.first(), listed[0]);
      });
    }),
  );
});
