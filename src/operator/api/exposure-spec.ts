// How people outside a cluster reach a farm's gateways by name: an Ingress, or a route of the Gateway API. Nothing of it has
// an effect on a local farm.
import { z } from "zod";
import { anObject, label, listOf, objectName, textMap, textOf, wholeNumber } from "./fields.ts";

export type IngressSpec = {
  /** Absent: the cluster's default class. */
  readonly className?: string;
  readonly host: string;
  readonly path: string;
  /** Absent: plain HTTP, or what the controller makes of it. */
  readonly tlsSecretName?: string;
  readonly annotations: Readonly<Record<string, string>>;
};

export type RouteParent = { readonly name: string; readonly namespace?: string; readonly sectionName?: string; readonly port?: number };
export type HttpRouteSpec = { readonly parentRefs: readonly RouteParent[]; readonly hostnames: readonly string[] };

/** Most names of a route: with all others that a gateway answers to they are 64 at most. */
const hostnamesMax = 8;

const outsideName = (): z.ZodType<string> =>
  textOf(
    "a lower-case domain name such as farm.example.org, no address",
    /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?$/,
    253,
  );

// An API server refuses empty segments and those of points only.
const path = textOf(
  "an absolute path such as /v1/objects",
  /^\/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?)?$/,
  256,
);

/** The schema of `spec.gateway.ingress`. */
export const ingress: z.ZodType<IngressSpec> = z
  .strictObject(
    {
      className: z.exactOptional(objectName()).describe("IngressClass of the controller. Absent: the cluster's default."),
      host: outsideName().describe("Name by which the gateways are reached. They answer to it without its being in `extraHosts`."),
      path: path
        .default("/")
        .describe("Paths that begin so are passed on, as they are: / is everything, /v1/objects the objects without the page."),
      tlsSecretName: z
        .exactOptional(objectName())
        .describe("Secret with the certificate for `host`, which may come later (cert-manager). Absent: no TLS of its own."),
      annotations: textMap("annotations", 64, 4096).default({}).describe("Annotations of the Ingress, for its controller."),
    },
    anObject,
  )
  .describe(
    "An Ingress in front of the gateways; `writes` must be set, and the controller's addresses belong into `trustedProxies`. Taken away with this field. In a cluster only.",
  );

const parentRef: z.ZodType<RouteParent> = z.strictObject(
  {
    name: objectName().describe("Name of the Gateway."),
    namespace: z.exactOptional(label(63)).describe("Its namespace. Absent: the farm's."),
    sectionName: z.exactOptional(objectName()).describe("The listener of the Gateway. Absent: every listener that fits."),
    port: z.exactOptional(wholeNumber(1, 65_535)).describe("The listener's port. Absent: any."),
  },
  anObject,
);

/** The schema of `spec.gateway.httpRoute`. */
export const httpRoute: z.ZodType<HttpRouteSpec> = z
  .strictObject(
    {
      parentRefs: listOf(parentRef, "Gateways, and at least one", 8, 1).describe("Gateways of the cluster that the route is hung to."),
      hostnames: listOf(outsideName(), "names, and at least one", hostnamesMax, 1).describe(
        "Names by which the gateways are reached. They answer to them without their being in `extraHosts`.",
      ),
    },
    anObject,
  )
  .describe(
    "An HTTPRoute to the gateways, where the cluster has the Gateway API; otherwise GatewayReady says so. `writes` must be set, and the addresses of the Gateway's proxies belong into `trustedProxies`. Taken away with this field. In a cluster only.",
  );

/** The names by which a farm that is exposed so is reached from outside. */
export function outsideNames(gateway: { readonly ingress?: IngressSpec; readonly httpRoute?: HttpRouteSpec }): readonly string[] {
  return [...(gateway.ingress === undefined ? [] : [gateway.ingress.host]), ...(gateway.httpRoute?.hostnames ?? [])];
}
