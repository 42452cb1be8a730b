// `npm run build`: compiles the programs and the page into dist/ and puts beside them what the compiler leaves out.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (path: string): string => join(root, path);

function compile(project: string, ...options: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at(project), ...options], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`${project} does not compile`);
}

rmSync(at("dist"), { recursive: true, force: true });
compile("tsconfig.build.json");
const page = "src/gateway/web";
// Apart, and without the sources of which the page only takes types.
const pageOut = at("dist/page");
compile(`${page}/tsconfig.json`, "--noEmit", "false", "--outDir", pageOut);
cpSync(join(pageOut, "gateway/web"), at("dist/gateway/web"), { recursive: true });
rmSync(pageOut, { recursive: true });
// Pages, styles and pictures: everything of the page that is not compiled.
const isSource = (path: string): boolean => extname(path) === ".ts" || basename(path) === "tsconfig.json";
cpSync(at(page), at("dist/gateway/web"), { recursive: true, filter: (path) => !isSource(path) });
for (const program of ["cli", "gateway", "operator", "vault-node"])
  if (!existsSync(at(`dist/${program}/main.js`))) throw new Error(`dist/${program}/main.js was not built`);
console.log("built dist/: cli/main.js, gateway/main.js, operator/main.js, vault-node/main.js");
