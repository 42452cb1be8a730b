// Proves that the real transport keeps the contract of all transports, over loopback, with a network key.
import { randomBytes } from "node:crypto";
import { chunkAddress } from "../../protocol/address.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemRandom } from "../../runtime/random.ts";
import { type ContractNetwork, peersContract } from "../peers.contract.ts";
import { createLibp2pPeers } from "./libp2p-peers.ts";

peersContract("libp2p", async (): Promise<ContractNetwork> => {
  const common = {
    networkKey: new Uint8Array(randomBytes(32)),
    networkId: chunkAddress(textBytes("contract")),
    clock: systemClock,
    log: silentLog,
    random: systemRandom,
  };
  const made: { stop(): Promise<void> }[] = [];
  return {
    make: async ({ seed = new Uint8Array(randomBytes(32)), listen = true, before } = {}) => {
      const peers = createLibp2pPeers({ ...common, seed, ...(listen ? { listen: { ip: "127.0.0.1", libp2p: 0, lane: 0 } } : {}) });
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
