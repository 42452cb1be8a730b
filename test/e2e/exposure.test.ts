// Proves that people outside the cluster store and read through a real ingress controller, by an Ingress and by a route of the
// Gateway API: large bodies both ways, quotas of visitors by their own addresses and nobody's claim of another, and renewed
// gateways that cost them no read.
// Method: the chart and the image on the cluster that KUBECONFIG names, with the controller that VAULTFARM_E2E_EDGE names
// (`.ci/edge`); people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { assertComesBack, type Edge, edge, visit } from "../support/cluster-edge.ts";
import { type Kept, notShown, type Release, scenarios } from "../support/cluster-farm.ts";
import { startListener } from "../support/cluster-probes.ts";
import { conditionOf, isReady, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { noise } from "../support/objects.ts";

const minute = 60_000;
const mib = 2 ** 20;
const host = "attic.example.org";
const routed = "loft.example.org";
const { scenario } = scenarios("edge");
let kept: Kept;

async function setGateway(release: Release, gateway: Readonly<Record<string, unknown>>): Promise<void> {
  await release.kubectl("patch", "vf", release.name, "--type=merge", "-p", JSON.stringify({ spec: { gateway } }));
}

/** A controller that has nothing to serve may close its port. */
async function isServed({ url }: Edge, name: string): Promise<boolean> {
  return visit(url, { host: name, path: "/healthz" }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

function untilServed(at: Edge, name: string): Promise<unknown> {
  return until(`${name} is served`, () => isServed(at, name), 2 * minute);
}

async function untilGatewaysAre(release: Release, isIt: (uid: string) => boolean, count: number): Promise<readonly string[]> {
  return until(
    `${count} gateways are ready`,
    async () => {
      const pods = await release.views.gateways(release.namespace, release.name);
      const uids = pods.map(({ metadata }) => metadata.uid);
      return pods.length === count && pods.every(isReady) && uids.every(isIt) && uids;
    },
    4 * minute,
  );
}

async function post({ url }: Edge, bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const { status, body } = await visit(url, { host, path: "/v1/objects", body: bytes, headers });
  assert.ok([201, 429].includes(status), `${status}: ${body.subarray(0, 500)}`);
  return status;
}

/** What a visitor inside the cluster is answered who stores `bytes` bytes. */
async function postedFrom(release: Release, pod: string, inside: string, bytes: number): Promise<number> {
  const code = `
    const body = require("node:crypto").randomBytes(${bytes});
    const options = { method: "POST", headers: { host: "${host}", "content-length": body.length } };
    require("node:http").request("${inside}/v1/objects", options, (answer) => console.log(answer.statusCode)).end(body);`;
  return Number(await release.kubectl("exec", pod, "--", "node", "--eval", code));
}

async function throughIngress(release: Release, at: Edge): Promise<void> {
  const { proxies, ingressClass, url } = at;
  await release.install("farm.spec.gateway.writes=open", "farm.spec.gateway.replicas=1");
  const ingress = { className: ingressClass, host };
  await setGateway(release, { ingress, trustedProxies: [proxies], quota: { perAddressPerDay: "64Mi" } });
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  await untilServed(at, host);
  const bytes = noise(40 * mib, 61);
  const { status, body } = await visit(url, { host, path: "/v1/objects", body: bytes });
  assert.equal(status, 201, body.subarray(0, 500).toString());
  kept = { bytes, address: (JSON.parse(body.toString()) as { readonly address: string }).address };
  await assertComesBack(url, host, kept.address, bytes);
  const part = await visit(url, { host, path: `/v1/objects/${kept.address}`, headers: { range: "bytes=5000000-9999999" } });
  assert.equal(part.status, 206);
  assert.ok(part.body.equals(bytes.subarray(5_000_000, 10_000_000)));
  const page = await visit(url, { host, path: "/" });
  assert.match(page.headers["content-type"] ?? "", /^text\/html/);
  assert.equal((await visit(url, { host: "other.example.org", path: "/healthz" })).status, 404, "another name leads to no gateway");
}

async function visitorsCountByAddress(release: Release, at: Edge): Promise<void> {
  // 40 of this visitor's 64 MiB are used.
  assert.equal(await post(at, noise(30 * mib, 62)), 429);
  assert.equal(await post(at, noise(30 * mib, 63), { "x-forwarded-for": "192.0.2.7" }), 429, "an address that a visitor claims counts");
  await startListener(release, "visitor", {});
  assert.equal(await postedFrom(release, "visitor", at.inside, 30 * mib), 201, "another visitor has a quota of its own");
}

/** Reads again and again until `ended`: over kept connections of the controller to gateways that go and come. */
async function readUntil({ url }: Edge, small: Kept, ended: Promise<unknown>): Promise<number> {
  let going = true;
  let reads = 0;
  const end = ended.finally(() => {
    going = false;
  });
  const readers = [small, small, kept].map(async ({ address, bytes }) => {
    while (going) {
      await assertComesBack(url, host, address, bytes);
      reads += 1;
    }
  });
  await Promise.all([end, ...readers]);
  return reads;
}

async function renewedGateways(release: Release, at: Edge): Promise<void> {
  await setGateway(release, { replicas: 2, quota: { perAddressPerDay: null } });
  const before = await untilGatewaysAre(release, () => true, 2);
  await until("both have the new quota", async () => (await post(at, noise(1, 64))) === 201);
  const bytes = noise(70_000, 65);
  const { body } = await visit(at.url, { host, path: "/v1/objects", body: bytes });
  const small = { bytes, address: (JSON.parse(body.toString()) as { readonly address: string }).address };
  const renewed = async (): Promise<void> => {
    await setGateway(release, { quota: { keepFreePercent: 6 } });
    await untilGatewaysAre(release, (uid) => !before.includes(uid), 2);
  };
  const reads = await readUntil(at, small, renewed());
  process.stdout.write(`FIGURES of gateways renewed behind the controller: ${reads} reads, none failed\n`);
}

async function throughRoute(release: Release, at: Edge): Promise<void> {
  const { views, namespace, name } = release;
  const before = await untilGatewaysAre(release, () => true, 2);
  await setGateway(release, { ingress: null, httpRoute: { parentRefs: [at.gateway], hostnames: [routed] } });
  // Those that do not know the name yet say so: 421.
  await untilGatewaysAre(release, (uid) => !before.includes(uid), 2);
  await untilServed(at, routed);
  await assertComesBack(at.url, routed, kept.address, kept.bytes);
  await until("the Ingress is served no more", async () => !(await isServed(at, host)), minute);
  await until("GatewayReady is true", async () => conditionOf(await views.farm(namespace, name), "GatewayReady")?.status === "True");
  await setGateway(release, { httpRoute: null });
  await until("nor is the route", async () => !(await isServed(at, routed)), minute);
}

if (edge !== undefined) {
  const at = edge;
  const longer = { longer: true };
  scenario("an Ingress leads people outside to a farm: large bodies both ways, ranges, the page", longer, (release) =>
    throughIngress(release, at),
  );
  scenario("visitors behind trusted proxies have quotas by their own addresses", longer, (release) => visitorsCountByAddress(release, at));
  scenario("renewed gateways cost nobody outside a read", longer, (release) => renewedGateways(release, at));
  scenario("an HTTPRoute does what the Ingress did, and both go with their fields", longer, (release) => throughRoute(release, at));
} else notShown("gateways behind an ingress controller", "no VAULTFARM_E2E_EDGE names one");
