// What `npm run generate` makes from the kinds: CustomResourceDefinitions, the page of all fields, the page of all conditions.
import { stringify } from "yaml";
import { eventSentences, farmConditions, nodeConditions } from "../src/operator/api/conditions.ts";
import { customResourceDefinition, type Kind, kinds, objectSchema } from "../src/operator/api/kinds.ts";
import type { StructuralSchema } from "../src/operator/api/structural-schema.ts";

/** The files of the definitions by name. In the chart's `crds/`, since Helm installs those before a farm of the same release. */
export const definitionFiles: Readonly<Record<string, () => string>> = Object.fromEntries(
  kinds.map((kind) => [`charts/vaultfarm/crds/${kind.plural}.yaml`, () => definitionFile(kind)]),
);

function definitionFile(kind: Kind): string {
  const head = `# Made from src/operator/api by \`npm run generate\`: what an API server knows of ${kind.kind}.\n`;
  // Version 1.1 puts words such as off in quotes, which kubectl's reader would take for false.
  return head + stringify(customResourceDefinition(kind), { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

/** The page of all fields. */
export function fieldsPage(): string {
  return [
    "# Fields",
    "",
    "Made from the code by `npm run generate`. Every field that the kinds know; each has an effect today. What the farm cannot do yet",
    "(earnings and wallets, joining the network of somebody else) has no field yet, and a manifest that names one is refused",
    "(by `vaultfarm`, by `kubectl`, and by any server-side apply; a client that posts without strict field validation has it dropped, with a warning).",
    "`kubectl explain vf.spec` says the same. What joining another network waits for: `docs/decisions/0025-no-second-farm-in-a-network-yet.md`.",
    "",
    ...kinds.flatMap(kindSection),
  ].join("\n");
}

function kindSection(kind: Kind): readonly string[] {
  const rows = fieldRows(objectSchema(kind), "").filter(([name]) => name?.startsWith("spec") || name?.startsWith("status"));
  const table = (part: string): readonly string[] => [
    `### ${part}`,
    "",
    "| field | meaning | type | default |",
    "| --- | --- | --- | --- |",
    ...rows.filter(([name]) => name === part || name?.startsWith(`${part}.`)).map((cells) => `| ${cells.map(cell).join(" | ")} |`),
    "",
  ];
  const heading = `## ${kind.kind} (\`${kind.shortName}\`)`;
  return [heading, "", kind.description, "", ...table("spec"), ...table("status"), ...rulesOf(objectSchema(kind), "").flat(), ""];
}

function fieldRows(node: StructuralSchema, path: string): readonly (readonly string[])[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    const own = path === "" ? name : `${path}.${name}`;
    const inner = field.items ?? field;
    const below = fieldRows(inner, field.items === undefined ? own : `${own}[]`);
    const needed = node.required?.includes(name) === true ? "required" : fallbackOf(field);
    return [[own, field.description ?? "", typeOf(field), needed], ...below];
  });
}

function typeOf(field: StructuralSchema): string {
  if (field["x-kubernetes-int-or-string"] === true) return "quantity";
  if (field.enum !== undefined) return field.enum.map((word) => `\`${String(word)}\``).join(" ");
  if (field.items !== undefined) return `list (${String(field["maxItems"] ?? "")})`;
  if (field.additionalProperties !== undefined) return "mapping";
  const { type = "", minimum, maximum } = field as StructuralSchema & { minimum?: number; maximum?: number };
  return minimum !== undefined && maximum !== undefined ? `${type} ${minimum}–${maximum}` : type;
}

function fallbackOf({ default: value }: StructuralSchema): string {
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0)) return "–";
  return `\`${String(value)}\``;
}

// The rules in words, with the field each is about.
function rulesOf(node: StructuralSchema, path: string): readonly (readonly string[])[] {
  const own = (node["x-kubernetes-validations"] ?? []) as readonly { message: string; fieldPath?: string }[];
  const said = own.map(({ message, fieldPath }) => [
    `- \`${`${path}${fieldPath ?? ""}`.replace(/^\./, "") || "metadata.name"}\`: ${message}`,
  ]);
  const below = Object.entries(node.properties ?? {}).flatMap(([name, field]) => rulesOf(field, `${path}.${name}`));
  return [...said, ...below];
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The page of all conditions. */
export function conditionsPage(): string {
  return [
    "# Conditions",
    "",
    "Made from the code by `npm run generate`. What `kubectl describe vf` and `kubectl describe vn` say, why, and what to do. `{…}` is filled in.",
    "",
    "## VaultFarm",
    "",
    ...conditionSections(farmConditions),
    "## VaultNode",
    "",
    ...conditionSections(nodeConditions),
    "## Events that no condition tells",
    "",
    "| reason | sentence |",
    "| --- | --- |",
    ...Object.entries(eventSentences).map(([reason, sentence]) => `| ${reason} | ${cell(sentence)} |`),
    "",
  ].join("\n");
}

type Catalogue = Readonly<
  Record<string, { readonly about: string; readonly reasons: Readonly<Record<string, readonly [string, string]>> }>
>;

function conditionSections(catalogue: Catalogue): readonly string[] {
  return Object.entries(catalogue).flatMap(([type, { about, reasons }]) => [
    `### ${type}`,
    "",
    about,
    "",
    "| reason | status | sentence |",
    "| --- | --- | --- |",
    ...Object.entries(reasons).map(([reason, [status, sentence]]) => `| ${reason} | ${status} | ${cell(sentence)} |`),
    "",
  ]);
}
