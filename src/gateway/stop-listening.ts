// How a gateway stops serving: it lets those who send it clients notice first, then takes nothing new and lets requests end.
import type { Clock } from "../runtime/clock.ts";
import type { GatewayApp } from "./app.ts";
import type { GatewayConfig } from "./config.ts";

/**
 * Resolves once the port is shut and no request is under way. For `leaveAfterMs` it goes on serving while it says that it is
 * not ready: a cluster takes a pod that ends out of its Service only some moments after it told the pod, and who is sent
 * here meanwhile must not find the port shut. What is left after most of the grace is cut off.
 */
export async function stopListening(
  { http, beginLeave, beginStop }: GatewayApp,
  { leaveAfterMs, stopGraceMs }: Pick<GatewayConfig, "leaveAfterMs" | "stopGraceMs">,
  clock: Clock,
): Promise<void> {
  // A fifth of the grace is left for the goodbye to the network.
  const cut = clock.after(stopGraceMs * 0.8, () => http.server.closeAllConnections());
  beginLeave();
  if (leaveAfterMs > 0) await clock.sleep(Math.min(leaveAfterMs, stopGraceMs / 2));
  beginStop();
  await http.close();
  cut.cancel();
}
