// Whether the cluster would take pods as a farm's new spec wants them, asked by a dry run before anything is stopped for them:
// restricted Pod Security, a PriorityClass that is not there, ranges of users and webhooks are the cluster's own to judge.
import type { Clock } from "../../runtime/clock.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import type { KubeClient, KubeError, KubeErrorCode } from "../kube/index.ts";
import type { FarmIdentity } from "../manifests/names.ts";
import type { PodImage } from "../manifests/pod-security.ts";
import { vaultNodePod } from "../manifests/vault-node-pod.ts";
import { templateHash } from "../vault-farm/template.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { pods } from "./resources.ts";

/** What a cluster refused it is asked again so often: the class or the policy may come. Milliseconds. */
const refusedEveryMs = 60_000;

/**
 * What an admission says of a pod itself. All else that is forbidden (a right of the operator, a quota that is full, a
 * namespace that goes) is no fault of the spec.
 */
const saidOfPods: readonly RegExp[] = [
  /violates PodSecurity/,
  /no PriorityClass with name/,
  /unable to validate against any security context constraint/,
  /admission webhook "[^"]*" denied the request/,
];

type AdmissionParts = {
  readonly farm: FarmIdentity;
  readonly image: PodImage;
  readonly client: KubeClient;
  readonly memory: FarmMemory;
  readonly clock: Clock;
};

/** The server said nothing on the pod. */
const unheard: ReadonlySet<KubeErrorCode> = new Set([
  "unreachable",
  "timeout",
  "too-many-requests",
  "overloaded",
  "aborted",
  "unauthorized",
]);

/** Why the cluster would take no vault node's pod of `spec`; undefined where it would. Throws the error of a server that does not answer. */
export async function whyNotAdmitted(
  spec: VaultFarmSpec,
  { farm, image, client, memory, clock }: AdmissionParts,
): Promise<string | undefined> {
  const template = templateHash(spec);
  const { admission } = memory;
  const nowMs = clock.monotonicMs();
  const isKnown = admission?.template === template && (admission.why === undefined || nowMs - admission.seenMs < refusedEveryMs);
  if (isKnown) return admission.why;
  const tried = await client.create(pods, probePod(spec, farm, image), { dryRun: true });
  if (!tried.ok && unheard.has(tried.error.code)) throw tried.error;
  const why = tried.ok ? undefined : refusalIn(tried.error);
  memory.admission = { template, why, seenMs: nowMs };
  return why;
}

function refusalIn({ code, message }: KubeError): string | undefined {
  // A webhook that does not answer is the server's failure: no pod is stopped that could not be made again.
  return code === "invalid" || code === "server" || saidOfPods.some((pattern) => pattern.test(message)) ? message : undefined;
}

// Of a name that no node has: 0 is no letter of theirs.
function probePod(spec: VaultFarmSpec, farm: FarmIdentity, image: PodImage) {
  return vaultNodePod({
    ...{ farm, spec, image, zone: "", capacity: spec.vaultCapacity, template: templateHash(spec), founder: false },
    node: { name: `${farm.name}-0`, uid: farm.uid },
    adminPublicKey: "00".repeat(32),
  });
}
