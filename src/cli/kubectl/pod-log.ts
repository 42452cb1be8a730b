// The last lines of a pod's log, without what could be an object's key.
import type { Result } from "../../operator/kube/index.ts";
import type { Cluster } from "./cluster.ts";
import { redactedLog } from "./redacted.ts";

/** Most bytes of one pod's log that are read. */
const bytesMax = 8 * 1024 * 1024;

/** The last `tail` lines, the oldest first; the server's error where they may not or cannot be read. */
export async function readPodLog(
  { client }: Pick<Cluster, "client">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  tail: number,
): Promise<Result<readonly string[]>> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/log?tailLines=${tail}`;
  const text = await client.readText(path, { bytesMax });
  if (!text.ok) return text;
  return { ok: true, value: redactedLog(text.value) };
}
