// What a farm's manifest says of its gateways, as their settings have it: the same for pods and for local processes.
import type { GatewayConfig } from "../../gateway/config.ts";
import type { GatewaySpec } from "../api/gateway-spec.ts";

type Policy = Pick<GatewayConfig, "quota" | "corsWrites" | "trustedProxies" | "extraHosts" | "cacheMemory" | "cacheDisk" | "domain">;

/** The settings of each gateway that come from `spec.gateway`. Who may write is not among them: its default depends on the place. */
export function gatewayPolicy(gateway: GatewaySpec): Policy {
  const { quota, corsWrites, trustedProxies, extraHosts, cacheMemory, cacheDisk, domain } = gateway;
  const { keepFreePercent, ...limits } = quota;
  return {
    quota: { ...limits, keepFree: keepFreePercent / 100 },
    corsWrites,
    trustedProxies,
    extraHosts,
    cacheMemory,
    cacheDisk,
    ...(domain === undefined ? {} : { domain }),
  };
}
