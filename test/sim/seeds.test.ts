// Proves with seeds that nobody chose that the rules hold: storms and histories in turn. `npm test` plays the same few each
// time, CI the same many for VAULTFARM_SIM_SECONDS: a build breaks by a change, never by luck. VAULTFARM_SIM_SEEDS=new plays
// seeds new to this commit for that time instead, to find what nobody thought of.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { it } from "node:test";
import { replayCommand, scenarioOptions } from "./sim-command.ts";
import { simulate } from "./simulate.ts";

// A change of code must be told from a change of luck: what everybody runs is always the same.
const everyTime = 10;
// Each was seen to pass before it came into the list. The first 52 took 203 s of CPU on a shared core and, with what everybody
// runs, 265 s of CI's five minutes; the last three took 19 s of CPU beside twenty other processes.
const fixedSeeds = { from: 11, count: 55 } as const;
const seedsOfCommit = 1_000;

/** How long to play more than everybody does; undefined: not at all. */
function secondsToPlay(): number | undefined {
  const text = process.env["VAULTFARM_SIM_SECONDS"];
  if (text === undefined) return undefined;
  const value = Number(text);
  assert.ok(Number.isFinite(value) && value > 0, `VAULTFARM_SIM_SECONDS: expected seconds, got ${text}`);
  return value;
}

/** Where this commit's seeds begin; a copy without its history always tries the same. */
function firstSeed(): number {
  let commit = "none";
  try {
    commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    // Not a clone.
  }
  return createHash("sha256").update(commit).digest().readUInt16BE(0) * seedsOfCommit;
}

async function play(from: number, goesOn: (runs: number) => boolean): Promise<number> {
  let runs = 0;
  for (; goesOn(runs); runs += 1) {
    const options = scenarioOptions(runs % 2 === 0 ? "storm" : "keeping", from + runs);
    const { violation } = await simulate(options);
    assert.equal(violation, undefined, `replay: ${replayCommand(options)}`);
  }
  return runs;
}

/** Which seeds are played while there is time. */
function seedsToPlay(): { readonly from: number; readonly count: number } {
  const which = process.env["VAULTFARM_SIM_SEEDS"] ?? "fixed";
  assert.ok(which === "fixed" || which === "new", `VAULTFARM_SIM_SEEDS: expected fixed or new, got ${which}`);
  return which === "fixed" ? fixedSeeds : { from: firstSeed(), count: seedsOfCommit };
}

const seconds = secondsToPlay();

it("the first ten seeds keep the rules", async () => void (await play(1, (runs) => runs < everyTime)));
if (seconds !== undefined)
  it("more seeds keep the rules", async (test) => {
    const { from, count } = seedsToPlay();
    const untilMs = performance.now() + seconds * 1000;
    const runs = await play(from, (done) => done < count && (done === 0 || performance.now() < untilMs));
    test.diagnostic(`${runs} seeds from ${from} on`);
  });
