// Turns what the transport says when it cannot listen into the error that names the port and what to do.
import { listenError } from "../runtime/listen-error.ts";
import type { VaultNodeConfig } from "./config.ts";

// Causes behind causes, and several at once: further down nothing useful comes.
const depthMax = 6;

/** A `ListenError` where the cause is a port that cannot be had, else the cause itself. */
export function peersStartError(cause: unknown, { listenIp, ports }: VaultNodeConfig): unknown {
  const refused = findListenFailure(cause, depthMax);
  if (refused === undefined) return cause;
  const isLane = refused.port !== undefined && refused.port === ports.lane;
  const [name, port, portSetting] = isLane
    ? ["lanes", ports.lane, "VAULTFARM_PORT_LANE"]
    : ["peers", ports.libp2p, "VAULTFARM_PORT_LIBP2P"];
  return listenError(refused.error, { name: String(name), ip: listenIp, port: Number(port), portSetting: String(portSetting) });
}

function findListenFailure(cause: unknown, depth: number): { error: Error; port: number | undefined } | undefined {
  if (!(cause instanceof Error) || depth === 0) return undefined;
  if ("code" in cause && (cause.code === "EADDRINUSE" || cause.code === "EACCES"))
    return { error: cause, port: "port" in cause && typeof cause.port === "number" ? cause.port : undefined };
  // libp2p hands on only the text of what its listeners met.
  const told = /\b(EADDRINUSE|EACCES)\b[^\n]*:(\d+)/.exec(cause.message);
  if (told !== null) return { error: Object.assign(new Error(told[0], { cause }), { code: told[1] }), port: Number(told[2]) };
  const several: readonly unknown[] = "errors" in cause && Array.isArray(cause.errors) ? cause.errors : [];
  for (const one of [cause.cause, ...several]) {
    const found = findListenFailure(one, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
