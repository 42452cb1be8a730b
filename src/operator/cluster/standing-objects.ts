// What a farm has besides its nodes, whatever the plan does: accounts, Services, gateways, first peers, budget, policies. Applied
// where it differs from what was applied last.
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient, Reflector, Resource } from "../kube/index.ts";
import { disruptionBudget } from "../manifests/disruption-budget.ts";
import { gatewayDeployment } from "../manifests/gateway-deployment.ts";
import { withKeptTemplate } from "../manifests/kept-template.ts";
import { type FarmIdentity, labels, type Manifest, objectNames } from "../manifests/names.ts";
import { gatewayNetworkPolicy, nodePolicy } from "../manifests/network-policies.ts";
import { grantSecretKeys, type NetworkKeys, newGrantSecret } from "../manifests/network-secret.ts";
import { peersConfigMap } from "../manifests/peers-config-map.ts";
import type { PodImage } from "../manifests/pod-security.ts";
import { gatewayAccount, nodeAccount } from "../manifests/service-accounts.ts";
import { gatewayService, nodesService } from "../manifests/services.ts";
import type { FarmGoal } from "../vault-farm/goal.ts";
import type { ObservedFarm } from "../vault-farm/observed.ts";
import { guardedPods } from "../vault-farm/plan-stop.ts";
import { gatewayTemplateHash } from "../vault-farm/template.ts";
import { ensureExposure } from "./ensure-exposure.ts";
import type { FarmCaches, FarmParts } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { addressOf } from "./hands.ts";
import { isOurs, must, type ObjectWriter } from "./object-writer.ts";
import { type AppliedObject, accounts, budgets, configMaps, deployments, policies, secrets, services } from "./resources.ts";

export type StandingParts = {
  readonly farm: FarmIdentity;
  readonly spec: VaultFarmSpec;
  readonly goal: FarmGoal;
  readonly observed: ObservedFarm;
  readonly nowMs: number;
  readonly parts: FarmParts;
  readonly keys: NetworkKeys;
  readonly caches: FarmCaches;
  readonly client: KubeClient;
  readonly writer: ObjectWriter;
  readonly image: PodImage;
  readonly operatorNamespace: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly memory: FarmMemory;
};

/** Brings all of them up to date. Throws the server's error. */
export async function ensureStandingObjects(standing: StandingParts): Promise<void> {
  const { farm, spec, caches, goal, nowMs, observed, parts, image, operatorNamespace } = standing;
  const ensure = async (resource: Resource, cache: Reflector<AppliedObject>, manifest: Manifest): Promise<boolean> =>
    standing.writer.ensure(resource, manifest, cache.store.get({ namespace: farm.namespace, name: manifest.metadata.name }));
  // Before any pod: none is taken whose account is not there.
  await ensure(accounts, caches.accounts, nodeAccount(farm));
  await ensure(accounts, caches.accounts, gatewayAccount(farm));
  await ensure(services, caches.services, nodesService(farm));
  const isServed = await ensure(services, caches.services, gatewayService(farm, spec));
  await ensure(policies, caches.policies, nodePolicy({ farm, operatorNamespace }));
  await ensure(policies, caches.policies, gatewayNetworkPolicy({ farm, gateway: spec.gateway }));
  const guarded = guardedPods(goal, observed, nowMs);
  // Shut for evictions: the operator itself moves what is on a machine that is drained, and then takes the pod away.
  if (guarded > 0) await ensure(budgets, caches.budgets, disruptionBudget(farm, guarded));
  const addresses = parts.pods.flatMap((pod) => addressOf(pod) ?? []);
  await ensure(configMaps, caches.configMaps, peersConfigMap(farm, addresses));
  await ensureGrant(standing);
  await ensureExposure(standing);
  const service = caches.services.store.get({ namespace: farm.namespace, name: objectNames.gateway(farm.name) });
  // Its addresses are among the names that gateways answer to: one more look, and they are known.
  if (service === undefined || !isServed) return;
  const gateways = gatewayDeployment({ farm, spec, image, serviceIps: service.clusterIps });
  const shown = caches.deployments.store.get({ namespace: farm.namespace, name: gateways.metadata.name });
  const madeOf = gatewayTemplateHash(spec, [image, service.clusterIps, farm]);
  await ensure(deployments, caches.deployments, withKeptTemplate(gateways, madeOf, shown));
}

/** The gateways' Secret is looked for so often: it is in no cache. While gateways lack, it may be what they lack. Milliseconds. */
const grantEveryMs = 600_000;
const grantLackingEveryMs = 15_000;

// One of an earlier farm of this name grants for another network: it is made anew, as one that is gone is.
async function ensureGrant({ farm, spec, keys, client, caches, random, clock, memory }: StandingParts): Promise<void> {
  const gateways = caches.deployments.store.get({ namespace: farm.namespace, name: objectNames.gateway(farm.name) });
  const lacking = (gateways?.readyReplicas ?? 0) < spec.gateway.replicas;
  const sinceMs = clock.monotonicMs() - memory.grantSeenMs;
  if (sinceMs < (lacking ? grantLackingEveryMs : grantEveryMs)) return;
  const name = objectNames.gatewayGrant(farm.name);
  const shown = await client.get(secrets, { namespace: farm.namespace, name });
  if (!shown.ok && shown.error.code !== "not-found") throw shown.error;
  const isForeign = shown.ok && !isOurs(shown.value);
  memory.setForeign(`${secrets.kind} ${name}`, isForeign);
  const isOfFarm = shown.ok && shown.value.metadata.labels?.[labels.farmUid] === farm.uid;
  const isWhole = shown.ok && Object.values(grantSecretKeys).every((key) => (shown.value.data?.[key] ?? "") !== "");
  if (!isForeign && !(isOfFarm && isWhole)) must(await client.apply(secrets, newGrantSecret(farm, keys, random), { force: true }));
  memory.grantSeenMs = clock.monotonicMs();
}
