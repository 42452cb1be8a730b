// Proves that renewing gateways and changing how many there are costs clients inside the cluster no read: a new connection always
// finds a gateway that answers, and kept ones end so that an ordinary client goes on by itself, also those that end a long
// download after their gateway was told to stop.
// Method: the chart and the image on the cluster that KUBECONFIG names; clients in a pod, through the Service by its name;
// people's own commands; conditions waited for.
import { strict as assert } from "node:assert";
import { type Kept, type Release, scenarios } from "../support/cluster-farm.ts";
import { isReady, type PodView, untilSettled } from "../support/cluster-views.ts";
import { until } from "../support/deadline.ts";
import { type ServiceClient, type ServiceReaders, startReaders } from "../support/service-readers.ts";

const minute = 60_000;
const { scenario } = scenarios("gateways");
let readers: ServiceReaders;

/**
 * A gateway that stops serves on for 5 s, and lets downloads end for 24: long downloads span the first, well within the second. Several,
 * so that one of them is at each stage when its gateway stops, also where all of it has left the process and not the machine.
 */
const longDownloadsMs = [8000, 9000, 10_000, 11_000, 12_000, 13_000];

const longName = (tookMs: number): string => `downloads of ${tookMs / 1000} s`;

function clientsOf(files: readonly Kept[]): readonly ServiceClient[] {
  const small = files.find(({ bytes }) => bytes.length === 70_000) ?? assert.fail();
  const large = files.reduce((most, file) => (file.bytes.length > most.bytes.length ? file : most));
  return [
    { name: "new connections", object: small, keeps: false, pauseMs: 25 },
    { name: "a busy kept connection", object: small, keeps: true, pauseMs: 50 },
    // Longer than a gateway serves on: it finds its connection ended.
    { name: "an idle kept connection", object: small, keeps: true, pauseMs: 7000 },
    ...longDownloadsMs.map((tookMs) => ({
      name: longName(tookMs),
      object: large,
      keeps: true,
      pauseMs: 1,
      bytesPerMs: large.bytes.length / tookMs,
    })),
  ];
}

/** Waits until there are `count` gateways, all ready, none of them among `but`, and none that goes. */
function untilGateways({ views, namespace, name }: Release, count: number, but: readonly PodView[] = []): Promise<readonly PodView[]> {
  return until(
    `there are ${count} gateways`,
    async () => {
      const pods = await views.gateways(namespace, name);
      const isOld = ({ metadata }: PodView): boolean => but.some((old) => old.metadata.uid === metadata.uid);
      const isSettled = (pod: PodView): boolean => isReady(pod) && pod.metadata.deletionTimestamp === undefined && !isOld(pod);
      return pods.length === count && pods.every(isSettled) && pods;
    },
    4 * minute,
  );
}

async function patchGateway(release: Release, gateway: Readonly<Record<string, unknown>>): Promise<void> {
  await release.kubectl("patch", "vf", release.name, "--type=merge", "-p", JSON.stringify({ spec: { gateway } }));
}

/** Fails where a client's get failed. The figures go to the output. */
async function assertNoneFailed(what: string): Promise<void> {
  // The long downloads that were under way have ended, and one on the connection after them.
  const { clients, failures } = await readers.readOn(2);
  process.stdout.write(`FIGURES of ${what}: ${JSON.stringify(clients)}\n`);
  const failed = Object.values(clients).reduce((sum, client) => sum + client.failed, 0);
  assert.equal(failed, 0, failures.join("\n"));
}

scenario("clients inside the cluster read through the Service of two gateways", { longer: true }, async (release) => {
  await release.install("farm.spec.gateway.replicas=2");
  await untilSettled(release.views, release, { nodes: 5, withinMs: 5 * minute });
  const files = await release.put(41);
  await untilGateways(release, 2);
  readers = await startReaders(release, clientsOf(files));
  const { clients } = await readers.totals();
  for (const tookMs of longDownloadsMs) assert.equal(clients[longName(tookMs)]?.connections, 1);
});

scenario("a changed setting renews both gateways: no read fails", { longer: true }, async (release) => {
  const before = await untilGateways(release, 2);
  await patchGateway(release, { quota: { keepFreePercent: 6 } });
  await untilGateways(release, 2, before);
  await assertNoneFailed("renewed gateways");
});

scenario("two gateways become three, one and two again: no read fails", { longer: true }, async (release) => {
  for (const replicas of [3, 1, 2]) {
    await patchGateway(release, { replicas });
    await untilGateways(release, replicas);
  }
  await assertNoneFailed("three, one and two gateways");
  const { clients } = await readers.totals();
  const { reads = 0, connections = 0 } = clients["a busy kept connection"] ?? {};
  assert.ok(connections > 1 && connections < reads / 5, `${connections} connections for ${reads} reads are not kept, or never ended`);
});
