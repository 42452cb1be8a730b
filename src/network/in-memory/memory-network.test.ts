// Proves that the in-memory twin keeps the contract of all transports, on the machine's clock.
import { randomBytes } from "node:crypto";
import { systemClock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { type ContractNetwork, peersContract } from "../peers.contract.ts";
import { createMemoryNetwork } from "./memory-network.ts";

peersContract("in-memory", async (): Promise<ContractNetwork> => {
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1) });
  const made: { stop(): Promise<void> }[] = [];
  return {
    make: async ({ seed = new Uint8Array(randomBytes(32)), listen = true, before } = {}) => {
      const peers = network.createPeers(seed, { listen });
      before?.(peers);
      await peers.start();
      made.push(peers);
      return peers;
    },
    stopAll: async () => {
      for (const peers of made) await peers.stop();
    },
  };
});
