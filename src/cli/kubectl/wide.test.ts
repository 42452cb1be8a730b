// Proves that every verb takes `-o wide`: those that have more to say say it in further columns or lines below the usual ones, and
// the others what they say without it. The real command line against the in-process API server.
import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { claims, nodeRecords, pods } from "../../operator/cluster/resources.ts";
import { collectionPath } from "../../operator/kube/resource.ts";
import { systemClock } from "../../runtime/clock.ts";
import { exitCodes } from "../exit-code.ts";
import { by, makeAll, makeFarm, makeNode, namespace, usePluginCluster, withinRights } from "./plugin-fixture.ts";

const cluster = usePluginCluster();
const { folder, kubectl, make, beyond } = cluster;
const address = "ab".repeat(64);
const ofFarm = { "vaultfarm.dev/farm": "attic" };
const heading = /^NODE +ZONE +USED +CAPACITY +FULL +CHUNKS +SCORE +AT-RISK +HOST +AGE$/;

async function linesOf(args: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await kubectl(args);
  assert.equal(code, exitCodes.done, err);
  return out.toString().trimEnd().split("\n");
}

function makeHeldNode(): void {
  makeFarm(cluster);
  makeNode(cluster, "bbbbb", { zone: "b", host: "host-1", used: "1Gi", capacity: "4Gi", chunks: 90, score: "0.20", atRiskIfStopped: 3 });
}

const row = /^attic-bbbbb +b +1Gi +4Gi +25 % +90 +0\.20 +3 +host-1 +\d+ s$/;

test("verbs that change a node show it, with what would be missing without it", async () => {
  makeHeldNode();
  for (const verb of ["cordon", "uncordon", "fence", "unfence", "drain", "undrain"] as const) {
    cluster.server().requests.length = 0;
    const [sentence = "", named = "", told = "", ...more] = await linesOf([verb, "attic-bbbbb", "-o", "wide"]);
    assert.match(sentence, /^attic-bbbbb /, verb);
    assert.match(named, heading, verb);
    assert.match(told, row, verb);
    assert.deepEqual(more, []);
    withinRights(cluster, verb);
  }
  const [sentence = "", named = "", told = ""] = await linesOf(["replace", "attic-bbbbb", "--yes", "-o", "wide"]);
  assert.match(sentence, /drains, goes, and another node is made/);
  assert.match(`${named}\n${told}`, new RegExp(`${heading.source.slice(0, -1)}\n${row.source.slice(1)}`));
});

test("a drain that is followed shows the node before it goes", async () => {
  makeHeldNode();
  const at = { namespace, name: "attic-bbbbb" };
  const leave = (): void => {
    cluster.server().objects.merge(collectionPath(nodeRecords), at, { metadata: { finalizers: null } }, by);
    cluster.server().objects.remove(collectionPath(nodeRecords), at, {});
  };
  const clock = { ...systemClock, sleep: async () => leave() };
  const { code, out } = await kubectl(["drain", "attic-bbbbb", "--wait", "-o", "wide"], { clock });
  const [named = "", told = "", sentence = ""] = out.toString().split("\n");
  assert.equal(code, exitCodes.done);
  assert.match(named, heading);
  assert.match(told, row);
  assert.match(sentence, /^attic-bbbbb is gone/);
});

test("logs name the machine behind the pod", async () => {
  makeAll(cluster);
  make(pods, "attic-aaaaa", { spec: { nodeName: "host-1" } }, { labels: ofFarm });
  make(pods, "attic-bbbbb", {}, { labels: ofFarm });
  beyond.log = (_request, response) => response.end("a line\n");
  assert.deepEqual(await linesOf(["logs", "attic", "-o", "wide"]), ["attic-aaaaa  host-1  a line", "attic-bbbbb  -  a line"]);
  withinRights(cluster, "logs");
});

test("put says what was stored, and how often; get says what it says without it", async () => {
  makeFarm(cluster);
  writeFileSync(join(folder, "file"), "content");
  beyond.proxy = (request, response) => {
    request.resume();
    if (request.method === "GET") return void response.writeHead(200, { "content-length": 7 }).end("content");
    response.writeHead(201).end(JSON.stringify({ address, bytes: 7, chunks: 1, copies: { min: 4, max: 5 } }));
  };
  const [named = "", told = ""] = await linesOf(["put", "file", "-o", "wide"]);
  assert.match(named, /^ADDRESS +BYTES +CHUNKS +COPIES$/);
  assert.match(told, new RegExp(`^${address} +7 +1 +4-5$`));
  assert.deepEqual(await linesOf(["put", "file"]), [address]);
  const read = ["get", address, "--out", "copy"];
  assert.deepEqual(await linesOf([...read, "-o", "wide"]), await linesOf(read));
});

test("report lists what is in the archive", async () => {
  makeAll(cluster);
  const [summary = "", named = "", ...files] = await linesOf(["report", "attic", "-o", "wide"]);
  assert.match(summary, /^attic-report\.zip: 3 nodes/);
  assert.match(named, /^FILE +BYTES$/);
  for (const path of ["about.json", "status.txt", "nodes.json"])
    assert.ok(
      files.some((line) => new RegExp(`^attic-report/${path} +[1-9]\\d*$`).test(line)),
      path,
    );
});

test("destroy names the volume of each claim", async () => {
  makeFarm(cluster);
  make(
    claims,
    "attic-aaaaa",
    { spec: { volumeName: "pv-1" }, status: { phase: "Bound", capacity: { storage: "3Gi" } } },
    { labels: ofFarm },
  );
  const { code, err } = await kubectl(["destroy", "attic", "-o", "wide"]);
  assert.equal(code, exitCodes.usage);
  assert.match(err, /PersistentVolumeClaim attic-aaaaa \(3Gi, volume pv-1, Bound\), and what is on its volume/);
  assert.match((await kubectl(["destroy", "attic"])).err, /PersistentVolumeClaim attic-aaaaa \(3Gi\), and/);
});
