// Which API server, as whom: from KUBECONFIG, from the pod this runs in, or from the home folder, in this order. Files are
// read again when they may have changed: a mounted token is renewed every hour.
import { dirname, resolve } from "node:path";
import type { Clock } from "../../runtime/clock.ts";
import type { Environment } from "../../runtime/settings.ts";
import type { ServerAddress, TlsFiles } from "./dial.ts";
import { KubeConfigError } from "./kube-config-error.ts";
import { type Context, readContext } from "./kubeconfig.ts";
import { type Credential, createLogin, type RunProgram } from "./login-program.ts";

/** Reads a whole text file; rejects with Node's own errors. */
export type ReadText = (path: string) => Promise<string>;

export type KubeConfig = ServerAddress & {
  /** Namespace of the context or of the pod; "default" where neither says one. */
  readonly namespace: string;
  /** Where this came from, for logs. */
  readonly source: string;
  /** The bearer token, undefined where a certificate is the identity. `fresh`: not the remembered one. */
  token(fresh: boolean): Promise<string | undefined>;
};

/** Where Kubernetes mounts a pod's identity. */
const podFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Milliseconds a token from a file is used before the file is read again (client-go: one minute). */
const tokenAgeMs = 60_000;

/**
 * The configuration for a program with environment `env`; `context`: another than the current one of the files, which only
 * files have. Rejects with a `KubeConfigError` that says what is missing.
 */
export async function readKubeConfig(env: Environment, world: World): Promise<KubeConfig> {
  const named = env["KUBECONFIG"] ?? "";
  if (named !== "") return fromFiles(named.split(":"), world);
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  if (host !== "" && world.context === undefined) return inCluster(host, env["KUBERNETES_SERVICE_PORT"] ?? "443", world);
  const home = env["HOME"] ?? "";
  if (home !== "") return fromFiles([`${home}/.kube/config`], world);
  throw new KubeConfigError("no-config", "no cluster is named", "set KUBECONFIG, or run in a pod with a service account");
}

/** `run`: for users who log in by a program; without it they are refused. */
type World = { readonly readText: ReadText; readonly clock: Clock; readonly context?: string; readonly run?: RunProgram };

async function inCluster(host: string, port: string, { readText, clock }: World): Promise<KubeConfig> {
  const caFile = `${podFolder}/ca.crt`;
  const read = (name: string): Promise<string> =>
    readText(`${podFolder}/${name}`).catch((cause: unknown) => {
      const advice = "give the pod a service account whose token is mounted (automountServiceAccountToken)";
      throw new KubeConfigError("unreadable", `the pod's ${name} cannot be read`, advice, cause);
    });
  await read("token");
  const namespace = (await readText(`${podFolder}/namespace`).catch(() => "default")).trim();
  return {
    server: new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`),
    namespace: namespace === "" ? "default" : namespace,
    source: "the pod's service account",
    tls: { verify: true, files: async () => ({ ca: await readText(caFile) }) },
    token: fileToken(() => read("token"), clock),
  };
}

async function fromFiles(paths: readonly string[], world: World): Promise<KubeConfig> {
  const files: { path: string; text: string }[] = [];
  for (const path of paths.filter((one) => one !== "")) {
    const text = await world.readText(path).catch((cause: unknown) => {
      // In a list, files that do not exist are skipped, as kubectl does; one alone must exist.
      if (paths.length > 1 && (cause as { code?: unknown }).code === "ENOENT") return undefined;
      throw new KubeConfigError("unreadable", `${path} cannot be read`, "check the path in KUBECONFIG", cause);
    });
    if (text !== undefined) files.push({ path, text });
  }
  const context = readContext(files, world.context);
  const at = (file: string): string => resolve(dirname(context.path), file);
  const login = await loginOf(context, world);
  return {
    server: context.server,
    namespace: context.namespace,
    source: context.path,
    tls: {
      verify: context.verify,
      ...(context.serverName === undefined ? {} : { serverName: context.serverName }),
      files: async () => ({ ...(await tlsFiles(context, (file) => world.readText(at(file)))), ...certificateOf(await login?.(false)) }),
    },
    token:
      login === undefined ? tokenOf(context, (file) => world.readText(at(file)), world.clock) : async (fresh) => (await login(fresh)).token,
  };
}

/** Logs in once, so that what is wrong with it is said before anything is asked of the cluster. */
async function loginOf({ path, login }: Context, { run, clock }: World): Promise<((fresh: boolean) => Promise<Credential>) | undefined> {
  if (login === undefined) return undefined;
  if (run === undefined) {
    const advice = "use a token instead: kubectl create token SERVICEACCOUNT --duration 24h";
    throw new KubeConfigError("unsupported", `${path}: logging in by "${login.command}" is not possible here`, advice);
  }
  const fetch = createLogin(login, run, clock);
  await fetch(false);
  return fetch;
}

function certificateOf(credential: Credential | undefined): TlsFiles {
  const { cert, key } = credential ?? {};
  return cert === undefined || key === undefined ? {} : { cert, key };
}

async function tlsFiles(context: Context, read: ReadText): Promise<TlsFiles> {
  const one = async (source: Context["ca"]): Promise<string | undefined> =>
    source === undefined ? undefined : "text" in source ? source.text : read(source.file);
  const [ca, cert, key] = await Promise.all([one(context.ca), one(context.cert), one(context.key)]);
  return { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
}

function tokenOf({ token }: Context, read: ReadText, clock: Clock): KubeConfig["token"] {
  if (token === undefined) return async () => undefined;
  if ("text" in token) return async () => token.text;
  return fileToken(() => read(token.file), clock);
}

function fileToken(read: () => Promise<string>, clock: Clock): KubeConfig["token"] {
  let known: { readonly token: string; readonly atMs: number } | undefined;
  return async (fresh) => {
    const now = clock.monotonicMs();
    if (known !== undefined && !fresh && now - known.atMs < tokenAgeMs) return known.token;
    known = { token: (await read()).trim(), atMs: now };
    return known.token;
  };
}
