// The keys of a local farm: the owner's, which begins the network and grants; the admin's, which commands nodes; and the
// network key, which keeps strangers out of the handshake. Made once, 0600, never shown.
import { readFile } from "node:fs/promises";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { type CopiesPolicy, createGenesis, type Genesis, readGenesis } from "../../protocol/genesis.ts";
import { type SigningKey, seedLength, signingKeyFromSeed } from "../../protocol/keys.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { FarmError } from "./farm-error.ts";
import type { FarmFolder } from "./farm-folder.ts";

export type FarmKeys = { readonly genesis: Genesis; readonly owner: SigningKey; readonly admin: SigningKey };

/** Places that a vault of a new farm has: copies are spread evenly enough (design: 1.25 × the mean with 64, 1.35 × with 16). */
const placesPerVault = 32;

export type NetworkBeginning = { readonly name: string; readonly copies: CopiesPolicy; readonly vaultCapacity: number };

/** Makes keys and genesis where there are none; what is there is kept. */
export async function makeFarmKeys(
  folder: FarmFolder,
  beginning: NetworkBeginning,
  world: { clock: Clock; random: Random },
): Promise<void> {
  for (const path of [folder.ownerKey, folder.adminKey, folder.networkKey])
    if ((await readFileIfThere(path)) === undefined) await writeFileAtomic(path, `${toHex(world.random.bytes(seedLength))}\n`);
  if ((await readFileIfThere(folder.genesis)) !== undefined) return;
  const { name, copies, vaultCapacity } = beginning;
  const placeUnit = Math.max(1, Math.floor(vaultCapacity / placesPerVault));
  const owner = await readKey(folder.ownerKey);
  await writeFileAtomic(folder.genesis, createGenesis({ name, copies, placeUnit, createdAt: world.clock.wallMs() }, owner).bytes);
}

/** The keys of a farm. Rejects with `broken-data` where a file is missing or damaged. */
export async function readFarmKeys(folder: FarmFolder): Promise<FarmKeys> {
  const read = readGenesis((await readFileIfThere(folder.genesis)) ?? new Uint8Array());
  if (!read.ok)
    throw new FarmError(
      "broken-data",
      `${folder.genesis} is not a genesis record (${read.why}); without it this farm's data cannot be used`,
    );
  return { genesis: read.value, owner: await readKey(folder.ownerKey), admin: await readKey(folder.adminKey) };
}

async function readKey(path: string): Promise<SigningKey> {
  const seed = fromHex((await readFile(path, "utf8")).trim());
  if (seed?.length !== seedLength)
    throw new FarmError("broken-data", `${path} does not hold a key of ${seedLength * 2} hexadecimal digits`);
  return signingKeyFromSeed(seed);
}
