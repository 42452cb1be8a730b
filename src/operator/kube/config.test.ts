// Proves where a program finds its API server and identity, that renewed tokens are used, and that everything missing or
// unsupported is named with a way on. Method: texts in place of files, virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { type KubeConfig, readKubeConfig } from "./config.ts";
import { KubeConfigError } from "./kube-config-error.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const pod = "/var/run/secrets/kubernetes.io/serviceaccount";

function files(texts: Record<string, string>): (path: string) => Promise<string> {
  return async (path) => {
    const text = texts[path];
    if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
    return text;
  };
}

const kubeconfig = (user: string, cluster = `server: "https://api.example:6443", certificate-authority-data: ${base64("CA")}`): string =>
  [
    "current-context: c",
    `clusters: [{name: k, cluster: {${cluster}}}]`,
    `users: [{name: u, user: {${user}}}]`,
    "contexts: [{name: c, context: {cluster: k, user: u, namespace: team}}]",
  ].join("\n");

const execVersion = "client.authentication.k8s.io/v1";

const read = (env: Record<string, string>, texts: Record<string, string>): Promise<KubeConfig> =>
  readKubeConfig(env, { readText: files(texts), clock: createVirtualClock() });

test("KUBECONFIG: server, namespace, certificates as text or as files beside it", async () => {
  const inline = await read(
    { KUBECONFIG: "/k/config" },
    { "/k/config": kubeconfig(`client-certificate-data: ${base64("CERT")}, client-key: key.pem`), "/k/key.pem": "KEY" },
  );
  assert.equal(inline.server.href, "https://api.example:6443/");
  assert.equal(inline.namespace, "team");
  assert.deepEqual(await inline.tls.files(), { ca: "CA", cert: "CERT", key: "KEY" });
  assert.equal(await inline.token(false), undefined);
  assert.equal(inline.tls.verify, true);
  const token = await read(
    { KUBECONFIG: "/k/config" },
    { "/k/config": kubeconfig("token: abc", "server: http://127.0.0.1:8001, insecure-skip-tls-verify: true, tls-server-name: api") },
  );
  assert.equal(await token.token(false), "abc");
  assert.deepEqual([token.tls.verify, token.tls.serverName], [false, "api"]);
});

test("of several files the first that says something wins, and one that does not exist is skipped", async () => {
  const config = await read(
    { KUBECONFIG: "/none:/a:/b" },
    {
      "/a": "current-context: c\nusers: [{name: u, user: {token: first}}]",
      "/b": kubeconfig("token: second").replace("current-context: c", "current-context: other"),
    },
  );
  assert.equal(await config.token(false), "first");
});

test("in a pod: the mounted token, read again after a minute or when it was refused", async () => {
  const texts: Record<string, string> = { [`${pod}/token`]: "one\n", [`${pod}/ca.crt`]: "CA", [`${pod}/namespace`]: "ours\n" };
  const clock = createVirtualClock();
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443", HOME: "/home/x" };
  const config = await readKubeConfig(env, { readText: files(texts), clock });
  assert.equal(config.server.href, "https://[fd00::1]/");
  assert.equal(config.namespace, "ours");
  assert.equal(await config.token(false), "one");
  texts[`${pod}/token`] = "two";
  assert.equal(await config.token(false), "one");
  await clock.advance(60_000);
  assert.equal(await config.token(false), "two");
  texts[`${pod}/token`] = "three";
  assert.equal(await config.token(true), "three");
  texts[`${pod}/ca.crt`] = "CA2";
  assert.deepEqual(await config.tls.files(), { ca: "CA2" });
});

test("outside a pod and without KUBECONFIG: the home folder", async () => {
  const config = await read({ HOME: "/home/x" }, { "/home/x/.kube/config": kubeconfig("tokenFile: token"), "/home/x/.kube/token": "t" });
  assert.equal(await config.token(false), "t");
});

test("what is missing, wrong or unsupported is named, with a way on", async () => {
  const wrong: readonly (readonly [Record<string, string>, string, string, RegExp])[] = [
    [{}, "", "no-config", /set KUBECONFIG/],
    [{ KUBECONFIG: "/none" }, "", "unreadable", /check the path/],
    [{ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, "", "unreadable", /automountServiceAccountToken/],
    [{ KUBECONFIG: "/k" }, "clusters: [", "invalid", /kubectl config view/],
    [{ KUBECONFIG: "/k" }, "clusters: 7", "invalid", /clusters/],
    [{ KUBECONFIG: "/k" }, "apiVersion: v1", "invalid", /use-context/],
    [{ KUBECONFIG: "/k" }, "current-context: gone", "invalid", /"gone"/],
    [{ KUBECONFIG: "/k" }, kubeconfig("token: x").replace("user: u", "user: nobody"), "invalid", /"nobody"/],
    [{ KUBECONFIG: "/k" }, kubeconfig(`exec: {apiVersion: ${execVersion}, command: aws}`), "unsupported", /kubectl create token/],
    [
      { KUBECONFIG: "/k" },
      kubeconfig(`exec: {apiVersion: ${execVersion}, command: x, interactiveMode: Always}`),
      "unsupported",
      /terminal/,
    ],
    [{ KUBECONFIG: "/k" }, kubeconfig("exec: {command: aws, apiVersion: v0}"), "invalid", /apiVersion/],
    [{ KUBECONFIG: "/k" }, kubeconfig("username: me, password: x"), "unsupported", /"username"/],
    [{ KUBECONFIG: "/k" }, kubeconfig("token: x", "server: https://h, proxy-url: socks5://p"), "unsupported", /kubectl proxy/],
    [{ KUBECONFIG: "/k" }, kubeconfig("token: x", "server: h:6443"), "invalid", /HOST:PORT/],
  ];
  for (const [env, text, code, message] of wrong) {
    await assert.rejects(read(env, text === "" ? {} : { "/k": text }), (error) => {
      assert.ok(error instanceof KubeConfigError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  }
});
