// Reads a manifest file: YAML to a checked `VaultFarm`, or every problem in it at once.
import { parseDocument } from "yaml";
import { describeIssues, type ManifestProblem } from "./problem.ts";
import { brokenRelations } from "./relations.ts";
import { type VaultFarm, type VaultFarmSpec, vaultFarmJsonSchema, vaultFarmSchema } from "./vault-farm.ts";

/** Longest manifest, characters: bounds what the parser works on. */
export const manifestLengthMax: number = 256 * 1024;

/** A farm, or what is wrong with its manifest (at least one problem). */
export type ManifestReading =
  | { readonly ok: true; readonly farm: VaultFarm }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] };

/** The farm in YAML (or JSON) `text`. Never throws. */
export function readManifest(text: string): ManifestReading {
  if (text.length > manifestLengthMax) return wrong(`longer than ${manifestLengthMax} characters`);
  const read = readYaml(text);
  if ("fault" in read) return wrong(`not YAML: ${read.fault}`);
  const { plain } = read;
  const parsed = vaultFarmSchema.safeParse(plain);
  if (!parsed.success) return { ok: false, problems: describeIssues(parsed.error.issues, plain, knownNames) };
  const problems = conflicts(parsed.data);
  return problems.length === 0 ? { ok: true, farm: parsed.data } : { ok: false, problems };
}

// Errors of the text come with the document, those of aliases are thrown when it becomes plain data.
function readYaml(text: string): { readonly plain: unknown } | { readonly fault: string } {
  const firstLine = (error: unknown): string =>
    ((error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "").replace(/:$/, "");
  try {
    const document = parseDocument(text, { uniqueKeys: true });
    if (document.errors.some(({ code }) => code === "MULTIPLE_DOCS"))
      return { fault: "one document is expected; a farm has a file of its own" };
    const fault = document.errors[0];
    return fault === undefined ? { plain: document.toJS({ maxAliasCount: 16 }) } : { fault: firstLine(fault) };
  } catch (error) {
    return { fault: firstLine(error) };
  }
}

function wrong(message: string): ManifestReading {
  return { ok: false, problems: [{ field: "the manifest", message: `the manifest: ${message}` }] };
}

// What no single field shows. The network must be able to keep its promise from its first moment.
function conflicts({ spec }: VaultFarm): readonly ManifestProblem[] {
  return [...brokenRelations(spec), ...tooFewNodes(spec)];
}

function tooFewNodes({ replicas, copies: { min } }: Pick<VaultFarmSpec, "replicas" | "copies">): readonly ManifestProblem[] {
  if (replicas >= min) return [];
  const message = `spec.replicas: ${replicas} nodes cannot hold ${min} copies; either set spec.replicas to ${min} or more, or lower spec.copies.min (and target) by hand`;
  return [{ field: "spec.replicas", message }];
}

type SchemaNode = { readonly properties?: Readonly<Record<string, SchemaNode>>; readonly items?: SchemaNode };

function knownNames(path: readonly PropertyKey[]): readonly string[] {
  let node: SchemaNode | undefined = vaultFarmJsonSchema();
  for (const step of path) node = typeof step === "number" ? node?.items : node?.properties?.[String(step)];
  return Object.keys(node?.properties ?? {});
}
