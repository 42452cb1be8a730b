// What members say of themselves: the status of a node from its health port, the readiness of a gateway.
import { type NodeStatus, nodeStatus } from "../../protocol/node-status.ts";
import { callLocal } from "./http-call.ts";

// Generous: on a busy machine a process that starts has its event loop blocked for a while, which is no reason to doubt it.
const timeoutMs = 2000;

/** The status that the node on this health port gives, undefined where none answers in time. Never rejects. */
export async function readNodeStatus(healthPort: number): Promise<NodeStatus | undefined> {
  const reply = await callLocal({ method: "GET", port: healthPort, path: "/v1/status", timeoutMs });
  if (reply?.status !== 200) return undefined;
  const parsed = nodeStatus.safeParse(parseJson(reply.body));
  return parsed.success ? parsed.data : undefined;
}

/** Whether the gateway on this port says that the network answers. Never rejects. */
export async function gatewayIsReady(port: number): Promise<boolean> {
  return (await callLocal({ method: "GET", port, path: "/readyz", timeoutMs }))?.status === 200;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
