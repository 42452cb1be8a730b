// What is remembered of a node's answer: the few fields that are decided by. An answer lists dozens of vaults with keys and
// addresses, and an operator has the answers of ten thousand nodes.
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { NodeReport } from "../vault-farm/observed.ts";
import { reportOf, type ScoreSeen } from "./node-report.ts";

export type NodeWord = Pick<NodeStatus, "peerId" | "granted" | "copies"> & {
  readonly report: NodeReport;
  /** Certificates of membership that it knows; 0 where its network is not founded. */
  readonly sequence: number;
  /** Scores that it gives vaults of others. */
  readonly seen: readonly ScoreSeen[];
};

/** The fields of `status` that are kept. Pure. */
export function wordOf(status: NodeStatus): NodeWord {
  const { peerId, granted, copies, membership, seen = [] } = status;
  return {
    peerId,
    granted,
    report: reportOf(status),
    sequence: membership?.sequence ?? 0,
    seen: seen.map(({ peerId: of, vault, score }) => ({ peerId: of, vault, score })),
    ...(copies === undefined ? {} : { copies }),
  };
}
