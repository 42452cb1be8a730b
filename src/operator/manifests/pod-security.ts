// What every container of a farm is given: the restricted Pod Security standard, and nothing to write to but its volumes.
import { imageUser } from "../api/pod-security-spec.ts";

/** `securityContext` of a pod. Volumes belong to the image's group. */
export const podSecurity: Readonly<Record<string, unknown>> = {
  runAsNonRoot: true,
  runAsUser: imageUser,
  runAsGroup: imageUser,
  fsGroup: imageUser,
  // A large volume is not walked through at every start.
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

/** `securityContext` of a container. */
export const containerSecurity: Readonly<Record<string, unknown>> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Where compiled code of an earlier start is kept: the root file system is read-only. */
export const temporaryVolume: Readonly<Record<string, unknown>> = { name: "tmp", emptyDir: { sizeLimit: "128Mi" } };
export const temporaryMount: Readonly<Record<string, unknown>> = { name: "tmp", mountPath: "/tmp" };

/** The image that pods run. */
export type PodImage = {
  readonly image: string;
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
  readonly pullSecrets: readonly string[];
};

/** Fields of a pod's `spec` that say where its image comes from. */
export function pullSecretsOf({ pullSecrets }: PodImage): { readonly imagePullSecrets?: readonly { readonly name: string }[] } {
  return pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) };
}

/** Environment as a pod has it, in the order given. */
export function podEnv(env: Readonly<Record<string, string>>): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(env).map(([name, value]) => ({ name, value }));
}

/** The pod's own address, which later variables may use as `$(POD_IP)`. */
export const podIpVariable: Readonly<Record<string, unknown>> = { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } };
