// What a simulation plays: actions drawn from the seed, and the rules looked at after each.
import type { Rule } from "./sim-options.ts";

/** A rule that was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly rule: Rule;
  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}

export type Scenario = {
  /** One drawn action and what it leads to. Throws the first `Violation`. */
  step(): Promise<void>;
  /** Everything whole again, and the rules for that. Throws the first `Violation`. */
  settle(): Promise<void>;
  /** What happened how often. */
  counts(): Readonly<Record<string, number>>;
};
