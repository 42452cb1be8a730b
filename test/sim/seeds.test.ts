// Proves with seeds that nobody chose that the rules hold: storms and histories in turn. `npm test` plays the same few each
// time; with VAULTFARM_SIM_SECONDS seeds new to this commit are played until the time is over, to find what nobody thought of.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { it } from "node:test";
import { replayCommand, scenarioOptions } from "./sim-command.ts";
import { simulate } from "./simulate.ts";

// A change of code must be told from a change of luck: what everybody runs is always the same.
const everyTime = 10;
const seedsOfCommit = 1_000;

/** How long to look for new failures; undefined: not at all. */
function secondsToExplore(): number | undefined {
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

const exploring = secondsToExplore();

if (exploring === undefined) it("the first ten seeds keep the rules", async () => void (await play(1, (runs) => runs < everyTime)));
else
  it("seeds of this commit keep the rules", async (test) => {
    const from = firstSeed();
    const untilMs = performance.now() + exploring * 1000;
    const runs = await play(from, (done) => done < seedsOfCommit && (done === 0 || performance.now() < untilMs));
    test.diagnostic(`${runs} seeds from ${from} on`);
  });
