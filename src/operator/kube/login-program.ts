// Logging in by a program that a kubeconfig names (`exec`), as clouds do: what it is told, what it answers, how long that
// holds. The format is ExecCredential of client.authentication.k8s.io. The program is run by whoever hands in `run`.
import { z } from "zod";
import type { Clock } from "../../runtime/clock.ts";
import { KubeConfigError } from "./kube-config-error.ts";

/** Versions of the format; they differ in nothing that is read here. */
export const loginVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;

export type LoginProgram = {
  readonly apiVersion: (typeof loginVersions)[number];
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What a person is told where the program is missing. */
  readonly installHint?: string;
  /** What the program is told of the cluster, where it asks for it. */
  readonly cluster?: Readonly<Record<string, unknown>>;
};

/** A token, or a certificate with its key, as PEM. */
export type Credential = { readonly token?: string; readonly cert?: string; readonly key?: string };

/** Runs a program with `env` beside its own environment and gives what it printed. Rejects where it fails, prints too much or takes too long. */
export type RunProgram = (command: string, args: readonly string[], env: Readonly<Record<string, string>>) => Promise<string>;

const answer = z.looseObject({
  apiVersion: z.enum(loginVersions),
  kind: z.literal("ExecCredential"),
  status: z.looseObject({
    token: z.string().min(1).optional(),
    clientCertificateData: z.string().min(1).optional(),
    clientKeyData: z.string().min(1).optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
  }),
});

/**
 * The credential of a program: kept until it expires, or for good where it says nothing; fetched anew where `fresh` is asked
 * for, and once only by those who ask together. Rejects with a `KubeConfigError` that names the program.
 */
export function createLogin(program: LoginProgram, run: RunProgram, clock: Clock): (fresh: boolean) => Promise<Credential> {
  let known: { readonly credential: Credential; readonly untilMs: number } | undefined;
  let fetching: Promise<Credential> | undefined;
  const fetch = async (): Promise<Credential> => {
    known = readAnswer(program, await printed(program, run));
    return known.credential;
  };
  return async (fresh) => {
    if (!fresh && known !== undefined && clock.wallMs() < known.untilMs) return known.credential;
    fetching ??= fetch().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
}

async function printed({ apiVersion, command, args, env, installHint, cluster }: LoginProgram, run: RunProgram): Promise<string> {
  const spec = { interactive: false, ...(cluster === undefined ? {} : { cluster }) };
  const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
  try {
    return await run(command, args, { ...env, KUBERNETES_EXEC_INFO: info });
  } catch (cause) {
    const isMissing = (cause as { code?: unknown }).code === "ENOENT";
    const why = isMissing ? "was not found" : `failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    const advice = isMissing
      ? (installHint ?? "install it, or correct the user's exec.command")
      : `run it by hand: ${[command, ...args].join(" ")}`;
    throw new KubeConfigError("login", `the login program "${command}" ${why}`, advice, cause);
  }
}

function readAnswer({ command }: LoginProgram, text: string): { credential: Credential; untilMs: number } {
  const bad = (why: string): KubeConfigError =>
    new KubeConfigError(
      "login",
      `the login program "${command}" ${why}`,
      "it must print an ExecCredential with a token or a certificate and its key",
    );
  const found = answer.safeParse(jsonOf(text));
  // Not what it printed: that may hold a secret.
  if (!found.success) throw bad(`printed no ExecCredential (${found.error.issues.map(({ path }) => path.join(".") || "JSON").join(", ")})`);
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = found.data.status;
  if ((cert === undefined) !== (key === undefined)) throw bad("gave a certificate without its key, or a key alone");
  if (token === undefined && cert === undefined) throw bad("gave neither a token nor a certificate");
  return {
    credential: { ...(token === undefined ? {} : { token }), ...(cert === undefined || key === undefined ? {} : { cert, key }) },
    untilMs: typeof expirationTimestamp === "string" ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
