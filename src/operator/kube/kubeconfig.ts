// The current context of kubeconfig files: pure, from their texts to what a connection needs. Passwords, impersonation,
// proxies and what came before login programs (auth-provider) are refused by name, not ignored.
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { KubeConfigError } from "./kube-config-error.ts";
import { type LoginProgram, loginVersions } from "./login-program.ts";

/** A secret or certificate: the text itself, or a file beside the kubeconfig. */
export type Material = { readonly text: string } | { readonly file: string };

export type Context = {
  /** The file that the paths in it are relative to. */
  readonly path: string;
  readonly server: URL;
  readonly namespace: string;
  readonly verify: boolean;
  readonly serverName?: string;
  readonly ca?: Material;
  readonly cert?: Material;
  readonly key?: Material;
  readonly token?: Material;
  readonly login?: LoginProgram;
};

const text = z.string().min(1);
const cluster = z.looseObject({
  server: text,
  "certificate-authority": text.optional(),
  "certificate-authority-data": text.optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "tls-server-name": text.optional(),
  "proxy-url": text.optional(),
});
const login = z.looseObject({
  apiVersion: z.enum(loginVersions),
  command: text,
  args: z.array(z.string()).nullish(),
  env: z.array(z.looseObject({ name: text, value: z.string() })).nullish(),
  installHint: z.string().nullish(),
  interactiveMode: z.enum(["Never", "IfAvailable", "Always"]).nullish(),
  provideClusterInfo: z.boolean().nullish(),
});
const user = z.looseObject({
  "client-certificate": text.optional(),
  "client-certificate-data": text.optional(),
  "client-key": text.optional(),
  "client-key-data": text.optional(),
  token: text.optional(),
  tokenFile: text.optional(),
  exec: login.nullish(),
});
const named = <T extends z.ZodType>(key: string, value: T) => z.array(z.looseObject({ name: text, [key]: value })).nullish();
const schema = z.looseObject({
  "current-context": z.string().nullish(),
  contexts: named("context", z.looseObject({ cluster: text, user: text, namespace: z.string().optional() })),
  clusters: named("cluster", cluster),
  users: named("user", z.looseObject({}).nullish()),
});
type File = { readonly path: string; readonly config: z.infer<typeof schema> };

/** The context called `chosen`, or the current one, of `files`, of which the first that says something wins. Throws a `KubeConfigError`. */
export function readContext(files: readonly { readonly path: string; readonly text: string }[], chosen?: string): Context {
  const read = files.map(({ path, text }) => ({ path, config: parseFile(path, text) }));
  const current = chosen ?? read.map(({ config }) => config["current-context"]).find((name) => typeof name === "string" && name !== "");
  if (typeof current !== "string") throw invalid(files, "no current context", "choose one with kubectl config use-context NAME");
  const context = find(read, "contexts", current)?.entry["context"] as { cluster: string; user: string; namespace?: string } | undefined;
  if (context === undefined) throw invalid(files, `no context "${current}"`, "choose one with kubectl config use-context NAME");
  const home = find(read, "clusters", context.cluster);
  const who = find(read, "users", context.user);
  if (home === undefined) throw invalid(files, `no cluster "${context.cluster}"`, "add it with kubectl config set-cluster");
  if (who === undefined) throw invalid(files, `no user "${context.user}"`, "add it with kubectl config set-credentials");
  const place = home.entry["cluster"] as z.infer<typeof cluster>;
  refuse(home.path, place, ["proxy-url"]);
  const reached = server(home.path, place);
  const of = readUser(who.path, (who.entry["user"] ?? {}) as Record<string, unknown>);
  return {
    path: home.path,
    namespace: context.namespace ?? "default",
    ...reached,
    ...identity(home.path, who.path, of),
    ...(of.exec === undefined || of.exec === null ? {} : { login: loginProgram(who.path, of.exec, reached) }),
  };
}

function server(path: string, place: z.infer<typeof cluster>): Pick<Context, "server" | "verify" | "serverName" | "ca"> {
  const url = URL.canParse(place.server) ? new URL(place.server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new KubeConfigError("invalid", `${path}: the server is "${place.server}"`, "write https://HOST:PORT");
  }
  const ca = material(place["certificate-authority-data"], place["certificate-authority"]);
  return {
    server: url,
    verify: place["insecure-skip-tls-verify"] !== true,
    ...(place["tls-server-name"] === undefined ? {} : { serverName: place["tls-server-name"] }),
    ...(ca === undefined ? {} : { ca }),
  };
}

type User = z.infer<typeof user>;

function readUser(path: string, raw: Record<string, unknown>): User {
  refuse(path, raw, ["auth-provider", "username", "as", "as-groups", "as-uid"]);
  const found = user.safeParse(raw);
  if (!found.success) throw new KubeConfigError("invalid", `${path}: ${z.prettifyError(found.error)}`, "correct the user");
  return found.data;
}

/** A command with a slash is relative to the file that names it; others are looked for on PATH. */
function loginProgram(path: string, exec: z.infer<typeof login>, cluster: ReturnType<typeof server>): LoginProgram {
  const { apiVersion, command, args, env, installHint, interactiveMode, provideClusterInfo } = exec;
  if (interactiveMode === "Always") {
    const advice = "log in with kubectl first, or use a token: kubectl create token SERVICEACCOUNT --duration 24h";
    throw new KubeConfigError("unsupported", `${path}: "${command}" wants to ask a person at the terminal`, advice);
  }
  const { server: url, serverName, verify, ca } = cluster;
  const info = {
    server: url.href.replace(/\/$/, ""),
    ...(serverName === undefined ? {} : { "tls-server-name": serverName }),
    ...(verify ? {} : { "insecure-skip-tls-verify": true }),
    ...(ca !== undefined && "text" in ca ? { "certificate-authority-data": Buffer.from(ca.text).toString("base64") } : {}),
  };
  return {
    ...{ apiVersion, args: args ?? [], env: Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])) },
    command: command.includes("/") ? resolve(dirname(path), command) : command,
    ...(installHint === undefined || installHint === null ? {} : { installHint }),
    ...(provideClusterInfo === true ? { cluster: info } : {}),
  };
}

function identity(home: string, path: string, of: User): Pick<Context, "cert" | "key" | "token"> {
  const cert = material(of["client-certificate-data"], of["client-certificate"]);
  const key = material(of["client-key-data"], of["client-key"]);
  const token = of.token === undefined ? material(undefined, of.tokenFile) : { text: of.token };
  for (const one of [cert, key, token]) {
    if (one !== undefined && "file" in one && !one.file.startsWith("/") && home !== path) {
      throw new KubeConfigError(
        "unsupported",
        `${path}: "${one.file}" is relative to another file than the cluster's`,
        "write an absolute path",
      );
    }
  }
  return { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }), ...(token === undefined ? {} : { token }) };
}

const advice: Readonly<Record<string, string>> = {
  "auth-provider": "use a token instead: kubectl create token SERVICEACCOUNT --duration 24h",
  "proxy-url": "reach the server directly, or through kubectl proxy",
};

function refuse(path: string, entry: Record<string, unknown>, fields: readonly string[]): void {
  const found = fields.find((field) => entry[field] !== undefined && entry[field] !== null);
  if (found === undefined) return;
  throw new KubeConfigError("unsupported", `${path}: "${found}" is not supported`, advice[found] ?? "use a token or a client certificate");
}

function material(base64: string | undefined, file: string | undefined): Material | undefined {
  if (base64 !== undefined) return { text: Buffer.from(base64, "base64").toString("utf8") };
  return file === undefined ? undefined : { file };
}

function find(
  files: readonly File[],
  list: "contexts" | "clusters" | "users",
  name: string,
): { path: string; entry: Record<string, unknown> } | undefined {
  for (const { path, config } of files) {
    const entry = config[list]?.find((one) => one["name"] === name);
    if (entry !== undefined) return { path, entry };
  }
  return undefined;
}

function parseFile(path: string, content: string): z.infer<typeof schema> {
  const advise = "compare it with kubectl config view";
  let value: unknown;
  try {
    value = parse(content);
  } catch (cause) {
    throw new KubeConfigError("invalid", `${path} is not YAML`, advise, cause);
  }
  const found = schema.safeParse(value ?? {});
  if (!found.success) throw new KubeConfigError("invalid", `${path}: ${z.prettifyError(found.error)}`, advise);
  return found.data;
}

function invalid(files: readonly { readonly path: string }[], what: string, next: string): KubeConfigError {
  return new KubeConfigError("invalid", `${files.map(({ path }) => path).join(", ")}: ${what}`, next);
}
