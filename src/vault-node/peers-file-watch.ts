// Hands the addresses of the peers file to membership until another node is there: whoever starts a farm writes the file
// when it knows the ports, which may be after the node's start.
import type { NodeView } from "../network/directory.ts";
import type { NodeAddress } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { readPeersFile } from "./node-files.ts";

/** Between two looks at the file, milliseconds. */
export const peersFileEveryMs = 2000;

export type PeersFileParts = {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the file is still of use: false ends the watch. */
  needed(): boolean;
  use(addresses: readonly NodeAddress[]): void;
};

/** Reads the file now and again until it is no longer needed or `signal` aborts. Never rejects. */
export async function watchPeersFile({ path, clock, log, needed, use }: PeersFileParts, signal: AbortSignal): Promise<void> {
  let complained = "";
  while (needed() && !signal.aborted) {
    try {
      use(await readPeersFile(path));
      complained = "";
    } catch (cause) {
      const why = String(cause);
      if (why !== complained) log.warn("the peers file is of no use", { path, cause });
      complained = why;
    }
    await clock.sleep(peersFileEveryMs, signal).catch(() => undefined);
  }
}

/** Whether nobody else is there. Nodes known from before do not count: after a restart of all they may be elsewhere. */
export function isAlone(nodes: readonly NodeView[], self: PeerId): boolean {
  return !nodes.some(({ record, state }) => state === "live" && record.peerId !== self);
}
