// Which of the operator's pods leads, read from its Lease, and for how long nobody does where the one that leads is killed:
// by the times that the leaders themselves wrote, not by when a test looked.
import { strict as assert } from "node:assert";
import type { Release } from "./cluster-farm.ts";
import { isReady, type PodView } from "./cluster-views.ts";
import { until } from "./deadline.ts";

/** Fields of a Lease that are asked about. Times are RFC 3339 with microseconds. */
type LeaseSpec = { readonly holderIdentity?: string; readonly acquireTime?: string; readonly renewTime?: string };

/** What came after the leader was killed. */
export type Failover = {
  /** From the last time that the one before renewed until this one took over, milliseconds. */
  readonly leaderlessMs: number;
  /** Whether another pod was ready to take over when it was killed: else its start counts too. */
  readonly hadStandby: boolean;
};

export async function operatorsOf({ views, namespace }: Release): Promise<readonly PodView[]> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app.kubernetes.io/component%3Doperator`;
  return (await views.get<{ readonly items: readonly PodView[] }>(path))?.items ?? [];
}

async function leaseOf({ views, namespace }: Release): Promise<LeaseSpec> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/vaultfarm`;
  return (await views.get<{ readonly spec: LeaseSpec }>(path))?.spec ?? {};
}

/** Name of the pod that leads; "" while none does. */
export async function leaderOf(release: Release): Promise<string> {
  return (await leaseOf(release)).holderIdentity ?? "";
}

/** Has the pod that leads killed, which gives the Lease back if it is quick enough, and waits until another leads. */
export async function killLeader(release: Release): Promise<Failover> {
  const { leader, lease, hadStandby } = await until("somebody leads", async () => {
    const now = await leaseOf(release);
    const pods = await operatorsOf(release);
    const others = pods.filter(({ metadata }) => metadata.name !== now.holderIdentity);
    const ready = others.some((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined);
    return pods.length > others.length && { leader: now.holderIdentity, lease: now, hadStandby: ready };
  });
  assert.ok(leader);
  await release.kubectl("delete", "pod", leader, "--grace-period=0", "--force");
  // A pod that is killed renews for a moment longer.
  let renewed = lease.renewTime;
  const taken = await until("another leads", async () => {
    const now = await leaseOf(release);
    if (now.holderIdentity === leader) renewed = now.renewTime;
    return ![leader, "", undefined].includes(now.holderIdentity) && now;
  });
  return { leaderlessMs: Date.parse(taken.acquireTime ?? "") - Date.parse(renewed ?? ""), hadStandby };
}
