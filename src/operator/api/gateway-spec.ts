// `spec.gateway` of a farm: how many gateways there are, what they allow, and how they are reached.
import { z } from "zod";
import { isAddressOrRange } from "../../runtime/settings.ts";
import { type HttpRouteSpec, httpRoute, type IngressSpec, ingress } from "./exposure-spec.ts";
import { anObject, byteQuantity, celRules, listOf, oneOf, textMap, textOf, wholeNumber } from "./fields.ts";
import { type ResourcesSpec, resources } from "./pod-spec.ts";
import { type SecretKeyRef, secretKeyRef } from "./secret-key-ref.ts";

/** Who may write through a gateway: nobody, or everybody who reaches it (within the quotas). */
export const writePolicies = ["off", "open"] as const;
export type WritePolicy = (typeof writePolicies)[number];

/** How a gateway's Service is reached: inside the cluster, at a port of each node, or through a balancer of the cloud. */
export const serviceTypes = ["ClusterIP", "NodePort", "LoadBalancer"] as const;
export type ServiceType = (typeof serviceTypes)[number];

/** Bytes a day; absent = no limit. `keepFreePercent`: share of the declared capacity below which nothing more is stored. */
export type QuotaSpec = { readonly perAddressPerDay?: number; readonly perDay?: number; readonly keepFreePercent: number };

export type GatewaySpec = {
  readonly replicas: number;
  /** Absent: off in a cluster, open on a local farm, which only this machine reaches. */
  readonly writes?: WritePolicy;
  readonly quota: QuotaSpec;
  /** Foreign origins whose pages may write. */
  readonly corsWrites: readonly string[];
  /** Proxies whose forwarded headers count. */
  readonly trustedProxies: readonly string[];
  readonly domain?: string;
  readonly extraHosts: readonly string[];
  /** Bytes of memory for the caches of each gateway. */
  readonly cacheMemory: number;
  /** Bytes of disk beyond them; 0 = none. */
  readonly cacheDisk: number;
  /** Where the URL of a Redis lies that the gateways share. */
  readonly redisSecretRef?: SecretKeyRef;
  readonly service: { readonly type: ServiceType; readonly annotations: Readonly<Record<string, string>> };
  readonly ingress?: IngressSpec;
  readonly httpRoute?: HttpRouteSpec;
  readonly resources: ResourcesSpec;
};

const [mib, tib] = [2 ** 20, 2 ** 40];
const host = textOf("a lower-case name or an address, without port", /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]*)$/, 253);
const origin = textOf("an origin such as https://example.org", /^https?:\/\/[a-z0-9.:[\]-]{1,260}$/, 268);
const rangeText = "an address or range such as 10.0.0.0/8";
// An API server checks what it looks like, with addresses of four bytes to the last bit, this program what it means: a gateway
// does not start with a range that is none. CEL's own isCIDR is in no server before 1.30.
const byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const ipv4 = `(${byte}[.]){3}${byte}`;
const isRangeRule = [
  `self.matches('^${ipv4}(/([1-9]|[12][0-9]|3[0-2]))?$')`,
  `(self.matches('^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(:${ipv4})?(/([1-9][0-9]?|1[01][0-9]|12[0-8]))?$') && !self.contains(':::'))`,
].join(" || ");
const range = textOf(rangeText, /^[0-9a-f.:]{2,45}(?:\/[0-9]{1,3})?$/, 49)
  .refine(isAddressOrRange, { error: rangeText })
  .meta(celRules({ rule: isRangeRule, message: `expected ${rangeText}` }));

const quota = z
  .strictObject(
    {
      perAddressPerDay: z
        .exactOptional(byteQuantity(mib, 1024 * tib))
        .describe("Bytes that one client address may store a day. Absent: no limit."),
      perDay: z.exactOptional(byteQuantity(mib, 1024 * tib)).describe("Bytes that all clients together may store a day. Absent: no limit."),
      keepFreePercent: wholeNumber(0, 90)
        .default(5)
        .describe("Share of the declared capacity, in percent, below which gateways store nothing more."),
    },
    anObject,
  )
  .prefault({})
  .describe("Limits on what is stored through each gateway.");

const service = z
  .strictObject(
    {
      type: oneOf(serviceTypes)
        .default("ClusterIP")
        .describe(
          "How the gateways' Service is reached: inside the cluster, at a port of each node, or through a balancer. Other than ClusterIP, `writes` must be set. In a cluster only.",
        ),
      annotations: textMap("annotations", 64, 4096)
        .default({})
        .describe("Annotations of the gateways' Service, for load balancers and the like. In a cluster only."),
    },
    anObject,
  )
  .prefault({})
  .describe("The Service in front of the gateways. In a cluster only.");

/** The schema of `spec.gateway`. */
export const gateway: z.ZodType<GatewaySpec> = z
  .strictObject(
    {
      replicas: wholeNumber(0, 64).default(1).describe("Gateways: processes here, pods in a cluster."),
      writes: z
        .exactOptional(oneOf(writePolicies))
        .describe(
          'Who may store: nobody ("off", in quotes), or everybody who reaches the gateway (open). Absent: off in a cluster, open on a local farm.',
        ),
      quota,
      corsWrites: listOf(origin, "origins", 64).default([]).describe("Foreign origins whose pages may store through the gateways."),
      trustedProxies: listOf(range, "addresses or ranges", 64)
        .default([])
        .describe("Proxies in front of the gateways whose forwarded headers count, as addresses or ranges."),
      domain: z.exactOptional(host).describe("The domain name of the gateways."),
      // A gateway takes 64: the rest is for the names and addresses of its Service, and those of Ingress or HTTPRoute.
      extraHosts: listOf(host, "names or addresses", 48)
        .default([])
        .describe("Further names or addresses that the gateways answer to. Names of their Service and loopback are always known."),
      cacheMemory: byteQuantity(mib, tib).prefault("64Mi").describe("Memory for encrypted chunks that were read lately, in each gateway."),
      cacheDisk: byteQuantity(0, tib)
        .prefault(0)
        .describe("Room on disk for encrypted chunks beyond those in memory, in each gateway. 0: none."),
      redisSecretRef: z
        .exactOptional(secretKeyRef("the URL of a Redis, with its password: redis:// or rediss://"))
        .describe("A Redis that the gateways share for limits, quotas and chunks. Absent: each counts for itself. In a cluster only."),
      service,
      ingress: z.exactOptional(ingress),
      httpRoute: z.exactOptional(httpRoute),
      resources: resources({ cpu: "100m", memory: "256Mi" })
        .prefault({})
        .describe("What each gateway pod asks for, and the memory it may take. In a cluster only."),
    },
    anObject,
  )
  .prefault({})
  .describe("The HTTP face of the farm.");
