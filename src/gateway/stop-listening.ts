// How a gateway stops serving: it lets those who send it clients notice first, then takes nothing new, lets requests end, and
// stays until their answers are with the clients.
import type { Clock } from "../runtime/clock.ts";
import type { GatewayApp } from "./app.ts";
import type { GatewayConfig } from "./config.ts";

export type StopTools = {
  readonly clock: Clock;
  /** What is on its way to clients of this port: the kernel has it, and nobody acknowledged it. */
  unsentBytes(port: number): Promise<number>;
};

/** How often is looked for answers on their way, milliseconds. */
const lookAgainMs = 100;

/**
 * Resolves once the port is shut, no request is under way, and what was answered has arrived. For `leaveAfterMs` it goes on serving
 * while it says that it is not ready: a cluster takes a pod that ends out of its Service only some moments after it told the pod,
 * and who is sent here meanwhile must not find the port shut. What is left after most of the grace is cut off.
 *
 * An answer that has left this process may lie in the kernel for seconds, megabytes of it, where its reader is slow. With a pod
 * its network goes at once, and such an answer with it: so the process has to outlast it.
 */
export async function stopListening(
  { http, beginLeave, beginStop }: GatewayApp,
  { leaveAfterMs, stopGraceMs }: Pick<GatewayConfig, "leaveAfterMs" | "stopGraceMs">,
  { clock, unsentBytes }: StopTools,
): Promise<void> {
  const address = http.server.address();
  let isCut = false;
  // A fifth of the grace is left for the goodbye to the network.
  const cut = clock.after(stopGraceMs * 0.8, () => {
    isCut = true;
    http.server.closeAllConnections();
  });
  beginLeave();
  if (leaveAfterMs > 0) await clock.sleep(Math.min(leaveAfterMs, stopGraceMs / 2));
  beginStop();
  await http.close();
  if (address !== null && typeof address === "object")
    while (!isCut && (await unsentBytes(address.port)) > 0) await clock.sleep(lookAgainMs);
  cut.cancel();
}
