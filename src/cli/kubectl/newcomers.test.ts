// Proves that what a newcomer meets (a name that is not there, a cluster without the operator, no right, a login that is over, no
// cluster at all) ends with its exit code and a sentence that says what to do next: the real command line against the
// in-process API server, and against servers that refuse everything.
import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { makeFarm, usePluginCluster } from "./plugin-fixture.ts";

const cluster = usePluginCluster();
const { kubectl, folder } = cluster;

/** A kubeconfig for another server, under the name `other`. */
function pointTo(url: URL): void {
  const config = JSON.parse(readFileSync(join(folder, "config"), "utf8"));
  writeFileSync(join(folder, "other"), JSON.stringify({ ...config, clusters: [{ name: "c", cluster: { server: url.href } }] }));
}

/** A server that answers everything with this refusal, while `use` runs. */
async function whileRefusing(code: number, message: string, use: () => Promise<void>): Promise<void> {
  const body = JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code });
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(code, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  pointTo(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  try {
    await use();
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function ends(args: readonly string[], code: ExitCode, sentence: RegExp): Promise<void> {
  const ended = await kubectl([...args, "--kubeconfig", "other"]);
  assert.match(ended.err, sentence, args.join(" "));
  assert.deepEqual([ended.code, ended.out.length], [code, 0], args.join(" "));
  assert.equal(ended.err.trimEnd().includes("\n"), false, "one sentence");
}

test("a farm that is not there is told with the namespace, with those that are, and with how to look elsewhere", async () => {
  makeFarm(cluster);
  pointTo(cluster.server().url);
  const sentence = /there is no VaultFarm atic in namespace home, which has attic; another namespace is chosen with -n NAMESPACE/;
  for (const verb of ["status", "plan", "top", "logs", "report"]) await ends([verb, "atic"], exitCodes.notFound, sentence);
  await ends(["plan", "attic", "-n", "empty"], exitCodes.notFound, /there is no VaultFarm attic in namespace empty; another/);
  await ends(["top", "-n", "empty"], exitCodes.notFound, /there is no VaultFarm in namespace empty; another/);
});

test("a cluster that knows no VaultFarm is told as that by each verb, whatever name was given", async () => {
  pointTo(new URL("none", cluster.server().url));
  for (const args of [["status"], ["status", "attic"], ["plan", "attic"], ["top", "attic"], ["drain", "attic-aaaaa"], ["logs", "attic"]])
    await ends(args, exitCodes.notFound, /this cluster knows no VaultFarm: install the operator \(helm install/);
});

test("who has no right is told the server's word and which rights the verb needs", async () => {
  const message = 'vaultfarms.vaultfarm.dev is forbidden: User "ann" cannot list resource "vaultfarms"';
  await whileRefusing(403, message, async () => {
    await ends(["status"], exitCodes.refused, /User "ann" cannot list.*; status needs the rights: get, list vaultfarms\.vaultfarm\.dev;/);
    await ends(["plan", "attic"], exitCodes.refused, /User "ann".*; plan needs the rights: get vaultfarms/);
    await ends(["drain", "attic-aaaaa"], exitCodes.refused, /User "ann".*; drain needs the rights: get, patch vaultnodes/);
  });
});

test("a login that is over is told as one", async () => {
  await whileRefusing(401, "Unauthorized", async () => {
    await ends(["status"], exitCodes.refused, /Unauthorized.*(token|log in|certificate|credentials)/i);
  });
});

test("a server that does not exist is told with its name, and what to look at", async () => {
  pointTo(new URL("http://127.0.0.1:1"));
  await ends(["status"], exitCodes.unreachable, /no connection to 127\.0\.0\.1:1.*(KUBECONFIG|server|network|reach)/i);
});
