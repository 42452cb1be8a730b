// Proves that the rights that each verb documents are those that it uses, no more and no fewer, and that its help names them
// and refuses what it has no use for. Method: every verb in each of its ways against the in-process API server, whose log of
// requests is compared with the table. A pod is asked for in its own namespace alone here, which stands for the operator's too.
import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { claims, configMaps, pods, secrets } from "../../operator/cluster/resources.ts";
import { exitCodes } from "../exit-code.ts";
import { documented, makeFarm, makeNode, used, usePluginCluster } from "./plugin-fixture.ts";
import { type KubectlVerb, kubectlVerbs, rightsText } from "./rights.ts";

const cluster = usePluginCluster();
const { kubectl, make, folder, beyond } = cluster;
const address = "ab".repeat(64);

const wish = (verb: string): readonly (readonly string[])[] => [
  [verb, "attic-aaaaa"],
  [verb, "attic-zzzzz"],
];
/** Each verb in the ways that need different rights. */
const ways: Readonly<Record<KubectlVerb, readonly (readonly string[])[]>> = {
  status: [["status", "attic"], ["status"], ["status", "-A"]],
  plan: [
    ["plan", "attic"],
    ["plan", "cellar"],
  ],
  top: [["top"], ["top", "attic", "--vaults"]],
  drain: wish("drain"),
  undrain: wish("undrain"),
  cordon: wish("cordon"),
  uncordon: wish("uncordon"),
  fence: wish("fence"),
  unfence: wish("unfence"),
  replace: [
    ["replace", "attic-aaaaa", "--yes"],
    ["replace", "attic-zzzzz", "--yes"],
  ],
  report: [["report"], ["report", "attic"]],
  logs: [
    ["logs", "attic"],
    ["logs", "cellar"],
  ],
  put: [
    ["put", "file"],
    ["put", "file", "--farm", "attic"],
  ],
  get: [
    ["get", address],
    ["get", address, "--farm", "attic"],
  ],
  destroy: [["destroy", "attic", "--yes-delete-data"]],
};

/** What has to be wanted of a node for the verb to change something. */
const before: Readonly<Partial<Record<KubectlVerb, string>>> = { undrain: "Drained", uncordon: "Cordoned", unfence: "Fenced" };
/** Of the operator's pods in their own namespace, which here is the farm's. */
const standIns = ["get pods/log everywhere", "get pods/proxy everywhere"];

for (const verb of kubectlVerbs)
  test(`${verb} needs what it documents, and documents nothing else`, async () => {
    makeFarm(cluster);
    makeNode(cluster, "aaaaa", { pod: "attic-aaaaa" }, { desired: before[verb] ?? "Active" });
    make(pods, "attic-aaaaa", {}, { labels: { "vaultfarm.dev/farm": "attic", "vaultfarm.dev/node": "attic-aaaaa" } });
    make(claims, "attic-aaaaa", {}, { labels: { "vaultfarm.dev/farm": "attic" } });
    make(secrets, "attic-network");
    make(configMaps, "attic-accepted");
    writeFileSync(join(folder, "file"), "content");
    beyond.proxy = (request, response) => {
      request.resume();
      response.end(JSON.stringify({ address, bytes: 7, chunks: 1, copies: { min: 4, max: 5 } }));
    };
    for (const args of ways[verb]) await kubectl(args);
    const needed = new Set(used(cluster));
    assert.deepEqual([...needed].sort(), [...new Set(documented(verb))].filter((one) => !standIns.includes(one)).sort());
  });

test("each verb's help names its rights and its forms of output, and another form is refused by name", async () => {
  for (const verb of kubectlVerbs) {
    const { code, out } = await kubectl([verb, "--help"]);
    assert.equal(code, exitCodes.done);
    const help = out.toString().replaceAll(/\s+/g, " ");
    assert.ok(help.includes(`Rights in the cluster: ${rightsText(verb)}`), verb);
    assert.ok(help.includes("json: one line of JSON; wide: more columns and facts"), verb);
    const refused = await kubectl([verb, "x", "-o", "yaml"]);
    assert.equal(refused.code, exitCodes.usage, verb);
    assert.match(refused.err, /'yaml' is invalid\. Allowed choices are json, wide\./);
  }
  assert.deepEqual(cluster.server().requests, []);
});
