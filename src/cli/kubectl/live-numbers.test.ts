// Proves that `plan` and `top --vaults` show what nodes say of themselves at this moment beside what the operator wrote, that
// what cannot be asked is named while the rest stands, and that nothing but the documented rights is used: the real command
// line against the in-process API server, behind which pods answer on their health port.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { farms } from "../../operator/cluster/resources.ts";
import { collectionPath } from "../../operator/kube/resource.ts";
import { exitCodes } from "../exit-code.ts";
import { by, condition, makeAll, makeFarm, makeNode, namespace, usePluginCluster, withinRights } from "./plugin-fixture.ts";

const cluster = usePluginCluster();
const { kubectl, beyond } = cluster;

/** What the pods answer, by "POD/PATH"; a number is a refusal of the API server. */
function pods(answers: Readonly<Record<string, string | number>>): void {
  beyond.proxy = (request, response) => {
    const [, pod, path] = /pods\/([^/]+):9090\/proxy\/(.+)$/.exec(request.url ?? "") ?? [];
    const answer = answers[`${pod}/${path}`] ?? 503;
    if (typeof answer === "string") return void response.end(answer);
    const message = answer === 403 ? 'pods "x" is forbidden' : "no connection to the pod";
    response.writeHead(answer).end(JSON.stringify({ kind: "Status", status: "Failure", message, code: answer }));
  };
}

const metricsOf = (copies: number, bytes: number, seconds: number): string =>
  [
    "# TYPE vaultfarm_below_target_copies gauge",
    'vaultfarm_below_target_copies{copies="0"} 0',
    `vaultfarm_below_target_copies{copies="3"} ${copies}`,
    "vaultfarm_placement_copies 0",
    `vaultfarm_copies_waiting_bytes ${bytes}`,
    `vaultfarm_repair_eta_seconds ${seconds}`,
    "",
  ].join("\n");

function makeRunning(): void {
  makeFarm(cluster);
  const draining = condition("Draining", "True", "HandingOver", "7 chunks still lack copies elsewhere.");
  makeNode(cluster, "aaaaa", { pod: "attic-aaaaa", drain: { left: 7 }, conditions: [draining] });
  makeNode(cluster, "bbbbb", { pod: "attic-bbbbb" });
  makeNode(cluster, "ccccc", { pod: "attic-ccccc", conditions: [condition("Ready", "False", "Starting", "It starts.")] });
}

test("plan tells the next action and why, how long nodes are as they are, and what is left by the nodes' own count", async () => {
  makeRunning();
  pods({ "attic-aaaaa/metrics": metricsOf(2, 3 * 1024 * 1024, 12.2), "attic-bbbbb/metrics": metricsOf(5, 1024 * 1024, 300) });
  const { code, out, err } = await kubectl(["plan", "attic"]);
  assert.equal(code, exitCodes.done);
  const [head, ...lines] = out.toString().trimEnd().split("\n");
  assert.match(head ?? "", /^attic: 2 steps, under way for 3 min/);
  assert.deepEqual(lines, [
    "  next: prove-node attic-aaaaa, because: it is to leave",
    "  1.  prove-node  attic-aaaaa  draining for 3 min  it is to leave",
    "  2.  waits       attic-bbbbb                      one node at a time",
    "  attic-aaaaa: about 7 chunks still lack copies elsewhere, for 3 min",
    "  7 copies are left to be made, 4 MiB, in about 5 min, as 2 nodes count it now",
  ]);
  assert.match(err, /^no live numbers of attic-ccccc: .*no connection to the pod/);
  withinRights(cluster, "plan");
});

test("plan -o wide lists what each node has left, and -o json gives all of it as numbers", async () => {
  makeRunning();
  const idle = metricsOf(0, 0, 0);
  pods({ "attic-aaaaa/metrics": idle, "attic-bbbbb/metrics": metricsOf(5, 1024, 61), "attic-ccccc/metrics": "up 1\n" });
  const wide = (await kubectl(["plan", "attic", "-o", "wide"])).out.toString().trimEnd().split("\n");
  assert.deepEqual(wide.slice(-3), [
    "  NODE         COPIES-LEFT  BYTES-LEFT  ESTIMATE",
    "  attic-bbbbb  5            1 KiB       61 s",
    "  attic-aaaaa  0            0 B         -",
  ]);
  const json = JSON.parse((await kubectl(["plan", "attic", "-o", "json"])).out.toString());
  assert.deepEqual(json.copying, {
    copies: 5,
    bytes: 1024,
    estimateSeconds: 61,
    nodes: [
      { node: "attic-bbbbb", copies: 5, bytes: 1024, estimateSeconds: 61 },
      { node: "attic-aaaaa", copies: 0, bytes: 0, estimateSeconds: 0 },
    ],
  });
  assert.deepEqual([json.steps.length, json.next.action, json.unseen], [2, "prove-node", []]);
  assert.deepEqual([json.draining[0].node, json.draining[0].left], ["attic-aaaaa", 7]);
});

test("who may not ask the pods sees the operator's plan, with one note; a pod that is broken spoils nothing", async () => {
  makeRunning();
  pods({ "attic-aaaaa/metrics": 403, "attic-bbbbb/metrics": 403, "attic-ccccc/metrics": 403 });
  const ended = await kubectl(["plan", "attic"]);
  assert.equal(ended.code, exitCodes.done);
  assert.match(ended.out.toString(), /^attic: 2 steps[\s\S]*about 7 chunks/);
  assert.match(ended.err, /^no live numbers: .*forbidden.*get pods\/proxy\n$/);
});

test("plan says what all of it waits for where nothing can be done now", async () => {
  makeAll(cluster);
  const plan = [{ action: "wait", node: "attic-ccccc", why: "its pod starts", waiting: true }];
  cluster
    .server()
    .objects.merge(collectionPath(farms), { namespace, name: "attic" }, { status: { plan } }, { ...by, subresource: "status" });
  const { out } = await kubectl(["plan", "attic"]);
  assert.match(
    out.toString(),
    /\n {2}next: nothing until this is over: its pod starts\n {2}1\. {2}waits {2}attic-ccccc {2}not ready for 3 min/,
  );
});
