// What a farm has besides its nodes, whatever the plan does: accounts, Services, gateways, first peers, budget, policies. Applied
// where it differs from what was applied last.
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient, Reflector, Resource } from "../kube/index.ts";
import { disruptionBudget, gatewayBudget } from "../manifests/disruption-budget.ts";
import { gatewayDeployment } from "../manifests/gateway-deployment.ts";
import { type FarmIdentity, labels, type Manifest, objectLabels, objectNames, ownedByFarm } from "../manifests/names.ts";
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
import { withTemplateThere } from "./gateway-template.ts";
import { addressOf } from "./hands.ts";
import { isOurs, type Marks, must, type ObjectWriter } from "./object-writer.ts";
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
  await ensure(policies, caches.policies, nodePolicy({ farm, operatorNamespace }));
  await ensure(policies, caches.policies, gatewayNetworkPolicy({ farm, gateway: spec.gateway }));
  const guarded = guardedPods(goal, observed, nowMs);
  // Shut for evictions: the operator itself moves what is on a machine that is drained, and then takes the pod away.
  if (guarded > 0) await ensure(budgets, caches.budgets, disruptionBudget(farm, guarded));
  await ensure(budgets, caches.budgets, gatewayBudget(farm));
  const addresses = parts.pods.flatMap((pod) => addressOf(pod) ?? []);
  await ensure(configMaps, caches.configMaps, peersConfigMap(farm, addresses));
  // After what nodes need: where it is forbidden they lack nothing.
  const isServed = await ensure(services, caches.services, gatewayService(farm, spec));
  await ensureGrant(standing);
  await ensureExposure(standing);
  const service = caches.services.store.get({ namespace: farm.namespace, name: objectNames.gateway(farm.name) });
  // Its addresses are among the names that gateways answer to: one more look, and they are known.
  if (service === undefined || !isServed) return;
  const gateways = gatewayDeployment({ farm, spec, image, serviceIps: service.clusterIps });
  const shown = caches.deployments.store.get({ namespace: farm.namespace, name: gateways.metadata.name });
  const madeOf = gatewayTemplateHash(spec, [image, service.clusterIps, farm]);
  await ensure(deployments, caches.deployments, await withTemplateThere({ ...standing, gateways, madeOf, shown }));
}

/** The gateways' Secret is looked for so often: it is in no cache. While gateways lack, it may be what they lack. Milliseconds. */
const grantEveryMs = 600_000;
const grantLackingEveryMs = 15_000;

// One of an earlier farm of this name grants for another network: it is made anew, as one that is gone is.
async function ensureGrant({ farm, spec, keys, client, writer, caches, random, clock, memory }: StandingParts): Promise<void> {
  const gateways = caches.deployments.store.get({ namespace: farm.namespace, name: objectNames.gateway(farm.name) });
  const lacking = (gateways?.readyReplicas ?? 0) < spec.gateway.replicas;
  const sinceMs = clock.monotonicMs() - memory.grantSeenMs;
  if (sinceMs < (lacking ? grantLackingEveryMs : grantEveryMs)) return;
  const name = objectNames.gatewayGrant(farm.name);
  const shown = await client.get(secrets, { namespace: farm.namespace, name });
  if (!shown.ok && shown.error.code !== "not-found") throw shown.error;
  const isForeign = shown.ok && !isOurs(shown.value);
  memory.setForeign(`${secrets.kind} ${name}`, isForeign);
  const isLabelled = shown.ok && shown.value.metadata.labels?.[labels.farmUid] === farm.uid;
  const isOwned = shown.ok && shown.value.metadata.ownerReferences?.some(({ uid }) => uid === farm.uid) === true;
  const isWhole = shown.ok && Object.values(grantSecretKeys).every((key) => (shown.value.data?.[key] ?? "") !== "");
  // Whoever took one of the signs off did not mean that gateways should have another key.
  const isGood = (isLabelled || isOwned) && isWhole;
  if (!isForeign && !isGood) must(await client.apply(secrets, newGrantSecret(farm, keys, random), { force: true }));
  if (isGood && !(isLabelled && isOwned)) await writer.mark(secrets, shown.value, marksOf(farm));
  memory.grantSeenMs = clock.monotonicMs();
}

function marksOf(farm: FarmIdentity): Marks {
  return { labels: objectLabels(farm, "gateway"), ownerReferences: [ownedByFarm(farm)] };
}
