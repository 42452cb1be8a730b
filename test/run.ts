// `npm test [-- TIER|FILE…]`: runs the tests tier by tier on Node's own runner and closes with one line of totals.
// Tiers by cost: unit (beside the source, vectors, house rules), sim (seeded networks), integration (real processes),
// cluster (a real Kubernetes API server) and e2e (a real cluster; both run only when named, since they need what npm does not bring).
import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";

type Tier = {
  readonly name: string;
  readonly globs: readonly string[];
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** Whether it asks for what a cluster may not have, and for time that a person gives or does not. */
  readonly maySkip?: true;
  /** Why it runs only when it is named, and how. */
  readonly onlyNamed?: string;
};
/** `hidden`: skipped where nothing may be in CI. */
type Totals = { passed: number; failed: number; skipped: number; hidden: number };

const minute = 60_000;
// Integration tests start farms of ten processes each: one at a time, so that they do not starve each other.
const tiers: readonly Tier[] = [
  {
    name: "unit",
    globs: ["src/**/*.test.ts", "test/*.test.ts", "test/vectors/**/*.test.ts", "bench/**/*.test.ts"],
    concurrency: 2,
    timeoutMs: 5 * minute,
  },
  { name: "sim", globs: ["test/sim/**/*.test.ts"], concurrency: 2, timeoutMs: 10 * minute },
  { name: "integration", globs: ["test/integration/**/*.test.ts"], concurrency: 1, timeoutMs: 15 * minute },
  {
    name: "cluster",
    globs: ["test/cluster/**/*.test.ts"],
    concurrency: 1,
    timeoutMs: 30 * minute,
    onlyNamed:
      "it needs the programs etcd, kube-apiserver, kubectl and helm, on PATH, in ~/.cache/vaultfarm-kube/bin or in the folder VAULTFARM_KUBE_BIN; then: npm run test:cluster",
  },
  {
    name: "e2e",
    globs: ["test/e2e/**/*.test.ts"],
    concurrency: 1,
    timeoutMs: 40 * minute,
    maySkip: true,
    onlyNamed: "it needs a cluster that KUBECONFIG names, kubectl and helm; then: npm run e2e",
  },
];

function chosen(names: readonly string[]): readonly Tier[] {
  if (names.length === 0) return tiers.filter(({ onlyNamed }) => onlyNamed === undefined);
  const files = names.filter((name) => !tiers.some((tier) => tier.name === name));
  const named = tiers.filter((tier) => names.includes(tier.name));
  return files.length === 0 ? named : [...named, { name: "files", globs: files, concurrency: 1, timeoutMs: 40 * minute }];
}

async function runTier(tier: Tier, totals: Totals): Promise<void> {
  const files = tier.globs.flatMap((glob) => globSync(glob)).sort();
  if (files.length === 0) throw new Error(`no test file matches ${tier.globs.join(", ")}`);
  console.log(`\n— ${tier.name}: ${files.length} files`);
  const beganMs = performance.now();
  const stream = run({ files, concurrency: tier.concurrency, timeout: tier.timeoutMs });
  // A suite counts through its tests, as in Node's own totals; what fails beside its tests (a hook, a file that dies) counts as one.
  stream.on("test:pass", (event) => {
    // A file with no test in it passes under its own name.
    if (event.details.type === "suite" || files.includes(event.name)) return;
    const skip = event.skip ?? event.todo;
    if (skip !== undefined) {
      totals.skipped += 1;
      if (tier.maySkip !== true) totals.hidden += 1;
      console.log(`SKIPPED ${event.name}: ${typeof skip === "string" ? skip : "no reason given"}`);
    } else totals.passed += 1;
  });
  stream.on("test:fail", (event) => {
    if (event.details.type !== "suite" || Reflect.get(event.details.error, "failureType") !== "subtestsFailed") totals.failed += 1;
  });
  for await (const text of stream.compose(spec)) process.stdout.write(String(text));
  console.log(`— ${tier.name} took ${Math.round((performance.now() - beganMs) / 1000)} s`);
}

/** Test files that no tier runs: they would be forgotten silently. */
function forgotten(): readonly string[] {
  const run = new Set(tiers.flatMap(({ globs }) => globs.flatMap((glob) => globSync(glob))));
  return globSync("{src,test,bench,bin,deploy}/**/*.test.ts").filter((path) => !run.has(path));
}

if (forgotten().length > 0) throw new Error(`no tier runs ${forgotten().join(", ")}`);
const totals: Totals = { passed: 0, failed: 0, skipped: 0, hidden: 0 };
for (const tier of chosen(process.argv.slice(2))) await runTier(tier, totals);
// In CI everything can be installed, so a skip there hides something.
const skipIsFailure = process.env["CI"] === "true" && totals.hidden > 0;
if (skipIsFailure) console.log("A test was skipped, and in CI none may be.");
for (const { name, globs, onlyNamed } of process.argv.length > 2 ? [] : tiers) {
  if (onlyNamed !== undefined) console.log(`NOT RUN: tier ${name} (${globs.flatMap((glob) => globSync(glob)).length} files): ${onlyNamed}`);
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 || skipIsFailure ? 1 : 0;
