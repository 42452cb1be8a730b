// The secret keys of a node and its vaults: one seed a file, readable by its owner only, made at the first start and
// never leaving the volume.
import { chmod, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { type SigningKey, seedLength, signingKeyFromSeed } from "../../protocol/keys.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { Random } from "../../runtime/random.ts";
import { VolumeError } from "../errors.ts";

/** A seed with the key it makes; the seed itself is for the transport, which needs the node's. */
export type SeededKey = { readonly seed: Uint8Array; readonly key: SigningKey };

/** The key in a seed file, undefined where there is no file. Rejects with a `VolumeError` damaged. */
export async function readSeedFile(path: string): Promise<SeededKey | undefined> {
  const bytes = await readFileIfThere(path);
  if (bytes === undefined) return undefined;
  const seed = fromHex(Buffer.from(bytes).toString("utf8").trim());
  if (seed?.length !== seedLength)
    throw new VolumeError("damaged", `${path} holds no key; restore it from a backup, or start with an empty volume as a new node`);
  return { seed, key: signingKeyFromSeed(seed) };
}

/** Makes a key and its file, durable when resolved. */
export async function createSeedFile(path: string, random: Random): Promise<SeededKey> {
  const seed = random.bytes(seedLength);
  await writeFileAtomic(path, `${toHex(seed)}\n`, 0o600);
  return { seed, key: signingKeyFromSeed(seed) };
}

const vaultFile = /^(\d{3})\.key$/;

/** The keys of `count` vaults in `directory`, in order; missing ones at the end are made. Rejects with a `VolumeError` where there are more than `count`, or one in the middle is gone. */
export async function openVaultKeys(directory: string, count: number, random: Random): Promise<readonly SigningKey[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const there = (await readdir(directory)).filter((name) => vaultFile.test(name)).length;
  if (there > count)
    throw new VolumeError(
      "fewer-vaults",
      `this volume hosts ${there} vaults, the configuration asks for ${count}: a vault is not dropped with its chunks; set VAULTFARM_VAULTS to ${there}, or drain the node and start with an empty volume`,
    );
  const keys: SigningKey[] = [];
  for (let index = 0; index < count; index++) keys.push((await openVaultKey(directory, { index, there }, random)).key);
  return keys;
}

async function openVaultKey(directory: string, place: { index: number; there: number }, random: Random): Promise<SeededKey> {
  const path = join(directory, `${String(place.index).padStart(3, "0")}.key`);
  const known = await readSeedFile(path);
  if (known !== undefined) return known;
  if (place.index < place.there)
    throw new VolumeError("damaged", `${path} is missing while later ones are there; restore it from a backup`);
  return createSeedFile(path, random);
}
