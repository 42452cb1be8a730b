// The command `vaultfarm`.
import { runProcess } from "./command-process.ts";
import { vaultfarm } from "./run-command-line.ts";

await runProcess(vaultfarm, process.env, ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ"]);
