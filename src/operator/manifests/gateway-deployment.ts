// The gateways of a farm: interchangeable pods behind a Service. Each makes an identity of its own at its start and grants
// itself the right to store with the key that they share.

import { readConfig, toEnv } from "../../gateway/config.ts";
import { gatewayPort, heartbeatPort, lanePort, libp2pPort } from "../../protocol/ports.ts";
import { outsideNames } from "../api/exposure-spec.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import {
  dataMount,
  memberContainer,
  memberFiles,
  memberPod,
  networkMount,
  networkVolume,
  peerPorts,
  peersMount,
  peersVolume,
} from "./farm-pod.ts";
import { gatewayPolicy } from "./gateway-policy.ts";
import { type FarmIdentity, farmMeta, type Manifest, objectLabels, objectNames, selectorLabels } from "./names.ts";
import { type PodImage, podEnv, podIpVariable, temporaryMount, temporaryVolume } from "./pod-security.ts";

const paths = { grant: "/etc/vaultfarm/grant", redis: "/etc/vaultfarm/redis" } as const;
/** For uploads under way. */
const stopGraceSeconds = 30;
/** Until every machine sends the Service's clients elsewhere: a second as a rule, some where the cluster is busy. */
const leaveAfterMs = 5000;
/** One that has just met its nodes may lose them again while they get to know it: two looks of its readiness and a bit. */
const steadySeconds = 12;
/** It opens nothing large. */
const startSeconds = 120;

export type GatewayParts = {
  readonly farm: FarmIdentity;
  readonly spec: VaultFarmSpec;
  /** Addresses of the Service: who asks for one of them is answered. */
  readonly serviceIps: readonly string[];
  readonly image: PodImage;
};

/** The Deployment. */
export function gatewayDeployment(parts: GatewayParts): Manifest {
  const { farm, spec, image } = parts;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: farmMeta(farm, objectNames.gateway(farm.name), "gateway"),
    spec: {
      // Without nodes there is nothing to serve.
      replicas: spec.replicas === 0 ? 0 : spec.gateway.replicas,
      selector: { matchLabels: selectorLabels(farm.name, "gateway") },
      // A new one answers, and goes on answering, before an old one goes.
      minReadySeconds: steadySeconds,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: {
          labels: objectLabels(farm, "gateway"),
          annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(gatewayPort) },
        },
        spec: {
          ...memberPod({ image, account: objectNames.gatewayAccount(farm.name), stopGraceSeconds }),
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: spec.topology.hostKey,
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: selectorLabels(farm.name, "gateway") },
            },
          ],
          containers: [containerOf(parts)],
          volumes: [
            { name: "data", emptyDir: { sizeLimit: String(dataBytes(spec)) } },
            networkVolume(farm),
            { name: "grant", secret: { secretName: objectNames.gatewayGrant(farm.name), defaultMode: 0o440 } },
            peersVolume(farm),
            ...redisVolume(spec),
            temporaryVolume,
          ],
        },
      },
    },
  };
}

function containerOf(parts: GatewayParts): Readonly<Record<string, unknown>> {
  const { spec, image } = parts;
  // A probe asks for the pod's address, a foreign name for a gateway that minds its names.
  const httpHeaders = [{ name: "Host", value: "localhost" }];
  return {
    ...memberContainer(image, "gateway", { port: "http", httpHeaders, startSeconds }),
    env: [podIpVariable, ...podEnv(gatewayEnv(parts))],
    ports: [{ name: "http", containerPort: gatewayPort }, ...peerPorts],
    resources: { requests: spec.gateway.resources.requests, limits: spec.gateway.resources.limits },
    volumeMounts: [
      dataMount,
      networkMount,
      { name: "grant", mountPath: paths.grant, readOnly: true },
      ...(spec.gateway.redisSecretRef === undefined ? [] : [{ name: "redis", mountPath: paths.redis, readOnly: true }]),
      peersMount,
      temporaryMount,
    ],
  };
}

/** For identity, known peers, and files of the cache that are being rewritten, bytes. */
const dataSlack = 256 * 2 ** 20;
/** For uploads of unknown length, bytes: whoever may store could fill the machine's disk otherwise. */
const spoolBytes = 2 * 2 ** 30;

// A pod that writes more is evicted: so the limit lies above what the gateway keeps to by itself, with room for blocks half used.
function dataBytes({ gateway }: VaultFarmSpec): number {
  return Math.ceil(gateway.cacheDisk * 1.25) + spoolBytes + dataSlack;
}

function redisVolume({ gateway }: VaultFarmSpec): readonly object[] {
  const { redisSecretRef: ref } = gateway;
  if (ref === undefined) return [];
  return [{ name: "redis", secret: { secretName: ref.name, defaultMode: 0o440, items: [{ key: ref.key, path: "url" }] } }];
}

function gatewayEnv({ farm, spec, serviceIps }: GatewayParts): Readonly<Record<string, string>> {
  const required = { ...memberFiles("gateway"), VAULTFARM_GRANT_DIR: paths.grant };
  const policy = gatewayPolicy(spec.gateway);
  const env = toEnv({
    ...readConfig(required),
    ...policy,
    extraHosts: [...serviceNames(farm), ...serviceIps, ...outsideNames(spec.gateway), ...policy.extraHosts],
    host: "0.0.0.0",
    spool: spoolBytes,
    writes: spec.gateway.writes ?? "off",
    libp2pPort,
    lanePort,
    heartbeatPort,
    ...(spec.gateway.redisSecretRef === undefined ? {} : { redisUrlFile: `${paths.redis}/url` }),
    stopGraceMs: stopGraceSeconds * 1000,
    leaveAfterMs,
  });
  return {
    ...env,
    // By reference, so that they are the pod's own.
    VAULTFARM_NETWORK_IP: "$(POD_IP)",
    VAULTFARM_EXTRA_HOSTS: `${env["VAULTFARM_EXTRA_HOSTS"] ?? ""},$(POD_IP)`,
  };
}

/** What the Service is called from inside the cluster. */
function serviceNames({ name, namespace }: FarmIdentity): readonly string[] {
  const service = objectNames.gateway(name);
  const inNamespace = `${service}.${namespace}`;
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.cluster.local`];
}
