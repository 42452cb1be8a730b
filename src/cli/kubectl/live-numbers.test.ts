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
    "  attic-aaaaa, draining for 3 min: about 7 chunks still lack copies elsewhere",
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

test("nodes that all are silent are named in one line, with where to look, and what of the spec is not carried out is said", async () => {
  makeFarm(cluster);
  for (const name of ["aaaaa", "bbbbb", "ccccc", "ddddd", "eeeee"]) makeNode(cluster, name, { pod: `attic-${name}` });
  const conditions = [
    condition("Progressing", "False", "SpecNotCarriedOut", "Everything is as it was."),
    condition("SpecAccepted", "False", "FewerNodesThanCopies", "spec.replicas: 3 nodes cannot hold 4 copies."),
  ];
  cluster
    .server()
    .objects.merge(
      collectionPath(farms),
      { namespace, name: "attic" },
      { status: { plan: [], conditions } },
      { ...by, subresource: "status" },
    );
  pods({});
  const { code, out, err } = await kubectl(["plan", "attic"]);
  assert.equal(code, exitCodes.done);
  assert.match(out.toString(), /^attic: Everything is as it was.*\n {2}not carried out: spec\.replicas: 3 nodes cannot hold 4 copies\.\n$/);
  assert.match(err, /^no live numbers of attic-aaaaa, attic-bbbbb, attic-ccccc and 2 more: .*no connection.*; .*install\.md[^\n]*\n$/);
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

const vault = (name: string, used: number, chunks: number): object => ({
  name: name.repeat(64),
  publicKey: "00".repeat(32),
  state: "active",
  capacity: 1000,
  used,
  chunks,
});
const sees = (name: string, score: number): object => ({
  peerId: "12D3",
  vault: name.repeat(64),
  score,
  conduct: 1,
  goodDays: 0,
  age: 0,
  faults: {},
});

function statusOf(zone: string, vaults: readonly object[], seen: readonly object[]): string {
  const rest = { networkId: "00", version: "0.1.0", startCounter: 1, state: "ready", admin: "active", joined: true, granted: true };
  const disk = { live: 0, dead: 0, overhead: 0, free: 5, total: 10 };
  const store = { mode: "writable" };
  return JSON.stringify({
    ...rest,
    peerId: "12D3",
    addresses: [],
    zone,
    host: "",
    vaults,
    disk,
    store,
    seen,
    ports: { health: 1, admin: 2 },
  });
}

test("top --vaults has each vault with what it holds and its score, the middle of what others say, in the order asked for", async () => {
  makeRunning();
  pods({
    "attic-aaaaa/v1/status": statusOf("za", [vault("a", 250, 1), vault("b", 900, 2)], [sees("c", 0.5)]),
    "attic-bbbbb/v1/status": statusOf("zb", [vault("c", 100, 9)], [sees("a", 0.25), sees("c", 0.9)]),
    "attic-ccccc/v1/status": "{}",
  });
  const { code, out } = await kubectl(["top", "attic", "--vaults"]);
  assert.equal(code, exitCodes.done);
  assert.deepEqual(out.toString().trimEnd().split("\n"), [
    "VAULT         NODE         STATE   USED   CAPACITY  FULL  CHUNKS  SCORE",
    "bbbbbbbbbbbb  attic-aaaaa  active  900 B  1000 B    90 %  2       -",
    "aaaaaaaaaaaa  attic-aaaaa  active  250 B  1000 B    25 %  1       0.25",
    "cccccccccccc  attic-bbbbb  active  100 B  1000 B    10 %  9       0.50",
  ]);
  withinRights(cluster, "top");
  for (const [sort, order] of [
    ["chunks", "cba"],
    ["score", "cab"],
    ["name", "abc"],
  ] as const) {
    const json = JSON.parse((await kubectl(["top", "attic", "--vaults", "--sort", sort, "-o", "json"])).out.toString());
    assert.equal(json.vaults.map(({ name }: { name: string }) => name[0]).join(""), order, sort);
  }
  const wide = (await kubectl(["top", "attic", "--vaults", "-o", "wide"])).out.toString();
  assert.match(wide, /ZONE +HOST\nb{64} .* za +-\n/);
});

test("top --vaults without the right or without an answer ends with its exit code and a next step", async () => {
  makeRunning();
  pods({ "attic-aaaaa/v1/status": 403, "attic-bbbbb/v1/status": 403, "attic-ccccc/v1/status": 403 });
  const refused = await kubectl(["top", "attic", "--vaults"]);
  assert.equal(refused.code, exitCodes.refused);
  assert.match(refused.err, /forbidden.*top --vaults needs the rights: .*get pods\/proxy/);
  pods({});
  const silent = await kubectl(["top", "attic", "--vaults"]);
  assert.equal(silent.code, exitCodes.unreachable);
  assert.match(silent.err, /no node of attic says what its vaults hold \(attic-.*see kubectl vaultfarm status attic/);
});
