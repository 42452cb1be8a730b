// What is remembered of a node's answer: the few fields that are decided by. An answer lists dozens of vaults with keys and
// addresses, and an operator has the answers of ten thousand nodes.
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { NodeReport } from "../vault-farm/observed.ts";
import { reportOf } from "./node-report.ts";

export type NodeWord = Pick<NodeStatus, "peerId" | "granted" | "copies"> & {
  readonly report: NodeReport;
  /** Certificates of membership that it knows; 0 where its network is not founded. */
  readonly sequence: number;
};

/** The fields of `status` that are kept. What it says of vaults of others is summed up before, see `ScoreTally`. Pure. */
export function wordOf(status: NodeStatus): NodeWord {
  const { peerId, granted, copies, membership } = status;
  return {
    peerId,
    granted,
    report: reportOf(status),
    sequence: membership?.sequence ?? 0,
    ...(copies === undefined ? {} : { copies }),
  };
}
