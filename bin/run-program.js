// Starts a program of this package, in plain JavaScript that any Node reads: finds a Node that is new enough, then runs the
// source in a checkout and the compiled program where it is installed (Node strips no types below node_modules).
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

async function run(program) {
  nodeModule.enableCompileCache?.();
  const source = join(root, `src/${program}.ts`);
  await import(existsSync(source) ? source : join(root, `dist/${program}.js`));
}

/** Runs `program` ("cli/main") as the command `script`, the URL of the file that was called. */
export async function runProgram(program, script) {
  if (newEnough(process.versions.node)) return run(program);
  const node = packagedNode();
  if (node === undefined) {
    process.stderr.write(
      `vaultfarm needs Node 24.7 or newer, this is ${process.versions.node}: install it from https://nodejs.org and try again\n`,
    );
    process.exitCode = 6;
    return;
  }
  // The channel ties the other's life to this one's; a signal to this one alone is passed on.
  const child = spawn(node, [fileURLToPath(script), ...process.argv.slice(2)], { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => {
    process.stderr.write(`vaultfarm: ${node} cannot be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
