// `npm run bench -- [NAME…] [--runs N] [--minutes N] [--gib N] [--farms N] [--json FILE] [--list]`: runs the project's own benches and prints their table.
// Each bench interleaves its reference in the same run; nothing here passes or fails.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { constants, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benches } from "./benches.ts";
import type { Bench, Result } from "./result.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    minutes: { type: "string" },
    gib: { type: "string" },
    farms: { type: "string" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
  },
});

function chosen(): readonly Bench[] {
  const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0)
    throw new Error(`no bench named ${unknown.join(", ")}; there are ${benches.map((bench) => bench.name).join(", ")}`);
  return positionals.length === 0
    ? benches.filter(({ onlyNamed }) => onlyNamed !== true)
    : benches.filter((bench) => positionals.includes(bench.name));
}

function row(result: Result): Record<string, string> {
  const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  return {
    what: `${result.bench}: ${result.what}`,
    median: `${number(result.median)} ${result.unit}`,
    "least–most": `${number(result.min)}–${number(result.max)}`,
    "CPU-s/GiB": result.cpuSecondsPerGiB === undefined ? "" : number(result.cpuSecondsPerGiB),
    reference: result.reference === undefined ? "" : `${result.reference.what} ${number(result.reference.median)}`,
    ratio: result.ratio === undefined ? "" : `${number(result.ratio)} ×`,
  };
}

function commit(): string {
  return execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
}

async function main(): Promise<void> {
  if (values.list) return console.log(benches.map((bench) => bench.name).join("\n"));
  const results: Result[] = [];
  for (const bench of chosen()) {
    console.log(`… ${bench.name}`);
    const rows = await bench.run({
      runs: Number(values.runs),
      ...(values.minutes === undefined ? {} : { minutes: Number(values.minutes) }),
      ...(values.gib === undefined ? {} : { gib: Number(values.gib) }),
      ...(values.farms === undefined ? {} : { farms: Number(values.farms) }),
    });
    console.table(rows.map(row));
    results.push(...rows);
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const report = { machine, commit: commit(), results };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`${machine}, commit ${report.commit}`);
}

// So that exit handlers run: whoever started a process ends it in one.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]));
await main();
