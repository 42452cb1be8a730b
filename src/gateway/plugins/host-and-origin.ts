// Which names and origins a gateway answers to. An unknown Host is refused, so that a page elsewhere cannot reach a
// local gateway under a name of its own (DNS rebinding); writes from foreign origins are refused, so that it cannot
// store through a visitor's browser.
import type { FastifyRequest } from "fastify";
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";

export type HostRules = {
  readonly host: string;
  readonly domain?: string;
  readonly extraHosts: readonly string[];
  readonly corsWrites: readonly string[];
};

const harmlessMethods: readonly string[] = ["GET", "HEAD", "OPTIONS"];
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Refuses requests by Host, Origin, Sec-Fetch-Site and Service-Worker before anything else happens. */
export function addHostAndOrigin(app: App, rules: HostRules): void {
  const own = new Set([rules.host, ...(rules.domain === undefined ? [] : [rules.domain]), ...rules.extraHosts].map(hostText));
  const isKnownHost = createHostCheck(own);
  app.addHook("onRequest", (request, _reply, done) => done(refusal(request, isKnownHost, rules.corsWrites)));
}

function refusal(
  request: FastifyRequest,
  isKnownHost: (request: FastifyRequest) => boolean,
  corsWrites: readonly string[],
): GatewayError | undefined {
  if (!isKnownHost(request))
    return new GatewayError("foreign-host", "this gateway is not called by that name (setting VAULTFARM_EXTRA_HOSTS)");
  if (request.headers["service-worker"] !== undefined)
    return new GatewayError("service-worker", "no content of this origin may become a service worker");
  if (harmlessMethods.includes(request.method)) return undefined;
  return isForeignWrite(request, corsWrites)
    ? new GatewayError("foreign-origin", "a page of another site may not write here (setting VAULTFARM_CORS_WRITES)")
    : undefined;
}

/** Host headers found to be known are remembered as they were written: the same few come all the time. */
const rememberedHostsMax = 64;

function createHostCheck(own: ReadonlySet<string>): (request: FastifyRequest) => boolean {
  const remembered = new Set<string>();
  return (request) => {
    const { host } = request;
    if (remembered.has(host)) return true;
    const name = nameOf(host);
    if (name === undefined) return false;
    if (loopback.test(name) || own.has(name)) {
      if (remembered.size < rememberedHostsMax) remembered.add(host);
      return true;
    }
    // Whoever names the very address the connection came in on resolved no name, so nothing can have been rebound.
    return name === hostText(request.socket.localAddress?.replace(/^::ffff:/, "") ?? "");
  };
}

/** The lower-case name of a Host header without its port; undefined where it is malformed. */
function nameOf(host: string): string | undefined {
  return /^([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/.exec(host.toLowerCase())?.[1]?.replace(/\.$/, "");
}

/** A configured name or address as it stands in a Host header. */
function hostText(name: string): string {
  return name.includes(":") ? `[${name}]` : name;
}

function isForeignWrite({ headers, host }: FastifyRequest, corsWrites: readonly string[]): boolean {
  const { origin } = headers;
  if (origin !== undefined) return !corsWrites.includes(origin) && !(URL.canParse(origin) && new URL(origin).host === host.toLowerCase());
  return headers["sec-fetch-site"] === "cross-site" || headers["sec-fetch-site"] === "same-site";
}
