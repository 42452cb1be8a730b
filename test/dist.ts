// `npm run test:dist`: the local farm's tests against the compiled program and against the packed package, unpacked below
// a node_modules elsewhere, where Node would strip no types. Wants a fresh `npm run build`.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const tests = ["test/integration/local-farm.test.ts", "test/integration/refusals.test.ts"];

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): boolean {
  return spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } }).status === 0;
}

function testWith(what: string, cli: string): boolean {
  console.log(`\n— ${what}: ${cli}`);
  return run(process.execPath, ["--disable-warning=ExperimentalWarning", "test/run.ts", ...tests], { VAULTFARM_TEST_CLI: cli });
}

// The package as npm would install it: packed, unpacked as a real folder, its dependencies linked beside it.
function unpackPackage(folder: string): string {
  const modules = join(folder, "node_modules");
  const target = join(modules, "vaultfarm");
  mkdirSync(target, { recursive: true });
  if (!run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder])) throw new Error("npm pack failed");
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (archive === undefined || !run("tar", ["xzf", join(folder, archive), "-C", target, "--strip-components=1"]))
    throw new Error("no package to unpack");
  for (const name of readdirSync("node_modules"))
    if (!name.startsWith(".")) symlinkSync(resolve("node_modules", name), join(modules, name));
  return target;
}

if (!existsSync("dist/cli/main.js")) throw new Error("there is no dist: npm run build");
const folder = mkdtempSync(join(tmpdir(), "vaultfarm-package-"));
try {
  const installed = unpackPackage(folder);
  if (existsSync(join(installed, "src"))) throw new Error("the package must not carry the source: it could not run it");
  const passed = [testWith("compiled", "dist/cli/main.js"), testWith("packed and installed", join(installed, "bin/vaultfarm.js"))];
  process.exitCode = passed.every((ok) => ok) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
