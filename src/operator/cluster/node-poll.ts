// Asks the nodes of a farm how they are: not too many at once over all farms, and nobody is waited for long.
import type { NodeStatus } from "../../protocol/node-status.ts";
import { healthPort } from "../../protocol/ports.ts";
import type { CallMember } from "../node-access/http-call.ts";
import { readNodeStatus } from "../node-access/node-status.ts";
import type { PodObject } from "./resources.ts";

/** Questions under way at once over all farms: each holds a socket. */
export const questionsMax = 50;

export type NodePoll = {
  /** What each pod's node answers, by the pod's name; undefined: no answer. Never rejects. */
  ask(pods: readonly PodObject[]): Promise<ReadonlyMap<string, NodeStatus | undefined>>;
};

export function createNodePoll(call: CallMember): NodePoll {
  let free = questionsMax;
  const waiting: (() => void)[] = [];
  const turn = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const done = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const askOne = async ({ ip, metadata }: PodObject): Promise<NodeStatus | undefined> => {
    if (ip === undefined || metadata.deletionTimestamp !== undefined) return undefined;
    await turn();
    try {
      return await readNodeStatus(call, { ip, port: healthPort });
    } finally {
      done();
    }
  };
  return {
    ask: async (pods) => new Map(await Promise.all(pods.map(async (pod) => [pod.metadata.name, await askOne(pod)] as const))),
  };
}
