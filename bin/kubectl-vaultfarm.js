#!/usr/bin/env node
// The command `kubectl vaultfarm`: kubectl runs what is called kubectl-vaultfarm on the search path.
import { runProgram } from "./run-program.js";

await runProgram("cli/kubectl/main", import.meta.url);
