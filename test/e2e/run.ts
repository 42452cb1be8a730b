// `npm run e2e [-- FILE…]`: the scenarios against the cluster that KUBECONFIG names. The image is VAULTFARM_E2E_IMAGE, which
// the cluster's nodes can pull or have, and VAULTFARM_E2E_NEXT_IMAGE one to upgrade to; where VAULTFARM_E2E_LOAD names a command,
// one with both names is made first and given to that command as an archive ("kind load image-archive"). VAULTFARM_E2E_ALL=1 runs the
// longer scenarios too, VAULTFARM_E2E_BRIEF=1 none that takes minutes.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

function mustRun(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed, which the scenarios need`, { cause: error });
}

for (const [command, ...args] of [
  ["helm", "version", "--short"],
  ["kubectl", "get", "nodes"],
] as const)
  mustRun(command, args);
const folder = mkdtempSync(join(tmpdir(), "vaultfarm-e2e-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
// As "npm link" does: kubectl finds its plugins on the search path.
symlinkSync(resolve("bin/kubectl-vaultfarm.js"), join(folder, "kubectl-vaultfarm"));
process.env["PATH"] = `${folder}${delimiter}${process.env["PATH"]}`;
const { VAULTFARM_E2E_LOAD: load, VAULTFARM_E2E_IMAGE: image = "vaultfarm:e2e" } = process.env;
const next = `${image}-next`;
if (load !== undefined && load !== "") {
  const archive = join(folder, "image.tar");
  mustRun(process.execPath, ["bin/image.ts", "--out", archive, "--tag", image, next]);
  // In a shell, since the command may have arguments of its own.
  mustRun("sh", ["-c", `${load} "$0"`, archive]);
  rmSync(archive);
  process.env["VAULTFARM_E2E_NEXT_IMAGE"] = next;
}
const chosen = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  ["--disable-warning=ExperimentalWarning", "test/run.ts", ...(chosen.length > 0 ? chosen : ["e2e"])],
  {
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
