// Proves that a report is a whole zip archive with all that a helper needs, that none of the secrets planted in every place it
// reads from is in it, that its parts have limits, and that what may not be read is named: the real command line against the
// in-process API server; the archive read back by its own directory and checked by its checksums.
import { strict as assert } from "node:assert";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { crc32, inflateRawSync } from "node:zlib";
import { pods, secrets } from "../../operator/cluster/resources.ts";
import { exitCodes } from "../exit-code.ts";
import { events, makeFarm, makeNode, used, usePluginCluster, withinRights } from "./plugin-fixture.ts";
import { zipOf } from "./zip.ts";

const cluster = usePluginCluster();
const { folder, kubectl, make, beyond } = cluster;
const address = "ab".repeat(64);

/** The files of an archive, as its directory lists them. */
function unzip(bytes: Buffer): ReadonlyMap<string, string> {
  const end = bytes.lastIndexOf(Buffer.from("504b0506", "hex"));
  const files = new Map<string, string>();
  let at = bytes.readUInt32LE(end + 16);
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i -= 1) {
    assert.equal(bytes.readUInt32LE(at), 0x02014b50);
    const [checksum, packed, size] = [16, 20, 24].map((offset) => bytes.readUInt32LE(at + offset));
    const nameBytes = bytes.readUInt16LE(at + 28);
    const local = bytes.readUInt32LE(at + 42);
    assert.equal(bytes.readUInt32LE(local), 0x04034b50);
    assert.deepEqual(bytes.subarray(local + 4, local + 30), bytes.subarray(at + 6, at + 32));
    const from = local + 30 + nameBytes;
    const plain = inflateRawSync(bytes.subarray(from, from + (packed ?? 0)));
    assert.deepEqual([plain.length, crc32(plain)], [size, checksum]);
    files.set(bytes.toString("utf8", at + 46, at + 46 + nameBytes), plain.toString());
    at += 46 + nameBytes;
  }
  assert.equal(at, end);
  return files;
}

function makePod(name: string, labels: Readonly<Record<string, string>>): void {
  const spec = { nodeName: "host-1", containers: [{ env: [{ name: "X", value: "planted-environment" }] }] };
  make(pods, name, { spec, status: { phase: "Running" } }, { labels });
}

function makeCluster(): void {
  makeFarm(cluster);
  for (const end of ["aaaaa", "bbbbb", "ccccc"]) makeNode(cluster, end, { pod: `attic-${end}`, message: `holds ${address}` });
  const ofFarm = { "vaultfarm.dev/farm": "attic" };
  for (const end of ["aaaaa", "bbbbb"]) makePod(`attic-${end}`, { ...ofFarm, "vaultfarm.dev/node": `attic-${end}` });
  makePod("attic-gateway-1", ofFarm);
  makePod("operator", { "app.kubernetes.io/name": "vaultfarm", "app.kubernetes.io/component": "operator" });
  make(secrets, "attic-network", { data: { "owner.key": "cGxhbnRlZC1zZWNyZXQ" } });
  make(events, "one", { involvedObject: { name: "attic" }, message: `saw ${address} at http://me:planted-password@redis` });
  make(events, "two", { involvedObject: { name: "stranger" }, message: "of another" });
  beyond.log = (_request, response) =>
    void response.end(
      `{"msg":"drains","object":"${address}","token":"planted-token"}\n${"f0".repeat(40)} Bearer planted.bearer\n{"msg":"proven"}\n`,
    );
  beyond.proxy = (request, response) => {
    const path = request.url ?? "";
    // As gateways do: the server hands on the Host that it was asked by.
    if (path.includes(":8080/") && request.headers.host !== "localhost") return void response.writeHead(421).end();
    if (path.endsWith(":9090/proxy/v1/status")) return void response.end(`{"peerId":"12D3","ownerKey":"planted-key","near":"${address}"}`);
    response.end(`# HELP x of ${address}\nvaultfarm_copies_waiting_bytes 0\nx{url="redis://me:planted-metric@r"} 1\n`);
  };
}

/** Everything planted above, and the second half of what is cut at 64 digits. */
const planted = [/planted/, /cGxhbnRlZC/, /[0-9a-f]{65}/i, /of another/, /last-applied/, /managedFields/];

test("a report is a zip of status, plan, objects, events, logs and metrics, readable by its owner only, without a key in it", async () => {
  makeCluster();
  const { code, out, err } = await kubectl(["report", "--out", "help.zip"]);
  assert.deepEqual([code, err], [exitCodes.done, ""]);
  assert.equal(out.toString(), "help.zip: 3 nodes, 3 pods, 1 events, 4 logs, metrics of 4 pods\n");
  assert.equal(statSync(join(folder, "help.zip")).mode & 0o777, 0o600);
  const files = unzip(readFileSync(join(folder, "help.zip")));
  assert.deepEqual([...files.keys()].map((path) => path.replace("attic-report/", "")).sort(), [
    "about.json",
    "claims.json",
    "events.json",
    "farm.json",
    "logs/attic-aaaaa.log",
    "logs/attic-bbbbb.log",
    "logs/attic-gateway-1.log",
    "logs/operator.log",
    "metrics/attic-aaaaa.txt",
    "metrics/attic-bbbbb.txt",
    "metrics/attic-gateway-1.txt",
    "metrics/operator.txt",
    "node-status/attic-aaaaa.json",
    "node-status/attic-bbbbb.json",
    "nodes.json",
    "plan.json",
    "plan.txt",
    "pods.json",
    "status.txt",
  ]);
  const text = [...files.values()].join("\n");
  for (const secret of planted) assert.doesNotMatch(text, secret);
  for (const kept of ["attic-ccccc", "NodesNotReady", "Running", "host-1", "proven", "next: prove-node", "└─ attic", "ab".repeat(32)])
    assert.ok(text.includes(kept), kept);
  withinRights(cluster, "report");
  assert.deepEqual(
    used(cluster).filter((one) => one.includes("secrets")),
    [],
  );
});

test("a report over a file that others may read is readable by its owner only, too", async () => {
  makeCluster();
  writeFileSync(join(folder, "help.zip"), "of yesterday");
  chmodSync(join(folder, "help.zip"), 0o644);
  await kubectl(["report", "--out", "help.zip"]);
  assert.equal(statSync(join(folder, "help.zip")).mode & 0o777, 0o600);
});

test("a private key that a log has on several lines is cut out of it, and what stands round it stays", async () => {
  makeCluster();
  const lines = Array.from({ length: 3 }, () => "cGxhbnRlZC1wcml2YXRlLWtleQ".padEnd(64, "A"));
  const key = ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----"];
  beyond.log = (_request, response) => void response.end([...key, "between", ...key.slice(0, -1), "at the end", ""].join("\n"));
  await kubectl(["report", "--out", "help.zip"]);
  const log = unzip(readFileSync(join(folder, "help.zip"))).get("attic-report/logs/attic-aaaaa.log") ?? "";
  assert.equal(log, "(cut out)\nbetween\n(cut out)\nat the end\n");
  const shown = (await kubectl(["logs", "attic", "attic-aaaaa"])).out.toString();
  assert.doesNotMatch(shown, /cGxhbnRlZC/);
});

test("report -o json writes the same as one JSON and says which file it is", async () => {
  makeCluster();
  const { code, out } = await kubectl(["report", "attic", "-o", "json"]);
  assert.deepEqual([code, JSON.parse(out.toString())], [exitCodes.done, { file: "attic-report.json", leftOut: [] }]);
  const text = readFileSync(join(folder, "attic-report.json"), "utf8");
  for (const secret of planted) assert.doesNotMatch(text, secret);
  const { format, nodes, logs, metrics, statuses } = JSON.parse(text);
  assert.deepEqual([format, nodes.length, logs.length, metrics.length, statuses.length], [2, 3, 4, 4, 2]);
});

test("what may not be read is left out and named, and a log that is too long is taken from nearer its end", async () => {
  makeCluster();
  beyond.proxy = (_request, response) =>
    void response.writeHead(403).end(JSON.stringify({ kind: "Status", message: "pods is forbidden", code: 403 }));
  beyond.log = (request, response) => {
    const few = request.url?.endsWith("tailLines=200") === true;
    response.end(few ? '{"msg":"the end"}\n' : "x".repeat(9 * 1024 * 1024));
  };
  const { code, err } = await kubectl(["report", "attic", "--out", "short.zip"]);
  assert.equal(code, exitCodes.done);
  assert.match(err, /left out: metrics of attic-aaaaa \(.*forbidden/);
  assert.match(err, /left out: log of home\/operator before its last 200 lines \(.*more than 8388608 bytes/);
  const files = unzip(readFileSync(join(folder, "short.zip")));
  assert.equal(files.get("attic-report/logs/operator.log"), '{"msg":"the end"}\n');
  assert.match(files.get("attic-report/about.json") ?? "", /metrics of attic-aaaaa/);
});

test("an archive holds texts of any kind, and an empty one is whole too", () => {
  const entries = [
    { path: "a/empty.txt", text: "" },
    { path: "ä.txt", text: "Größe ".repeat(100_000) },
  ];
  assert.deepEqual(
    [...unzip(zipOf(entries, 0))],
    entries.map(({ path, text }) => [path, text]),
  );
  assert.equal(unzip(zipOf([], 0)).size, 0);
  assert.throws(
    () =>
      zipOf(
        Array.from({ length: 5000 }, (_, i) => ({ path: `${i}`, text: "" })),
        0,
      ),
    RangeError,
  );
});
