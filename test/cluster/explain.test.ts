// Proves that `kubectl explain` tells of every field of both kinds what it means: a person who writes a farm looks there first.
// Method: the kubectl that is at hand, with a kubeconfig, against etcd and kube-apiserver of its own.

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { KubeClient } from "../../src/operator/kube/index.ts";
import { type ApiServer, kubeProgram, openTestClient, startApiServer } from "../support/api-server.ts";
import { bringKinds } from "../support/bring-kinds.ts";
import { until } from "../support/deadline.ts";

const home = mkdtempSync(join(tmpdir(), "kubectl-explain-"));
let server: ApiServer;
let client: KubeClient;

before(async () => {
  server = await startApiServer();
  client = openTestClient(server);
  await bringKinds(client);
});
after(async () => {
  await client?.close();
  await server?.stop();
  rmSync(home, { recursive: true, force: true });
});

function explain(kubectl: string, path: string): string {
  const args = ["explain", path, "--kubeconfig", server.kubeconfig, "--cache-dir", home];
  return execFileSync(kubectl, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Fields that a page of `kubectl explain` lists, each with what stands below it. */
function fieldsOf(page: string): ReadonlyMap<string, string> {
  const [, listed = ""] = page.split(/^FIELDS:$/m);
  const entries = listed.split(/\n(?= {2}\S+\t)/).map((entry) => /^ {2}(\S+)\t[^\n]*\n?([\s\S]*)$/.exec(entry.replace(/^\n+/, "")));
  return new Map(entries.flatMap((found) => (found === null ? [] : [[found[1] ?? "", (found[2] ?? "").trim()] as const])));
}

// Published a moment after the kind is served.
const published = (kubectl: string, path: string): Promise<string> =>
  until(
    `${path} is explained`,
    () => {
      try {
        const page = explain(kubectl, path);
        return fieldsOf(page).size > 0 ? page : false;
      } catch {
        return false;
      }
    },
    60_000,
  );

const pages = ["vaultfarm.spec", "vaultfarm.spec.storage.autogrow", "vaultfarm.status", "vaultnode.spec", "vaultnode.spec.assigned"];

test("kubectl explain has a description of each field", async () => {
  const kubectl = kubeProgram("kubectl");
  for (const path of pages) {
    const fields = fieldsOf(await published(kubectl, path));
    // What a field may be stands before what it means.
    const bare = [...fields].filter(([, text]) => /^(enum: .*)?\s*(<no description>)?$/.test(text)).map(([name]) => name);
    assert.deepEqual(bare, [], `${path}: fields without a description`);
  }
  assert.match(explain(kubectl, "vaultfarm.spec.replicas"), /DESCRIPTION:\n {4}\S/);
});
