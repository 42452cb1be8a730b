// Proves that a user who logs in by a program gets its token or certificate, that it is told what the format says, asked
// again only when it must be, and that whatever it does wrong is named without what it printed. Method: real scripts.
import { strict as assert } from "node:assert";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { type KubeConfig, readKubeConfig } from "./config.ts";
import { KubeConfigError } from "./kube-config-error.ts";
import { createRunProgram } from "./run-program.ts";

const version = "client.authentication.k8s.io/v1";
const clock = createVirtualClock();
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vaultfarm-login-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** The configuration of a user whose program is this script; it is beside the kubeconfig, which names it so. */
async function login(script: string, more: Readonly<Record<string, unknown>> = {}): Promise<KubeConfig> {
  await writeFile(join(folder, "login"), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, "login"), 0o755);
  const exec = { apiVersion: version, command: "./login", args: ["--for", "attic"], env: [{ name: "WHO", value: "me" }], ...more };
  const config = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
    clusters: [{ name: "k", cluster: { server: "https://api.example:6443", "tls-server-name": "api" } }],
    users: [{ name: "u", user: { exec } }],
  };
  await writeFile(join(folder, "config"), JSON.stringify(config));
  const run = createRunProgram({ PATH: "/usr/bin:/bin" });
  return readKubeConfig({ KUBECONFIG: join(folder, "config") }, { readText: (path) => readFile(path, "utf8"), clock, run });
}

const answer = (status: unknown): string =>
  `echo x >>"$0.runs"; echo '${JSON.stringify({ apiVersion: version, kind: "ExecCredential", status })}'`;

async function runs(): Promise<number> {
  const count = (await readFile(join(folder, "login.runs"), "utf8")).length / 2;
  await rm(join(folder, "login.runs"));
  return count;
}

test("its token is used until it expires, or the server refuses it; who asks together asks it once", async () => {
  const expirationTimestamp = new Date(clock.wallMs() + 60_000).toISOString();
  const config = await login(answer({ token: "abc", expirationTimestamp }));
  assert.deepEqual([await config.token(false), await config.tls.files()], ["abc", {}]);
  await clock.advance(59_000);
  await config.token(false);
  assert.equal(await runs(), 1, "once for reading the configuration and all after it");
  await clock.advance(2_000);
  await Promise.all([config.token(false), config.token(false)]);
  assert.equal(await runs(), 1);
  assert.equal(await config.token(true), "abc");
  assert.equal(await runs(), 1);
});

test("its certificate is shown to the server", async () => {
  const config = await login(answer({ clientCertificateData: "CERT", clientKeyData: "KEY" }));
  assert.deepEqual([await config.token(false), await config.tls.files()], [undefined, { cert: "CERT", key: "KEY" }]);
});

test("it is given its arguments, its variables, what the cluster is where it asks for that, and no terminal", async () => {
  const status = '{"token":"%s"}';
  const script = `cat >"$0.in"; printf '%s' "$* $WHO $KUBERNETES_EXEC_INFO" >"$0.told"; printf '{"apiVersion":"${version}","kind":"ExecCredential","status":${status}}' t`;
  await login(script, { provideClusterInfo: true });
  const told = await readFile(join(folder, "login.told"), "utf8");
  assert.match(told, /^--for attic me \{/);
  assert.deepEqual(JSON.parse(told.slice(told.indexOf("{"))), {
    apiVersion: version,
    kind: "ExecCredential",
    spec: { interactive: false, cluster: { server: "https://api.example:6443", "tls-server-name": "api" } },
  });
  assert.equal(await readFile(join(folder, "login.in"), "utf8"), "");
});

test("what it does wrong is named with a way on, and never what it printed", async () => {
  const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
    ["echo 'not for attic' >&2; exit 3", {}, /login" failed: not for attic: run it by hand: \S+login --for attic$/],
    ["exit 3", {}, /it ended with 3/],
    ["yes secret", {}, /printed more than 1 MiB/],
    ["echo secret", {}, /printed no ExecCredential \(JSON\)/],
    [answer({}), {}, /neither a token nor a certificate/],
    [answer({ clientKeyData: "secret" }), {}, /a key alone/],
    [answer({ token: "secret", expirationTimestamp: "soon" }), {}, /status.expirationTimestamp/],
    ["", { command: "no-such-login", installHint: "get it from the cloud" }, /"no-such-login" was not found: get it from the cloud/],
  ];
  for (const [script, more, message] of wrong) {
    await assert.rejects(login(script, more), (error) => {
      assert.ok(error instanceof KubeConfigError);
      assert.equal(error.code, "login");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});
