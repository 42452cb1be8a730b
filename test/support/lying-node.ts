// A vault node that lies, as a process of its own: the real core over real connections and a store that acknowledges everything and
// keeps nothing; where told to, it puts off every proof instead of giving a wrong one. Settings come as JSON in its one argument; it
// writes its PeerId once it takes part.
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { createLibp2pPeers } from "../../src/network/libp2p/libp2p-peers.ts";
import { createMembership } from "../../src/network/membership/membership.ts";
import { readGenesis } from "../../src/protocol/genesis.ts";
import { signingKeyFromSeed } from "../../src/protocol/keys.ts";
import { nodeAddress } from "../../src/protocol/node-record.ts";
import { systemClock as clock } from "../../src/runtime/clock.ts";
import { silentLog as log } from "../../src/runtime/log.ts";
import { systemRandom as random } from "../../src/runtime/random.ts";
import { createMemoryChunkStore } from "../../src/vault-node/chunk-store/memory.ts";
import { createVaultNodeCore } from "../../src/vault-node/core.ts";
import { hostVaults } from "../../src/vault-node/hosted-vault.ts";
import { lie } from "../sim/lying-store.ts";
import { puttingOff } from "../sim/putting-off.ts";

const settings = z
  .object({ genesisFile: z.string(), capacity: z.int(), known: z.array(nodeAddress), putsOff: z.boolean() })
  .parse(JSON.parse(process.argv[2] ?? ""));
const genesis = readGenesis(await readFile(settings.genesisFile));
if (!genesis.ok) throw new Error(genesis.why);
const seed = random.bytes(32);
const { networkId } = genesis.value;
const connections = await createLibp2pPeers({ networkId, seed, listen: { ip: "127.0.0.1", libp2p: 0, lane: 0 }, clock, log });
const peers = puttingOff(connections, () => settings.putsOff);
const own = { key: signingKeyFromSeed(seed), startCounter: 1, founder: false };
const membership = createMembership({ peers, genesis: genesis.value, clock, random, log, own });
const vaults = hostVaults([signingKeyFromSeed(random.bytes(32))], settings.capacity);
const store = lie(createMemoryChunkStore({ vaults: vaults.map(({ name, capacity }) => ({ vault: name, capacity })), clock }));
const core = createVaultNodeCore({
  identity: { genesis: genesis.value, peerId: peers.self, vaults, domain: { region: "", zone: "", host: "liar" }, software: "liar" },
  ...{ peers, store, membership, clock, random, log, desired: "active" },
});
await peers.start();
await core.start();
await membership.start();
membership.bootstrap(settings.known);
process.stdout.write(`${peers.self}\n`);
