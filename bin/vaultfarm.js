#!/usr/bin/env node
// The command `vaultfarm`.
import { runProgram } from "./run-program.js";

await runProgram("cli/main", import.meta.url);
