// Proves the rule by which both ends of a lane count requests: whatever is asked and answered in whatever order, who keeps
// to the window before sending is never refused where it is read; and that grants stay within their bound.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createGrants, createLaneWindow } from "./lane-window.ts";

describe("the window of a lane", () => {
  it("never refuses at the reader what fitted at the asker, who learns of answers later", () => {
    const step = fc.record({ bytes: fc.nat(600), answers: fc.nat(3), delivered: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 1000 }), (steps, bytesMax) => {
        const [asker, reader] = [createLaneWindow(bytesMax), createLaneWindow(bytesMax)];
        const working: number[] = [];
        const answered: number[] = [];
        steps.forEach(({ bytes, answers, delivered }, id) => {
          if (asker.fits(bytes)) {
            asker.take(id, bytes);
            reader.take(id, bytes);
            working.push(id);
          }
          for (const done of working.splice(0, answers)) {
            reader.give(done);
            answered.push(done);
          }
          for (const done of answered.splice(0, delivered)) asker.give(done);
        });
      }),
    );
  });

  it("bounds bytes and number, lets a request larger than itself through alone, and none at all where it is 0", () => {
    const window = createLaneWindow(3200);
    for (let id = 1; id <= 32; id += 1) window.take(id, 1);
    assert.equal(window.fits(1), false, "even the smallest weighs its share");
    assert.throws(() => window.take(33, 1), RangeError);
    for (let id = 1; id <= 32; id += 1) window.give(id);
    window.take(1, 5000);
    assert.throws(() => window.take(2, 1), RangeError);
    window.give(1);
    window.give(1);
    window.take(2, 3000);
    assert.throws(() => window.take(2, 1), RangeError, "one number twice");
    assert.deepEqual([window.size(), createLaneWindow(0).fits(0)], [1, false]);
  });

  it("is granted while there is room, given back once", () => {
    const grants = createGrants(10);
    const first = grants.take(6);
    assert.deepEqual([first.bytes, grants.take(6).bytes, grants.take(4).bytes], [6, 0, 4]);
    first.give();
    first.give();
    assert.deepEqual([grants.take(6).bytes, grants.take(1).bytes], [6, 0]);
  });
});
