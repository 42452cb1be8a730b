// Whether the cluster would take what a farm's new spec wants, asked by a dry run before anything is changed or stopped for it:
// restricted Pod Security, a PriorityClass that is not there, ranges of users and webhooks are the cluster's own to judge.
import type { Clock } from "../../runtime/clock.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient, KubeError, KubeErrorCode, Resource } from "../kube/index.ts";
import { gatewayDeployment } from "../manifests/gateway-deployment.ts";
import { type FarmIdentity, farmMeta, type Manifest } from "../manifests/names.ts";
import type { PodImage } from "../manifests/pod-security.ts";
import { gatewayService } from "../manifests/services.ts";
import { vaultNodePod } from "../manifests/vault-node-pod.ts";
import { gatewayTemplateHash, templateHash } from "../vault-farm/template.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { deployments, pods, services } from "./resources.ts";

/** What a cluster refused it is asked again so often: the class or the policy may come. Milliseconds. */
const refusedEveryMs = 60_000;

/**
 * What an admission says of an object itself. All else that is forbidden (a right of the operator, a quota that is full, a
 * namespace that goes) is no fault of the spec.
 */
const saidOfObjects: readonly RegExp[] = [
  /violates PodSecurity/,
  /no PriorityClass with name/,
  /unable to validate against any security context constraint/,
  /admission webhook "[^"]*" denied the request/,
  /ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request/,
];

type AdmissionParts = {
  readonly farm: FarmIdentity;
  readonly image: PodImage;
  readonly client: KubeClient;
  readonly memory: FarmMemory;
  readonly clock: Clock;
};

/** The server said nothing on the object. */
const unheard: ReadonlySet<KubeErrorCode> = new Set([
  "unreachable",
  "timeout",
  "too-many-requests",
  "overloaded",
  "aborted",
  "unauthorized",
]);

/** What of a spec is tried, each by itself: what the one part is refused for may be in order with the other. */
export type TriedPart = "pods" | "gateways";

/** The name of that part of `spec`: another where something else would be made of it. How many there are is not in it. */
export function partHash(part: TriedPart, spec: VaultFarmSpec): string {
  return part === "pods" ? templateHash(spec) : gatewayTemplateHash(spec, [spec.gateway.service]);
}

/** Why the cluster would not take that part of `spec`; undefined where it would. Throws the error of a server that does not answer. */
export async function whyNotAdmitted(part: TriedPart, spec: VaultFarmSpec, parts: AdmissionParts): Promise<string | undefined> {
  const { client, memory, clock } = parts;
  const of = partHash(part, spec);
  const known = memory.admissions.get(part);
  const nowMs = clock.monotonicMs();
  if (known?.of === of && (known.why === undefined || nowMs - known.seenMs < refusedEveryMs)) return known.why;
  const probes = part === "pods" ? [[pods, probePod(spec, parts)] as const] : gatewayProbes(spec, parts);
  const tried = await Promise.all(probes.map(async ([resource, probe]) => whyNotTaken(resource, probe, client)));
  const why = tried.find((one) => one !== undefined);
  memory.admissions.set(part, { of, why, seenMs: nowMs });
  return why;
}

async function whyNotTaken(resource: Resource, probe: Manifest, client: KubeClient): Promise<string | undefined> {
  const tried = await client.create(resource, probe, { dryRun: true });
  if (!tried.ok && unheard.has(tried.error.code)) throw tried.error;
  return tried.ok ? undefined : refusalIn(tried.error);
}

function refusalIn({ code, message }: KubeError): string | undefined {
  // A webhook that does not answer is the server's failure: nothing is changed that could not be made again.
  return code === "invalid" || code === "server" || saidOfObjects.some((pattern) => pattern.test(message)) ? message : undefined;
}

// Of a name that no node has: 0 is no letter of theirs.
function probePod(spec: VaultFarmSpec, { farm, image }: AdmissionParts): Manifest {
  return vaultNodePod({
    ...{ farm, spec, image, zone: "", capacity: spec.vaultCapacity, template: templateHash(spec), founder: false },
    node: { name: `${farm.name}-0`, uid: farm.uid },
    adminPublicKey: "00".repeat(32),
  });
}

// The Deployment, a pod of it, since a Deployment is taken of which no pod is, and the Service. What leads to it from outside is
// not among them: where that is refused, what was there before it stays.
function gatewayProbes(spec: VaultFarmSpec, { farm, image }: AdmissionParts): readonly (readonly [Resource, Manifest])[] {
  const deployment = gatewayDeployment({ farm, spec, image, serviceIps: [] });
  const service = gatewayService(farm, spec);
  const { template } = deployment["spec"] as { readonly template: { readonly metadata: object; readonly spec: object } };
  const { name, namespace = farm.namespace } = farmMeta(farm, `${deployment.metadata.name}-0`);
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { ...template.metadata, name, namespace }, spec: template.spec };
  const called = (manifest: Manifest): Manifest => ({ ...manifest, metadata: { ...manifest.metadata, name } });
  return [
    [deployments, called(deployment)],
    [pods, pod],
    [services, called(service)],
  ];
}
