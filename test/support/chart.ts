// The chart as Helm renders it: objects read strictly, as an API server would, and what Helm says of wrong values.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { parseAllDocuments } from "yaml";
import { kubeProgram } from "./api-server.ts";
import type { CommandResult } from "./command.ts";

/** The folder of the chart. */
export const chart = "charts/vaultfarm";

/** What is installed, where, and with which values. */
export type Release = { readonly name: string; readonly namespace: string; readonly values: Readonly<Record<string, unknown>> };

/** An object out of the chart. */
export type Rendered = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
} & Readonly<Record<string, unknown>>;

/** Helm run to its end, with values on its standard input. */
function helm(args: readonly string[], values: Release["values"] = {}): Promise<CommandResult> {
  return runHelm([...args, "--values", "-"], JSON.stringify(values));
}

async function runHelm(args: readonly string[], input: string): Promise<CommandResult> {
  const child = spawn(kubeProgram("helm"), args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  const [[code], out, err] = await Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]);
  return { code: code as number | null, out, err };
}

const place = ({ name, namespace }: Release): readonly string[] => [name, chart, "--namespace", namespace];

/** What Helm is to do with a release in a cluster, by a chart: a folder or a package. */
export type ReleaseChange = { readonly verb: "install" | "upgrade"; readonly chart: string; readonly kubeconfig: string };

/** `helm install` or `helm upgrade`, as docs/kubernetes/day-2.md has it. Nothing is waited for: there may be no nodes. */
export function changeRelease(
  { name, namespace, values }: Release,
  { verb, chart: from, kubeconfig }: ReleaseChange,
): Promise<CommandResult> {
  const more = verb === "install" ? ["--create-namespace"] : ["--reset-then-reuse-values"];
  return helm([verb, name, from, "--namespace", namespace, "--kubeconfig", kubeconfig, ...more], values);
}

/** `helm uninstall`. */
export async function uninstallRelease({ name, namespace }: Release, kubeconfig: string): Promise<CommandResult> {
  return runHelm(["uninstall", name, "--namespace", namespace, "--kubeconfig", kubeconfig], "");
}

/** `helm lint --strict`. */
export function lintChart(values: Release["values"]): Promise<CommandResult> {
  return helm(["lint", "--strict", chart], values);
}

/** `helm template`: what comes out, or why nothing does. */
export function renderChart(release: Release): Promise<CommandResult> {
  return helm(["template", ...place(release)], release.values);
}

/** All objects of a release. Fails on a document that is not one, or that says a thing twice. */
export async function chartObjects(release: Release): Promise<readonly Rendered[]> {
  const { code, out, err } = await renderChart(release);
  assert.equal(code, 0, err);
  const documents = parseAllDocuments(out, { uniqueKeys: true });
  assert.ok(Array.isArray(documents), "no objects");
  return documents.flatMap((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], document.toString());
    const object = document.toJS() as Rendered | null;
    return object === null ? [] : [object];
  });
}

/** The notes that a person reads after installing. */
export async function chartNotes(release: Release): Promise<string> {
  const { code, out, err } = await helm(["install", ...place(release), "--dry-run=client"], release.values);
  assert.equal(code, 0, err);
  return out.slice(out.indexOf("\nNOTES:"));
}
