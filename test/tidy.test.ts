// Holds the habits that no tool of ours knows: reads every tracked source file once and says what to do instead.
// Lengths and shares are only reported; what must never be fails.
import { strict as assert } from "node:assert";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";

type Source = { readonly path: string; readonly text: string; readonly lines: readonly string[] };

const sources: readonly Source[] = globSync("{src,bin,bench,test}/**/*.{ts,js}")
  .filter((path) => !path.includes("node_modules") && !path.startsWith("test/artefacts"))
  .map((path) => ({ path, text: readFileSync(path, "utf8") }))
  .map((file) => ({ ...file, lines: file.text.split("\n") }));
const programs = sources.filter(({ path }) => path.startsWith("src/") && !/\.(test|contract)\.ts$/.test(path));

const failing = (files: readonly Source[], wrong: (file: Source) => boolean): readonly string[] =>
  files.filter(wrong).map(({ path }) => path);
const none = (found: readonly string[], advice: string): void => assert.deepEqual(found, [], advice);

test("every file opens with a sentence on what it is for", () => {
  const opens = ({ lines }: Source): boolean => (lines[0]?.startsWith("#!") ? lines[1] : lines[0])?.startsWith("// ") ?? false;
  none(
    failing(sources, (file) => !opens(file)),
    "begin the file with `// What it is for.`",
  );
});

test("no drawers: a folder or file is named after what it holds", () => {
  const drawer = /(^|\/)(utils?|helpers?|common|shared|misc|types|lib)(\/|\.ts$)/;
  none(
    failing(sources, ({ path }) => drawer.test(path)),
    "name the noun: runtime/backoff.ts, not utils/retry.ts",
  );
});

test("only main.ts reads the environment, only runtime/ reads the machine's clock and randomness", () => {
  const world = /\bprocess\.env\b/;
  none(
    failing(programs, ({ path, text }) => world.test(text) && basename(path) !== "main.ts"),
    "take it from config.ts",
  );
  const clock = /\b(Date\.now|Math\.random|setInterval)\(/;
  const allowed = ({ path }: Source): boolean => path.startsWith("src/runtime/") || path.startsWith("src/gateway/web/");
  none(
    failing(programs, (file) => clock.test(file.text) && !allowed(file)),
    "take a Clock or Random from runtime/ as an argument",
  );
});

test("no escapes from the compiler, the linter or the tests", () => {
  // Written in pieces so that this file does not find itself.
  const escapes = new RegExp(["@ts-(ignore|expect-error|nocheck)", "biome-" + "ignore", "\\bas " + "any\\b", "\\.on" + "ly\\("].join("|"));
  none(
    failing(sources, ({ path, text }) => path !== "test/tidy.test.ts" && escapes.test(text)),
    "mend the cause",
  );
});

test("an error class has its own name as its name", () => {
  const wrong = ({ text }: Source): boolean =>
    [...text.matchAll(/class (\w+) extends \w*Error\b[^{]*\{([\s\S]*?)\n\}/g)].some(
      ([, name, body]) => !body?.includes(`name = "${name}"`),
    );
  none(failing(programs, wrong), 'write `override readonly name = "ClassName"`');
});

test("an index.ts only re-exports", () => {
  const wrong = ({ path, lines }: Source): boolean =>
    basename(path) === "index.ts" && lines.some((line) => line.trim() !== "" && !/^(\/\/|export |\s|\})/.test(line));
  none(failing(programs, wrong), "give the code a file of its own");
});

test("no unfinished words without an issue", () => {
  const unfinished = new RegExp("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b(?!\\(#\\d+\\))");
  none(
    failing(sources, ({ text }) => unfinished.test(text)),
    "finish it, or write the issue's number in brackets behind it",
  );
});

test("no lock file names a registry", () => {
  assert.equal(/"resolved": *"http/.test(readFileSync("package-lock.json", "utf8")), false, "npm i with .npmrc of this repository");
});

test("each run-time dependency has its reason in ARCHITECTURE.md, within the budget", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
  const named = Object.keys(manifest.dependencies);
  const text = readFileSync("ARCHITECTURE.md", "utf8");
  const table = text.slice(text.indexOf("## Dependencies"));
  const listed = [...table.matchAll(/`((?:@[\w-]+\/)?[\w.-]+)`/g)].map(([, name]) => name);
  const family = (name: string): string => (/^@(libp2p|fastify)\//.exec(name) ? name.replace(/\/.*/, "/*") : name);
  assert.deepEqual(
    named.filter((name) => !listed.includes(name)),
    [],
    "write one line of reason in ARCHITECTURE.md",
  );
  assert.ok(new Set(named.map(family)).size <= 45, "the budget is 45 direct run-time packages, families counted once");
});

test("every path named in ARCHITECTURE.md and in the decisions exists", () => {
  const pages = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", ...globSync("docs/**/*.md")];
  const missing = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/`((?:src|test|bench|docs|deploy|bin)\/[\w./-]+)`/g)]
      .map(([, path]) => path ?? "")
      .filter((path) => !existsSync(path))
      .map((path) => `${page}: ${path}`),
  );
  assert.deepEqual(missing, [], "correct the path or delete the sentence");
  assert.ok(readFileSync("ARCHITECTURE.md", "utf8").split("\n").length <= 151, "ARCHITECTURE.md has at most 150 lines");
});

test("what fails nothing: long files, for the reader's eye", (context) => {
  const long = programs.filter(({ lines }) => lines.length > 300).map(({ path, lines }) => `${path} ${lines.length}`);
  if (long.length > 0) context.diagnostic(`over 300 lines: ${long.join(", ")}`);
});
