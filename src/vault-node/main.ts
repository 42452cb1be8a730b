// The vault node as a program: the configuration out of the environment, then the node until a signal.
import { enableCompileCache } from "node:module";

// Before everything else is loaded: compiled code of an earlier start is used again.
enableCompileCache();
const { createLog } = await import("../runtime/log.ts");
const { systemClock: clock } = await import("../runtime/clock.ts");
const { systemRandom: random } = await import("../runtime/random.ts");
const { runUntilSignal } = await import("../runtime/run-until-signal.ts");
const { readConfig } = await import("./config.ts");
const { createVaultNode } = await import("./vault-node.ts");

async function main(): Promise<number> {
  try {
    const config = readConfig(process.env);
    const tools = { clock, random, log: createLog("vault-node", config.logLevel) };
    return await runUntilSignal(createVaultNode(config, tools), { ...tools, process }, { graceMs: config.stopGraceMs });
  } catch (error) {
    createLog("vault-node", "error").error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

// Everything is stopped and written, or was given up on: nothing that lingers may keep the process.
process.exit(await main());
