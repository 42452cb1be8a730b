// A digest of the nodes and vaults around chunks: two that see the same ones have the same, and whoever comes, goes, starts
// anew, moves or changes its size alters it. A mere suspicion does not. Pure.
import type { NodeView } from "../../network/directory.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { isLost } from "./copies-without.ts";

/** The digest of these nodes in any order; those that are lost count as not there. */
export function membershipDigest(nodes: readonly NodeView[]): Uint8Array {
  const lines = nodes.filter((node) => !isLost(node)).map(lineOf);
  return hash(textBytes(lines.sort().join("\n")));
}

function lineOf({ record: { peerId, startCounter, domain, vaults } }: NodeView): string {
  const stays = vaults.map(
    ({ name, capacity, state }) => `${name} ${capacity} ${state === "draining" || state === "fenced" || state === "offline"}`,
  );
  return JSON.stringify([peerId, startCounter, domain.zone, domain.host, ...stays.sort()]);
}
