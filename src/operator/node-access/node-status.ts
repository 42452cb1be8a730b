// What nodes say of themselves on their health port.
import { type NodeStatus, nodeStatus } from "../../protocol/node-status.ts";
import type { CallMember } from "./http-call.ts";

// Generous: on a busy machine a process that starts has its event loop blocked for a while, which is no reason to doubt it.
const timeoutMs = 2000;

/** The status of the node there, undefined where none answers in time. Never rejects. */
export async function readNodeStatus(
  call: CallMember,
  at: { readonly ip: string; readonly port: number },
): Promise<NodeStatus | undefined> {
  const reply = await call({ ...at, method: "GET", path: "/v1/status", timeoutMs });
  if (reply?.status !== 200) return undefined;
  const parsed = nodeStatus.safeParse(parseJson(reply.body));
  return parsed.success ? parsed.data : undefined;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
