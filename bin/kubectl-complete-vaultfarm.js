#!/usr/bin/env node
// What kubectl asks for words behind `kubectl vaultfarm`, as kubectl_complete-vaultfarm on the search path.
import { runProgram } from "./run-program.js";

if (process.argv[2] !== "complete-words") process.argv.splice(2, 0, "complete-words", "--");
await runProgram("cli/kubectl/main", import.meta.url);
