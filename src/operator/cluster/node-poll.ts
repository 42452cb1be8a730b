// Asks the nodes of a farm how they are: not too many at once over all farms, and nobody is waited for long.
import { healthPort } from "../../protocol/ports.ts";
import { createSharedStrings } from "../kube/index.ts";
import type { CallMember } from "../node-access/http-call.ts";
import { createScoreTally, type ScoreTally } from "../node-access/node-report.ts";
import { readNodeStatus } from "../node-access/node-status.ts";
import { type NodeWord, wordOf } from "../node-access/node-word.ts";
import { createMembersTally, type MembersTally, type MembersTold } from "../vault-farm/other-members.ts";
import type { PodObject } from "./resources.ts";

/** Questions under way at once over all farms that one poll asks: each holds a socket. */
export const questionsMax = 50;

/** `words`: what is kept of each pod's node's answer, by the pod's name; undefined: no answer, or not asked. `told`: what all of them say of members. */
export type NodeAnswers = { readonly words: ReadonlyMap<string, NodeWord | undefined>; readonly told: MembersTold };

export type NodePoll = {
  /** Asks the pods of a farm, whose network that is. Never rejects. */
  ask(pods: readonly PodObject[], networkId: string): Promise<NodeAnswers>;
};

/** To be made once a program: its limit is over all that it asks. */
export function createNodePoll(call: CallMember): NodePoll {
  // Ten thousand nodes report a handful of versions and states.
  const strings = createSharedStrings();
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
  const askOne = async ({ ip }: PodObject, tallies: Tallies): Promise<NodeWord | undefined> => {
    if (ip === undefined) return undefined;
    await turn();
    try {
      const status = await readNodeStatus(call, { ip, port: healthPort });
      if (status === undefined) return undefined;
      for (const tally of tallies) tally.add(status);
      return strings.share(wordOf(status));
    } finally {
      done();
    }
  };
  return {
    ask: async (pods, networkId) => {
      const asked = new Set(runningAtTheirAddress(pods));
      // What each says of each vault of the others would be the most of all that is remembered: a farm needs one number a node.
      const [tally, members] = [createScoreTally(), createMembersTally(networkId)];
      const words = await Promise.all(pods.map(async (pod) => (asked.has(pod) ? askOne(pod, [tally, members]) : undefined)));
      const scores = tally.ofNodes();
      return { words: new Map(pods.map(({ metadata }, i) => [metadata.name, scored(words[i], scores)])), told: members.told() };
    },
  };
}

type Tallies = readonly [ScoreTally, MembersTally];

function scored(word: NodeWord | undefined, scores: ReadonlyMap<string, number>): NodeWord | undefined {
  const score = word === undefined ? undefined : scores.get(word.peerId);
  return word === undefined || score === undefined ? word : { ...word, report: { ...word.report, score } };
}

/**
 * The pods of which an answer would be their own. Ones that are not ready are among them: they have to be told of others
 * before they can be. One that ended, or whose machine is gone, keeps its address in its object, and another may have it now.
 */
export function runningAtTheirAddress(pods: readonly PodObject[]): readonly PodObject[] {
  const running = pods.filter(({ phase, metadata }) => phase === "Running" && metadata.deletionTimestamp === undefined);
  const startedMs = ({ startedAt }: PodObject): number => Date.parse(startedAt ?? "") || 0;
  const latest = new Map<string, number>();
  for (const pod of running) latest.set(pod.ip ?? "", Math.max(latest.get(pod.ip ?? "") ?? 0, startedMs(pod)));
  return running.filter((pod) => startedMs(pod) === latest.get(pod.ip ?? ""));
}
