// The operator as a program: the configuration out of the environment, then the operator until a signal.
import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";

// Before everything else is loaded: compiled code of an earlier start is used again.
enableCompileCache();
// V8 lets a heap grow to several times what lives in it, and the system does not get back what it once had: of 102 MiB
// with 1,000 pods 31 lived. By 15 % at most, so that it follows what the caches hold; NODE_OPTIONS takes no such flag.
setFlagsFromString("--heap-growing-percent=20");
const { createLog } = await import("../runtime/log.ts");
const { systemClock: clock } = await import("../runtime/clock.ts");
const { systemRandom: random } = await import("../runtime/random.ts");
const { runUntilSignal } = await import("../runtime/run-until-signal.ts");
const { readConfig } = await import("./config.ts");
const { createOperator } = await import("./operator.ts");

/** A pod is given 15 s (charts/vaultfarm); the lease must be given back within them. */
const graceMs = 12_000;

async function main(): Promise<number> {
  try {
    const config = readConfig(process.env);
    const tools = { clock, random, log: createLog("operator", config.logLevel) };
    return await runUntilSignal(createOperator(config, { ...tools, env: process.env }), { ...tools, process }, { graceMs });
  } catch (error) {
    createLog("operator", "error").error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

// Everything is stopped and written, or was given up on: nothing that lingers may keep the process.
process.exit(await main());
