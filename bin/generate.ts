// `npm run generate`: writes the files that are made from the code and checked in; with --check only compares them, so
// that a document or schema that lags behind the code fails the check.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { drawnFigures } from "../bench/durability/drawn.ts";
import { durabilityFigures } from "../bench/durability/table.ts";
import { gatewaySettings } from "../src/gateway/config.ts";
import { editorSchema } from "../src/operator/api/structural-schema.ts";
import { vaultFarmJsonSchema } from "../src/operator/api/vault-farm.ts";
import { operatorSettings } from "../src/operator/config.ts";
import { vaultNodeSettings } from "../src/vault-node/config.ts";
import { chartValuesSchema, chartValuesTable } from "./chart/values.ts";
import { conditionsPage, definitionFiles, fieldsPage } from "./kind-files.ts";
import { kubectlVerbsTable } from "./kubectl-verbs.ts";

type SettingLine = { readonly variable: string; readonly expected: string; readonly meaning: string; readonly fallback?: unknown };

function settingsTable(title: string, settings: readonly SettingLine[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const fallback = ({ fallback: value }: SettingLine): string =>
    value === undefined || value === "" || String(value) === "" ? "–" : `\`${String(value)}\``;
  const rows = settings.map(
    (line) => `| \`${line.variable}\` | ${cell(line.meaning)} | ${cell(line.expected)} | ${cell(fallback(line))} |`,
  );
  return [`## ${title}`, "", "| variable | meaning | expected | default |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function settingsPage(): string {
  return [
    "# Settings",
    "",
    "Made from the code by `npm run generate`. A program reads its settings from the environment, once, and names every one that is",
    "wrong. In a local farm `vaultfarm up` sets them from the manifest; nobody has to.",
    "",
    settingsTable("Vault node", vaultNodeSettings),
    "",
    settingsTable("Gateway", gatewaySettings),
    "",
    settingsTable("Operator", operatorSettings),
    "",
  ].join("\n");
}

// The words are written by hand, what stands between the two marks is made.
function filledIn(name: string, mark: string, text: string): string {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`];
  const [before, rest = ""] = readFileSync(pathOf(name), "utf8").split(begin);
  const [, after = ""] = rest.split(end);
  return `${before}${begin}\n\n${text}\n\n${end}${after}`;
}

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

const generated: Readonly<Record<string, () => string>> = {
  "docs/settings.md": settingsPage,
  "docs/durability.md": () => filledIn("docs/durability.md", "figures", `${durabilityFigures()}\n\n${drawnFigures()}`),
  "docs/fields.md": fieldsPage,
  "docs/conditions.md": conditionsPage,
  "docs/kubectl-plugin.md": () => filledIn("docs/kubectl-plugin.md", "verbs", kubectlVerbsTable()),
  "charts/vaultfarm/README.md": () => filledIn("charts/vaultfarm/README.md", "values", chartValuesTable()),
  "charts/vaultfarm/values.schema.json": () => formatted("values.schema.json", JSON.stringify(chartValuesSchema())),
  "deploy/vaultfarm.schema.json": () => formatted("vaultfarm.schema.json", JSON.stringify(editorSchema(vaultFarmJsonSchema()))),
  ...definitionFiles,
};

// As the formatter would leave it, so that format and generate agree.
function formatted(name: string, text: string): string {
  const { stdout, status, stderr } = spawnSync(pathOf("node_modules/.bin/biome"), ["format", `--stdin-file-path=${name}`], {
    input: text,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the formatter refused ${name}: ${stderr}`);
  return stdout;
}

const stale = Object.entries(generated).filter(
  ([name, make]) => !existsSync(pathOf(name)) || readFileSync(pathOf(name), "utf8") !== make(),
);
if (process.argv.includes("--check")) {
  for (const [name] of stale) console.error(`${name} is not what the code says: run npm run generate and commit it`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [name, make] of stale) {
    mkdirSync(dirname(pathOf(name)), { recursive: true });
    writeFileSync(pathOf(name), make());
  }
  console.log(stale.length === 0 ? "all generated files are up to date" : `written: ${stale.map(([name]) => name).join(", ")}`);
}
