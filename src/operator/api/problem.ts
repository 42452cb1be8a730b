// What is wrong with a manifest, field by field: where, what is allowed there, and what was found.
import type { z } from "zod";
import { nearestName } from "./nearest-name.ts";

/** One wrong field. `field` is its path ("spec.gateway.replicas"), `message` a whole sentence for a person. */
export type ManifestProblem = { readonly field: string; readonly message: string };

/** `issues` of a failed parse of `document`, one problem a field. `known`: the names that may stand in the object at a path. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  document: unknown,
  known: (path: readonly PropertyKey[]) => readonly string[],
): readonly ManifestProblem[] {
  const problems = issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownField(issue.path, key, known(issue.path)));
    const field = writePath(issue.path);
    const found = valueAt(document, issue.path);
    if (found === undefined) return [{ field, message: `${field}: missing; expected ${issue.message}` }];
    return [{ field, message: `${field}: expected ${issue.message}, got ${describeValue(found)}` }];
  });
  // One value can break several rules whose sentence is the same.
  return problems.filter((problem, i) => problems.findIndex(({ message }) => message === problem.message) === i);
}

function unknownField(path: readonly PropertyKey[], key: string, known: readonly string[]): ManifestProblem {
  const field = writePath([...path, key]);
  const near = nearestName(key, known);
  const hint = near === undefined ? `known here: ${known.join(", ")}` : `did you mean "${near}"?`;
  return { field, message: `${field}: no such field; ${hint}` };
}

function writePath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the manifest";
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${String(step)}`)).join("");
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function describeValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
