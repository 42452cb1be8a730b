// A client for a configuration: transport, token, turns and metrics put together.
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { KubeClient } from "./client.ts";
import type { KubeConfig } from "./config.ts";
import { createTransport, type ProtocolChoice } from "./connect.ts";
import { createKubeClient } from "./create-client.ts";
import type { KubeMetrics } from "./metrics.ts";
import { createRest, type RestLimits } from "./rest.ts";

export type ClientOptions = {
  /** Owner of the fields that this program writes. */
  readonly fieldManager: string;
  /** "name/version", as the server's audit log shows it. */
  readonly userAgent: string;
  readonly protocol?: ProtocolChoice;
  readonly limits?: RestLimits;
};
export type ClientTools = { readonly clock: Clock; readonly random: Random; readonly metrics: Pick<KubeMetrics, "rest"> };

/** A client; nothing is connected before the first call. */
export function openKubeClient(config: KubeConfig, tools: ClientTools, options: ClientOptions): KubeClient {
  const { clock, random } = tools;
  const transport = createTransport(config, clock, options.protocol ?? "auto");
  const metrics = tools.metrics.rest(transport.host);
  const pathPrefix = config.server.pathname.replace(/\/+$/, "");
  const rest = createRest(
    { transport, token: config.token, clock, random, metrics, userAgent: options.userAgent, pathPrefix },
    options.limits,
  );
  return createKubeClient({ rest, clock, fieldManager: options.fieldManager, close: () => transport.close() });
}
