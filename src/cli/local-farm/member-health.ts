// Where members of a local farm are reached, all on the loopback address, and what they say of themselves: the status of a
// node from its health port, the readiness of a gateway.
import { callMember, type HttpReply } from "../../operator/node-access/http-call.ts";
import type { CommandPlace } from "../../operator/node-access/node-commander.ts";
import { readNodeStatus as readStatus } from "../../operator/node-access/node-status.ts";
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

const ip = "127.0.0.1";
// Generous: on a busy machine a process that starts has its event loop blocked for a while, which is no reason to doubt it.
const timeoutMs = 2000;

/** Where the node `node` takes commands. */
export function localPlace(adminPort: number, node: PeerId): CommandPlace {
  return { ip, port: adminPort, node };
}

/** The status that the node on this health port gives, undefined where none answers in time. Never rejects. */
export function readNodeStatus(healthPort: number): Promise<NodeStatus | undefined> {
  return readStatus(callMember, { ip, port: healthPort });
}

/** What the member on this port answers to a GET, undefined where none comes in time. Never rejects. */
export function readLocal(port: number, path: string): Promise<HttpReply | undefined> {
  return callMember({ method: "GET", ip, port, path, timeoutMs });
}

/** Whether the gateway on this port says that the network answers. Never rejects. */
export async function gatewayIsReady(port: number): Promise<boolean> {
  return (await readLocal(port, "/readyz"))?.status === 200;
}
