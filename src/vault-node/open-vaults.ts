// What lies on a node's volume, opened: its vaults, their chunks, and the books of what found no room.
import type { Genesis } from "../protocol/genesis.ts";
import type { Log } from "../runtime/log.ts";
import { softwareVersion } from "../runtime/software-version.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import { createDiskChunkStore } from "./chunk-store/disk.ts";
import type { VaultNodeConfig } from "./config.ts";
import type { NodeIdentity } from "./core-parts.ts";
import { diskTooSmallError } from "./errors.ts";
import { hostVaults } from "./hosted-vault.ts";
import type { VaultNodeTools } from "./organs.ts";
import { pointerRoom } from "./pointers/pointer-book.ts";
import { openPointerFile } from "./pointers/pointer-file.ts";
import { openPointerBooks, type PointerBooks } from "./pointers/pointers.ts";
import type { Volume } from "./volume/volume.ts";

/** Who the node is: the keys on its volume, and where the configuration says it stands. */
export function identityOf({ region, zone, host, vaultCapacity }: VaultNodeConfig, genesis: Genesis, volume: Volume): NodeIdentity {
  const vaults = hostVaults(volume.vaultKeys, vaultCapacity);
  return { genesis, peerId: volume.peerId, vaults, domain: { region, zone, host }, software: softwareVersion };
}

/** The chunks of the vaults. Rejects with the store's error, or `disk-too-small` where the disk cannot hold what is declared. */
export async function openStore(
  config: VaultNodeConfig,
  identity: NodeIdentity,
  { volume, clock, log }: VaultNodeTools & { volume: Volume },
): Promise<ChunkStore> {
  // What is declared holds the pointers too.
  const vaults = identity.vaults.map(({ name, capacity }) => ({ vault: name, capacity: capacity - pointerRoom(capacity) }));
  const store = await createDiskChunkStore({ directory: volume.chunkDirectory, vaults, clock, log: log.with({ part: "store" }) });
  const { total } = await store.disk();
  if (total >= config.vaultCapacity * config.vaults) return store;
  await store.close();
  throw diskTooSmallError(config, total);
}

/** The pointers of each vault. Rejects with the system's error. */
export async function openBooks(identity: NodeIdentity, volume: Volume, log: Log): Promise<PointerBooks> {
  const opened = identity.vaults.map(async ({ name, capacity }) => {
    return { vault: name, capacity, file: await openPointerFile(volume.pointersPath(name)) };
  });
  return openPointerBooks(await Promise.all(opened), log.with({ part: "pointers" }));
}
