#!/usr/bin/env node
// The command `vaultfarm`, in plain JavaScript that any Node reads: finds a Node that is new enough, then runs the source
// in a checkout and the compiled program where it is installed (Node strips no types below node_modules).
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function newEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > 24 || (major === 24 && minor >= 7);
}

// The package for this platform that brings the right Node; absent where there is none (Apple silicon).
function packagedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}/package.json`,
    );
    const path = join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

async function run() {
  nodeModule.enableCompileCache?.();
  const source = join(root, "src/cli/main.ts");
  await import(existsSync(source) ? source : join(root, "dist/cli/main.js"));
}

if (newEnough(process.versions.node)) await run();
else {
  const node = packagedNode();
  if (node === undefined) {
    process.stderr.write(
      `vaultfarm needs Node 24.7 or newer, this is ${process.versions.node}: install it from https://nodejs.org and try again\n`,
    );
    process.exitCode = 6;
  } else {
    // The channel ties the other's life to this one's; a signal to this one alone is passed on.
    const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.once("error", (error) => {
      process.stderr.write(`vaultfarm: ${node} cannot be run: ${error.message}\n`);
      process.exitCode = 1;
    });
    child.once("exit", (code) => {
      process.exitCode = code ?? 1;
    });
  }
}
