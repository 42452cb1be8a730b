// The cluster that a command speaks to: found as kubectl finds it, spoken to by the operator's own client, and what it
// refuses said as the command line says things.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type FarmObject, farms, type NodeRecord, nodeRecords } from "../../operator/cluster/resources.ts";
import {
  createRunProgram,
  type KubeClient,
  type KubeConfig,
  KubeConfigError,
  KubeError,
  openKubeClient,
  type Resource,
  type Result,
  readKubeConfig,
} from "../../operator/kube/index.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { type KubectlVerb, rightsText } from "./rights.ts";

/** What every verb is told. `output`: the form of its result, if not the usual text; wide: with more columns and facts, where there are more. */
export type ClusterOptions = {
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly output?: "json" | "wide";
};

/** The cluster and the namespace that is meant. */
export type Cluster = { readonly client: KubeClient; readonly config: KubeConfig; readonly namespace: string };

/** A person waits: shorter than what the operator bears, milliseconds and tries of one call. */
const callTimeoutMs = 15_000;

/** Farms named where another is missing. */
const namesMax = 8;

const silent = { rest: () => ({ request: () => {}, retry: () => {} }) };

/** Runs `use` with the cluster. Rejects with a `CommandError` for what it or its configuration refuses. */
export async function withCluster(
  world: CommandWorld,
  options: ClusterOptions,
  verb: KubectlVerb,
  use: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  let client: KubeClient | undefined;
  try {
    const config = await findConfig(world, options);
    const limits = { timeoutMs: callTimeoutMs };
    client = openKubeClient(
      config,
      { ...world, metrics: silent },
      { fieldManager: "kubectl-vaultfarm", userAgent: "kubectl-vaultfarm", limits },
    );
    await use({ client, config, namespace: options.namespace ?? config.namespace });
  } catch (cause) {
    throw commandErrorOf(cause, verb, world);
  } finally {
    await client?.close();
  }
}

async function findConfig(world: CommandWorld, { context, kubeconfig }: ClusterOptions): Promise<KubeConfig> {
  const env = kubeconfig === undefined ? world.baseEnv : { ...world.baseEnv, KUBECONFIG: resolve(world.workFolder, kubeconfig) };
  const readText = (path: string): Promise<string> => readFile(resolve(world.workFolder, path), "utf8");
  const run = createRunProgram(world.baseEnv);
  return readKubeConfig(env, { readText, clock: world.clock, run, ...(context === undefined ? {} : { context }) });
}

const exitCodeOfKubeError: Readonly<Partial<Record<KubeError["code"], ExitCode>>> = {
  "not-found": exitCodes.notFound,
  forbidden: exitCodes.refused,
  unauthorized: exitCodes.refused,
  conflict: exitCodes.refused,
  invalid: exitCodes.refused,
  "bad-request": exitCodes.usage,
  unreachable: exitCodes.unreachable,
  timeout: exitCodes.unreachable,
  server: exitCodes.unreachable,
  "too-many-requests": exitCodes.unreachable,
};

function commandErrorOf(cause: unknown, verb: KubectlVerb, { interrupted }: CommandWorld): unknown {
  if (interrupted.aborted && !(cause instanceof CommandError))
    return new CommandError(exitCodes.interrupted, "interrupted", "interrupted", cause);
  if (cause instanceof KubeConfigError) {
    const exitCode = cause.code === "unreadable" ? exitCodes.notFound : cause.code === "login" ? exitCodes.refused : exitCodes.usage;
    return new CommandError(exitCode, `kubeconfig-${cause.code}`, cause.message, cause);
  }
  if (!(cause instanceof KubeError)) return cause;
  const next = cause.code === "forbidden" ? `${verb} needs the rights: ${rightsText(verb)}` : cause.nextStep;
  return new CommandError(exitCodeOfKubeError[cause.code] ?? exitCodes.failed, cause.code, `${cause.message}; ${next}`, cause);
}

/** The value of a call; throws its error. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

/** The value of a call, undefined where there is no such object; throws any other error. */
export function valueIfThere<T>(result: Result<T>): T | undefined {
  return !result.ok && result.error.code === "not-found" ? undefined : must(result);
}

/** The farm of that name. Throws a `CommandError` where there is none. */
export async function readFarm(cluster: Cluster, name: string): Promise<FarmObject> {
  const { client, namespace } = cluster;
  return valueIfThere(await client.get(farms, { namespace, name })) ?? noFarm(namespace, name, await namesThere(cluster, farms));
}

/** Names of the objects of the namespace, for a sentence; none where they may not be listed. Throws a `CommandError` where the server knows no such kind. */
async function namesThere({ client, namespace }: Cluster, resource: Resource): Promise<readonly string[]> {
  const listed = await client.list(resource, { namespace, limit: namesMax });
  if (listed.ok) return listed.value.items.map(({ metadata }) => metadata.name);
  if (listed.error.code === "not-found") throw noKind();
  return [];
}

/** The only farm of the namespace, or the one named. Throws a `CommandError` where none, or more than one, is meant. */
export async function chooseFarm(cluster: Cluster, name: string | undefined): Promise<FarmObject> {
  if (name !== undefined) return readFarm(cluster, name);
  const { namespace } = cluster;
  const all = await listFarms(cluster, namespace);
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  if (only === undefined) return noFarm(namespace);
  const names = all.map(({ metadata }) => metadata.name).join(", ");
  throw new CommandError(exitCodes.usage, "which-farm", `namespace ${namespace} has several farms: ${names}; name one`);
}

function noFarm(namespace: string, name?: string, others: readonly string[] = []): never {
  const what = name === undefined ? "no VaultFarm" : `no VaultFarm ${name}`;
  const there = others.length === 0 ? "" : `, which has ${others.join(", ")}`;
  const message = `there is ${what} in namespace ${namespace}${there}; another namespace is chosen with -n NAMESPACE`;
  throw new CommandError(exitCodes.notFound, "no-farm", message);
}

function noKind(): CommandError {
  const message =
    "this cluster knows no VaultFarm: install the operator (helm install vaultfarm charts/vaultfarm), or choose another --context";
  return new CommandError(exitCodes.notFound, "no-kind", message);
}

/** All farms, of one namespace or of all. Throws the server's error, and a `CommandError` where it knows no farms. */
export async function listFarms({ client }: Cluster, namespace: string | undefined): Promise<readonly FarmObject[]> {
  const page = valueIfThere(await client.listAll(farms, namespace === undefined ? {} : { namespace }));
  if (page === undefined) throw noKind();
  return page.items;
}

/** The nodes of a farm, by name. Throws the server's error. */
export async function listNodes({ client }: Cluster, farm: FarmObject): Promise<readonly NodeRecord[]> {
  const { namespace, name } = farm.metadata;
  const { items } = must(await client.listAll(nodeRecords, namespace === undefined ? {} : { namespace }));
  const own = items.filter(({ spec }) => (spec as { readonly farm?: unknown } | undefined)?.farm === name);
  return own.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The node of that name. Throws a `CommandError` where there is none. */
export async function readNode(cluster: Cluster, name: string): Promise<NodeRecord> {
  const { client, namespace } = cluster;
  const node = valueIfThere(await client.get(nodeRecords, { namespace, name }));
  if (node !== undefined) return node;
  await namesThere(cluster, nodeRecords);
  const message = `there is no VaultNode ${name} in namespace ${namespace}; kubectl vaultfarm status shows their names`;
  throw new CommandError(exitCodes.notFound, "no-node", message);
}
