// For tests: nodes of a farm that answer on their health port as nodes do, and do nothing else.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { MembershipStatus, NodeStatus } from "../../protocol/node-status.ts";
import { fiveNodes } from "./farm-fixture.ts";
import type { NodePlace } from "./farm-state.ts";

export const unfounded: MembershipStatus = {
  ...{ state: "unfounded", sequence: 0, head: "00".repeat(32), confirmed: 0, reachable: 0, needed: 0, text: "", isConfirmed: false },
  group: { holders: 0, writes: 0, liars: 0, losses: 0 },
};

/** What a node says that is ready and knows no certificate. */
export const readyStatus: NodeStatus = {
  ...{ peerId: "p", networkId: "n", version: "1", startCounter: 1, state: "ready", admin: "active", joined: true, granted: true },
  ...{ addresses: [], zone: "", host: "local", vaults: [], store: { mode: "writable" }, ports: { health: 1, admin: 2 } },
  disk: { live: 0, dead: 0, overhead: 0, free: 1, total: 1 },
  membership: unfounded,
};

/** The first nodes of `fiveNodes`, each answering `says`; "silent": not at all. */
export async function nodesSaying(context: TestContext, says: readonly (NodeStatus | "silent")[]): Promise<readonly NodePlace[]> {
  return Promise.all(
    says.map(async (said, i) => {
      const place = fiveNodes.nodes[i] ?? assert.fail();
      const server = createServer((_request, response) => (said === "silent" ? response.destroy() : response.end(JSON.stringify(said))));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      context.after(() => server.close());
      return { ...place, ports: { ...place.ports, health: (server.address() as AddressInfo).port } };
    }),
  );
}
