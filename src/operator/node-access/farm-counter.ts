// The count of a farm's copies from look to look: of its own nodes, with what other members of its network count. The same in a
// cluster and on one machine.
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { CopiesCount, ObservedFarm, ObservedNode } from "../vault-farm/observed.ts";
import { countWithOthers, createOwnPeers, type MembersTold } from "../vault-farm/other-members.ts";
import { countCopies, keepCount } from "./node-report.ts";

/** `counting`: those of `nodes` that could count; `copiesOf`: what one says of its copies; `told`: what they say of the network's members. */
export type CountLook = {
  readonly nodes: readonly ObservedNode[];
  readonly counting: readonly ObservedNode[];
  copiesOf(node: ObservedNode): Pick<NodeStatus, "copies"> | undefined;
  readonly told: MembersTold;
  readonly policy: CopiesPolicy;
};

export type FarmCounter = { take(look: CountLook, nowMs: number): Pick<ObservedFarm, "copies" | "others"> };

/** One that has counted nothing. Keeps one count, and the farm's identities. */
export function createFarmCounter(): FarmCounter {
  const ownPeers = createOwnPeers();
  let copies: CopiesCount | undefined;
  return {
    take: ({ nodes, counting, copiesOf, told, policy }, nowMs) => {
      const counted = countCopies(counting.map(copiesOf), policy);
      const by = counting.map(({ name }) => name).join();
      const own = counted === undefined ? undefined : { ...counted, by };
      const { count, others } = countWithOthers(own, told, ownPeers.at(nodes, nowMs));
      copies = keepCount(copies, count, nowMs);
      return { ...(copies === undefined ? {} : { copies }), ...(others === undefined ? {} : { others }) };
    },
  };
}
