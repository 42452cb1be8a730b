// Proves with seeds that nobody chose that the rules hold: storms and histories in turn, each new to this commit, until the
// time for it is over (VAULTFARM_SIM_SECONDS; a few seconds, five minutes in CI).
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { it } from "node:test";
import { replayCommand, scenarioOptions } from "./sim-command.ts";
import { simulate } from "./simulate.ts";

const secondsHere = 10;
const secondsInCi = 300;
const seedsOfCommit = 1_000;

function seconds(): number {
  const text = process.env["VAULTFARM_SIM_SECONDS"];
  if (text === undefined) return process.env["CI"] === "true" ? secondsInCi : secondsHere;
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

it("seeds of this commit keep the rules", async (test) => {
  const from = firstSeed();
  const untilMs = performance.now() + seconds() * 1000;
  let runs = 0;
  while (runs < seedsOfCommit && (runs === 0 || performance.now() < untilMs)) {
    const options = scenarioOptions(runs % 2 === 0 ? "storm" : "keeping", from + runs);
    const { violation } = await simulate(options);
    assert.equal(violation, undefined, `replay: ${replayCommand(options)}`);
    runs += 1;
  }
  test.diagnostic(`${runs} seeds from ${from} on`);
});
