// A login as clouds set it up: a kubeconfig whose user is whoever a program says, here an account of the cluster with a
// token of minutes.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { kubectl } from "./cluster-tools.ts";

type LoginSubject = { readonly folder: string; readonly namespace: string; readonly account: string };
export type Login = {
  readonly kubeconfig: string;
  /** How often the program was run. */
  runs(): Promise<number>;
};

type ClusterEntry = { readonly cluster: Readonly<Record<string, string>> };

/** Writes the program and the kubeconfig into `folder`. The program asks the cluster that KUBECONFIG names for the account's token. */
export async function writeLogin({ folder, namespace, account }: LoginSubject): Promise<Login> {
  const [program, kubeconfig, runs] = ["login.sh", "kubeconfig", "runs"].map((file) => join(folder, file)) as [string, string, string];
  const apiVersion = "client.authentication.k8s.io/v1";
  const script = [
    "#!/bin/sh -e",
    `echo run >>"${runs}"`,
    `token=$(kubectl create token "$1" -n "$2" --duration=10m)`,
    `printf '{"apiVersion":"${apiVersion}","kind":"ExecCredential","status":{"token":"%s"}}' "$token"`,
  ];
  await writeFile(program, `${script.join("\n")}\n`, { mode: 0o700 });
  const { clusters } = JSON.parse(await kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json")) as {
    readonly clusters: readonly ClusterEntry[];
  };
  const exec = { apiVersion, command: program, args: [account, namespace], interactiveMode: "Never" };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: clusters.map(({ cluster }) => ({ name: "here", cluster })),
    users: [{ name: account, user: { exec } }],
    contexts: [{ name: account, context: { cluster: "here", user: account } }],
    "current-context": account,
  };
  await writeFile(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  return { kubeconfig, runs: async () => (await readFile(runs, "utf8")).trimEnd().split("\n").length };
}
