// Proves that each verb of `kubectl vaultfarm` says what is in the cluster, changes what it says and nothing else, needs no
// right but those it documents, and fails with its exit code and a next step: the real command line against the in-process
// API server, found by a KUBECONFIG file.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { apiVersion } from "../../operator/api/vault-farm.ts";
import { claims, configMaps, farms, nodeRecords, pods, secrets, volumes } from "../../operator/cluster/resources.ts";
import type { KubeObject, Resource } from "../../operator/kube/index.ts";
import { collectionPath } from "../../operator/kube/resource.ts";
import type { CommandWorld } from "../command-world.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { inOrder } from "./logs.ts";
import { by, condition, hastened, makeAll, makeFarm, makeNode, namespace, used, usePluginCluster, withinRights } from "./plugin-fixture.ts";
import type { KubectlVerb } from "./rights.ts";

const cluster = usePluginCluster();
const { folder, kubectl, make, beyond } = cluster;
const address = "ab".repeat(64);
const content = Buffer.from("what was stored ".repeat(1000));
beyond.log = (_request, response) => response.end(`{"msg":"drains","object":"${address}"}\n{"msg":"proven"}\n`);

const desiredOf = (node: string): unknown =>
  (cluster.server().objects.get(collectionPath(nodeRecords), { namespace, name: node }) as KubeObject & { spec: { desired: string } }).spec
    .desired;
const thereIs = (resource: Resource, name: string): boolean =>
  cluster
    .server()
    .objects.list(collectionPath(resource), undefined)
    .some(({ metadata }) => metadata.name === name);

test("status draws the farm with its zones and nodes, and says what is not well and what is done", async () => {
  makeAll(cluster);
  const { code, out } = await kubectl(["status"]);
  assert.equal(code, exitCodes.done);
  assert.deepEqual(out.toString().trimEnd().split("\n"), [
    "attic (namespace home): 2 of 3 nodes ready, 4 wanted, 9 vaults, 1.2Gi of 90Gi used, 0 chunks below copies.min",
    "  ! Ready (NodesNotReady): 2 of 3 nodes are ready; attic-ccccc starts.",
    "  > prove-node attic-aaaaa: it is to leave.",
    "├─ zone a",
    "│  └─ attic-aaaaa  Draining  ready  400Mi of 30Gi  at risk -",
    "└─ zone b",
    "   ├─ attic-bbbbb  Active  ready      800Mi of 30Gi  at risk 3",
    "   └─ attic-ccccc  Active  not ready  -              at risk -",
    "        ! Starting: The pod runs, and the node is not ready yet.",
  ]);
  withinRights(cluster, "status");
  const wide = await kubectl(["status", "attic", "-o", "wide"]);
  assert.match(wide.out.toString(), /attic-bbbbb .*score 0\.20 {2}on - {2}\d+ s/);
  const json = JSON.parse((await kubectl(["status", "-o", "json"])).out.toString());
  assert.deepEqual(
    json.farms.map(({ name, nodes }: { name: string; nodes: { name: string }[] }) => [name, nodes.map((node) => node.name)]),
    [["attic", ["attic-aaaaa", "attic-bbbbb", "attic-ccccc"]]],
  );
});

test("another namespace is chosen by -n or by the context; a farm that nobody looked at yet says so", async () => {
  makeFarm(cluster);
  cluster
    .server()
    .objects.create(
      collectionPath(farms),
      { apiVersion, kind: "VaultFarm", metadata: { name: "cellar", namespace: "elsewhere" }, spec: { replicas: 5 } } as KubeObject,
      by,
    );
  for (const args of [
    ["-n", "elsewhere"],
    ["--context", "other"],
  ])
    assert.match((await kubectl(["status", ...args])).out.toString(), /^cellar \(namespace elsewhere\): nothing has been seen of it yet/);
  const all = (await kubectl(["status", "-A"])).out.toString();
  assert.match(all, /^attic .*\n[\s\S]*\ncellar /);
  assert.match((await kubectl(["status", "-n", "nowhere"])).err, /there is no VaultFarm in namespace nowhere; -A looks in all/);
});

test("top has the fullest node first, or what is asked for", async () => {
  makeAll(cluster);
  const names = async (args: readonly string[]): Promise<readonly string[]> => {
    const lines = (await kubectl(["top", ...args])).out.toString().trimEnd().split("\n");
    return lines.slice(1).map((line) => line.slice(6, 11));
  };
  assert.deepEqual(await names([]), ["bbbbb", "aaaaa", "ccccc"]);
  withinRights(cluster, "top");
  assert.deepEqual(await names(["attic", "--sort", "chunks"]), ["aaaaa", "bbbbb", "ccccc"]);
  assert.match(
    (await kubectl(["top", "-o", "wide"])).out.toString(),
    /^NODE +ZONE +USED +CAPACITY +FULL +CHUNKS +SCORE +AT-RISK +HOST +AGE\n.* 3 %/,
  );
});

test("a wish for a node goes into spec.desired alone; what is so already is left, and another wish is not lost in passing", async () => {
  makeAll(cluster);
  const steps: readonly (readonly [KubectlVerb, string])[] = [
    ["cordon", "Cordoned"],
    ["uncordon", "Active"],
    ["fence", "Fenced"],
    ["unfence", "Active"],
    ["drain", "Drained"],
    ["undrain", "Active"],
  ];
  for (const [verb, desired] of steps) {
    cluster.server().requests.length = 0;
    assert.equal((await kubectl([verb, "attic-bbbbb"])).code, exitCodes.done, verb);
    assert.equal(desiredOf("attic-bbbbb"), desired);
    withinRights(cluster, verb);
    const again = JSON.parse((await kubectl([verb, "attic-bbbbb", "-o", "json"])).out.toString());
    assert.deepEqual(again, { node: "attic-bbbbb", namespace, desired, changed: false });
  }
  await kubectl(["drain", "attic-bbbbb"]);
  const lost = await kubectl(["cordon", "attic-bbbbb"]);
  assert.deepEqual([lost.code, desiredOf("attic-bbbbb")], [exitCodes.refused, "Drained"]);
  assert.match(lost.err, /first: kubectl vaultfarm undrain attic-bbbbb/);
  makeNode(cluster, "ddddd", {}, { assigned: { leaving: "ScaleDown" } });
  assert.match((await kubectl(["undrain", "attic-ddddd"])).err, /leaves by the operator's decision \(ScaleDown\).*raise spec\.replicas/);
  const none = await kubectl(["drain", "attic-zzzzz"]);
  assert.deepEqual([none.code, /there is no VaultNode attic-zzzzz in namespace home/.test(none.err)], [exitCodes.notFound, true]);
});

function setDraining(node: string, reason: string, message: string): void {
  const at = { namespace, name: node };
  cluster
    .server()
    .objects.merge(
      collectionPath(nodeRecords),
      at,
      { status: { conditions: [condition("Draining", "True", reason, message)] } },
      { ...by, subresource: "status" },
    );
}

test("drain --wait says each change and ends when the node is gone", async () => {
  makeAll(cluster);
  const story = [
    () => setDraining("attic-bbbbb", "HandingOver", "9 chunks still lack copies elsewhere."),
    () => setDraining("attic-bbbbb", "ProvingCopies", "That its copies exist elsewhere is proven twice."),
    () => {
      const at = { namespace, name: "attic-bbbbb" };
      cluster.server().objects.merge(collectionPath(nodeRecords), at, { metadata: { finalizers: null } }, by);
      cluster.server().objects.remove(collectionPath(nodeRecords), at, {});
    },
  ];
  const ended = await kubectl(["drain", "attic-bbbbb", "--wait"], { clock: hastened(() => story.shift()?.()) });
  assert.deepEqual([ended.code, ended.out.toString()], [exitCodes.done, "attic-bbbbb is gone; what it held is on other nodes\n"]);
  assert.match(ended.err, /has not begun yet\.\n.*9 chunks still lack[^\n]*\n.*proven twice/);
  withinRights(cluster, "drain");
});

test("drain --wait says what keeps a node that stays blocked, and that somebody cancelled", async () => {
  makeAll(cluster);
  const blocked = (): void => setDraining("attic-bbbbb", "Blocked", "It cannot leave: 3 nodes would be left for 4 copies.");
  const stuck = await kubectl(["drain", "attic-bbbbb", "--wait"], { clock: hastened(blocked) });
  assert.equal(stuck.code, exitCodes.refused);
  assert.match(stuck.err, /3 nodes would be left for 4 copies.*goes on trying; kubectl vaultfarm undrain attic-bbbbb cancels it/);
  const undrain = (): void =>
    void cluster
      .server()
      .objects.merge(collectionPath(nodeRecords), { namespace, name: "attic-bbbbb" }, { spec: { desired: "Active" } }, by);
  const cancelled = await kubectl(["drain", "attic-bbbbb", "--wait"], { clock: hastened(undrain) });
  assert.deepEqual([cancelled.code, /somebody cancelled/.test(cancelled.err)], [exitCodes.refused, true]);
});

test("drain --wait does not wait for ever where no operator begins", async () => {
  makeAll(cluster);
  let looks = 0;
  const enough = (): void => {
    looks += 1;
    if (looks > 100) throw new Error("it waits and waits");
  };
  const { code, err } = await kubectl(["drain", "attic-bbbbb", "--wait"], { clock: hastened(enough) });
  assert.equal(code, exitCodes.refused, err);
  assert.match(
    err,
    /attic-bbbbb does not leave. The operator has not begun yet: does it run, and is the farm paused\?.*undrain attic-bbbbb cancels it/,
  );
});

test("replace asks a person, refuses where it cannot ask, and deletes the record once", async () => {
  makeAll(cluster);
  const terminal = (answer: string): Partial<CommandWorld> => ({ input: Object.assign(Readable.from([answer]), { isTTY: true }) });
  assert.equal((await kubectl(["replace", "attic-bbbbb"])).code, exitCodes.usage);
  const no = await kubectl(["replace", "attic-bbbbb"], terminal("n\n"));
  assert.deepEqual([no.code, no.err.startsWith("Replace attic-bbbbb?")], [exitCodes.refused, true]);
  const deleted = (): boolean =>
    cluster.server().objects.get(collectionPath(nodeRecords), { namespace, name: "attic-bbbbb" }).metadata.deletionTimestamp !== undefined;
  assert.equal(deleted(), false);
  assert.equal((await kubectl(["replace", "attic-bbbbb"], terminal("y\n"))).code, exitCodes.done);
  assert.equal(deleted(), true);
  withinRights(cluster, "replace");
  assert.match((await kubectl(["replace", "attic-bbbbb", "--yes"])).out.toString(), /is deleted already/);
  assert.match((await kubectl(["undrain", "attic-bbbbb"])).err, /is deleted: it drains and goes/);
});

test("put and get stream through the API server to the gateway's Service, under a name that the gateway knows", async () => {
  makeFarm(cluster);
  const seen: string[] = [];
  beyond.proxy = async (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers.authorization}`);
    if (request.method === "GET") return void response.writeHead(200, { "content-length": content.length }).end(content);
    const bytes = Buffer.concat(await request.toArray()).length;
    response.writeHead(201).end(JSON.stringify({ address, bytes, chunks: 1, copies: { min: 4, max: 5 } }));
  };
  writeFileSync(join(folder, "file"), content);
  const put = await kubectl(["put", "file"]);
  assert.deepEqual([put.code, put.out.toString()], [exitCodes.done, `${address}\n`]);
  withinRights(cluster, "put");
  cluster.server().requests.length = 0;
  const got = await kubectl(["get", address, "--farm", "attic"]);
  assert.ok(got.out.equals(content));
  withinRights(cluster, "get");
  const proxy = `/api/v1/namespaces/${namespace}/services/attic-gateway:8080/proxy/v1/objects`;
  assert.deepEqual(seen, [`POST ${proxy} localhost Bearer t`, `GET ${proxy}/${address} localhost Bearer t`]);
  assert.equal((await kubectl(["get", address, "--out", "copy"])).code, exitCodes.done);
  assert.ok(readFileSync(join(folder, "copy")).equals(content));
});

test("what the API server refuses on the way to a gateway is said as its word", async () => {
  makeFarm(cluster);
  const cases: readonly (readonly [number, string, ExitCode])[] = [
    [503, 'no endpoints available for service "attic-gateway:8080"', exitCodes.unreachable],
    [403, 'services "attic-gateway:8080" is forbidden', exitCodes.refused],
    [404, 'services "attic-gateway" not found', exitCodes.notFound],
  ];
  for (const [status, message, code] of cases) {
    beyond.proxy = (request, response) => {
      request.resume();
      response
        .writeHead(status)
        .end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, reason: "Some", code: status }));
    };
    const ended = await kubectl(["get", address]);
    assert.deepEqual([ended.code, ended.err], [code, `kubectl vaultfarm: the API server answered ${status}: ${message}\n`]);
  }
});

test("logs are those of a farm's pods, or of one node's, and never hold an object's key", async () => {
  makeAll(cluster);
  const ofFarm = { "vaultfarm.dev/farm": "attic" };
  make(pods, "attic-aaaaa", {}, { labels: { ...ofFarm, "vaultfarm.dev/node": "attic-aaaaa" } });
  make(pods, "attic-gateway-1", {}, { labels: ofFarm });
  make(pods, "stranger", {}, { labels: { "vaultfarm.dev/farm": "other" } });
  const { code, out } = await kubectl(["logs", "attic", "--tail", "7"]);
  assert.equal(code, exitCodes.done);
  const lines = out.toString().trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.split("  ")[0]),
    ["attic-aaaaa", "attic-aaaaa", "attic-gateway-1", "attic-gateway-1"],
  );
  assert.ok(!out.toString().includes(address));
  assert.ok(cluster.server().requests.some((one) => one.endsWith("/log?tailLines=7")));
  const one = await kubectl(["logs", "attic", "attic-aaaaa", "-o", "json"]);
  assert.deepEqual(
    JSON.parse(one.out.toString()).lines.map(({ pod }: { pod: string }) => pod),
    ["attic-aaaaa", "attic-aaaaa"],
  );
  withinRights(cluster, "logs");
  const none = await kubectl(["logs", "attic", "attic-zzzzz"]);
  assert.equal(none.code, exitCodes.notFound);
  assert.match(none.err, /node attic-zzzzz of farm attic has no pods/);
  assert.equal((await kubectl(["logs", "attic", "--tail", "0"])).code, exitCodes.usage);
});

test("lines of several pods stand in the order of their time, and what says no time stays behind the line before it", () => {
  const line = (pod: string, text: string) => ({ pod, text });
  const a = [line("a", '{"time":"2026-01-01T00:00:02Z"}'), line("a", "   at somewhere"), line("a", '{"time":"2026-01-01T00:00:04Z"}')];
  const b = [line("b", "before all"), line("b", '{"time":"2026-01-01T00:00:03Z"}')];
  assert.deepEqual(inOrder([...a, ...b]), [b[0], a[0], a[1], b[1], a[2]]);
});

test("destroy only lists until it is told; then the farm goes first, and what holds data after it", async () => {
  makeFarm(cluster);
  const kept: readonly (readonly [Resource, string])[] = [
    [claims, "attic-aaaaa"],
    [secrets, "attic-network"],
    [configMaps, "attic-accepted"],
  ];
  for (const [resource, name] of kept) make(resource, name, {}, { labels: { "vaultfarm.dev/farm": "attic" } });
  make(claims, "cellar-aaaaa", {}, { labels: { "vaultfarm.dev/farm": "cellar" } });
  make(volumes, "pv-1", { spec: { persistentVolumeReclaimPolicy: "Retain", claimRef: { namespace, name: "attic-aaaaa" } } });
  const asked = await kubectl(["destroy", "attic"]);
  assert.equal(asked.code, exitCodes.usage);
  assert.match(asked.err, /PersistentVolumeClaim attic-aaaaa[\s\S]*Secret attic-network[\s\S]*nothing was deleted.*--yes-delete-data/);
  assert.equal(
    used(cluster).some((one) => one.startsWith("delete")),
    false,
  );
  const done = await kubectl(["destroy", "attic", "--yes-delete-data"]);
  assert.deepEqual([done.code, done.out.toString()], [exitCodes.done, "attic is destroyed\n"]);
  assert.match(done.err, /kept by their reclaim policy.*pv-1/);
  for (const [resource, name] of [...kept, [farms, "attic"] as const]) assert.equal(thereIs(resource, name), false, name);
  assert.ok(thereIs(claims, "cellar-aaaaa") && thereIs(volumes, "pv-1"));
  const deletes = used(cluster).filter((one) => one.startsWith("delete"));
  assert.equal(deletes[0], "delete vaultfarms");
  withinRights(cluster, "destroy");
  assert.equal((await kubectl(["destroy", "attic", "--yes-delete-data"])).code, exitCodes.notFound);
});

test("destroy takes a name as a name: claims of another farm are never meant by it", async () => {
  make(farms, "attic", { apiVersion, spec: {} });
  make(claims, "attic-aaaaa", {}, { labels: { "vaultfarm.dev/farm": "attic", team: "a" } });
  for (const name of ["attic,team", "attic,!team", ""]) {
    const { code } = await kubectl(["destroy", name, "--yes-delete-data"]);
    assert.deepEqual([code, thereIs(claims, "attic-aaaaa")], [exitCodes.usage, true], name);
  }
});

test("Ctrl-C at the question of replace ends with its own code, and nothing is deleted", async () => {
  makeNode(cluster, "aaaaa");
  const interruption = new AbortController();
  const input = Object.assign(new Readable({ read: () => interruption.abort(new Error("SIGINT")) }), { isTTY: true });
  const { code } = await kubectl(["replace", "attic-aaaaa"], { input, interrupted: interruption.signal });
  assert.deepEqual([code, used(cluster)], [exitCodes.interrupted, ["get vaultnodes"]]);
});

test("destroy takes up one that was cut short: keys that are left are listed and deleted, what is another's of that name is not", async () => {
  const labelled = { labels: { "vaultfarm.dev/farm": "attic" } };
  make(secrets, "attic-network", {}, labelled);
  make(configMaps, "attic-accepted", {}, labelled);
  make(secrets, "cellar-network");
  assert.match((await kubectl(["destroy", "attic"])).err, /Secret attic-network[\s\S]*ConfigMap attic-accepted[\s\S]*nothing was deleted/);
  assert.equal((await kubectl(["destroy", "attic", "--yes-delete-data"])).code, exitCodes.done);
  assert.deepEqual([thereIs(secrets, "attic-network"), thereIs(configMaps, "attic-accepted")], [false, false]);
  assert.equal((await kubectl(["destroy", "cellar", "--yes-delete-data"])).code, exitCodes.notFound);
  assert.ok(thereIs(secrets, "cellar-network"));
});

test("a cluster that is not found, not reached or knows no farms ends with its exit code and a next step", async () => {
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const config = JSON.parse(readFileSync(join(folder, "config"), "utf8"));
  write("words", "apiVersion: [");
  write(
    "exec",
    JSON.stringify({
      ...config,
      users: [{ name: "u", user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "/bin/false" } } }],
    }),
  );
  write("silent", JSON.stringify({ ...config, clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1" } }] }));
  write(
    "kindless",
    JSON.stringify({ ...config, clusters: [{ name: "c", cluster: { server: new URL("none", cluster.server().url).href } }] }),
  );
  const cases: readonly (readonly [Readonly<Record<string, string>>, readonly string[], ExitCode, RegExp])[] = [
    [{}, [], exitCodes.usage, /no cluster is named: set KUBECONFIG/],
    [{ KUBECONFIG: "absent" }, [], exitCodes.notFound, /absent cannot be read: check the path in KUBECONFIG/],
    [{ KUBECONFIG: "words" }, [], exitCodes.usage, /is not YAML/],
    [{ KUBECONFIG: "exec" }, [], exitCodes.refused, /login program "\/bin\/false" failed: it ended with 1: run it by hand: \/bin\/false/],
    [{ KUBECONFIG: "config" }, ["--context", "third"], exitCodes.usage, /no context "third"/],
    [{}, ["--kubeconfig", "silent"], exitCodes.unreachable, /no connection to 127\.0\.0\.1:1/],
    [{}, ["--kubeconfig", "kindless"], exitCodes.notFound, /knows no VaultFarm: install the operator/],
  ];
  for (const [baseEnv, args, code, sentence] of cases) {
    const ended = await kubectl(["status", ...args], { baseEnv, clock: hastened(() => {}) });
    assert.match(ended.err, sentence);
    assert.equal(ended.code, code, ended.err);
  }
  const json = await kubectl(["status", "-o", "json"], { baseEnv: {} });
  assert.equal(JSON.parse(json.err).error.code, "kubeconfig-no-config");
  assert.equal(existsSync(join(folder, "attic-report.json")), false);
});

test("completion answers in kubectl's protocol: verbs, options, choices, names of the cluster, files", async () => {
  makeAll(cluster);
  const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
    const lines = (await kubectl(["complete-words", "--", ...words])).out.toString().trimEnd().split("\n");
    return lines.map((line) => line.split("\t", 1)[0] ?? "");
  };
  assert.deepEqual(await complete("un"), ["undrain", "uncordon", "unfence", ":4"]);
  assert.deepEqual(await complete("drain", "attic-a"), ["attic-aaaaa", ":4"]);
  assert.deepEqual(await complete("plan", "-n", "home", ""), ["attic", ":4"]);
  for (const verb of ["top", "drain", "logs", "put"]) assert.deepEqual(await complete(verb, "-o", ""), ["json", "wide", ":4"]);
  assert.deepEqual(await complete("destroy", "--y"), ["--yes-delete-data", ":4"]);
  assert.deepEqual(await complete("put", "hol"), [":0"]);
});

test("the package's programs run it as kubectl calls them", () => {
  const { version, bin } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string; bin: Record<string, string> };
  const run = (name: string, ...args: readonly string[]): string =>
    execFileSync(process.execPath, [bin[name] ?? "", ...args], { encoding: "utf8", env: { KUBECONFIG: "absent" } });
  assert.equal(run("kubectl-vaultfarm", "--version"), `${version}\n`);
  assert.equal(run("kubectl_complete-vaultfarm", "uncor").split("\t", 1)[0], "uncordon");
  assert.equal(run("kubectl_complete-vaultfarm", "top", "--sort", ""), "used\nchunks\nscore\nname\n:4\n");
});
