// A node's volume: lock, format marker, keys, grant and the state wanted of the node. Opening it is the first thing a
// node does; what it hands out is on disk already.
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { Address } from "../../protocol/address.ts";
import type { SigningKey, VaultName } from "../../protocol/keys.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { type DesiredState, desiredStates } from "../../protocol/states.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import { makeFolder } from "../../runtime/make-folder.ts";
import type { Random } from "../../runtime/random.ts";
import { VolumeError } from "../errors.ts";
import { type FormatMarker, markerOfNextStart, newMarker, readMarker } from "./format-marker.ts";
import { createSeedFile, openVaultKeys, readSeedFile, type SeededKey } from "./seed-files.ts";
import { lockVolume, type VolumeLock } from "./volume-lock.ts";

export type Volume = {
  readonly peerId: PeerId;
  readonly nodeKey: SigningKey;
  /** The node key's seed, for the transport only. */
  readonly nodeSeed: Uint8Array;
  readonly vaultKeys: readonly SigningKey[];
  /** Number of this start, from 1. */
  readonly startCounter: number;
  /** As last saved. */
  readonly grant: Uint8Array | undefined;
  readonly desired: DesiredState;
  readonly chunkDirectory: string;
  /** Where the pointers of a vault are kept. */
  pointersPath(vault: VaultName): string;
  /** Where the directory of peers is cached. */
  readonly peersCachePath: string;
  /** Where the membership certificates are kept, and what this node signed for the next one. */
  readonly certificatePaths: { readonly chain: string; readonly votes: string };
  /** What was seen of other nodes' vaults. */
  readonly scores: { load(): Promise<string | undefined>; save(text: string): Promise<void> };
  saveGrant(grant: Uint8Array): Promise<void>;
  saveDesired(state: DesiredState): Promise<void>;
  /** Lets another process have it. */
  close(): void;
};

export type VolumeOptions = { readonly directory: string; readonly vaults: number; readonly networkId: Address };

/** Opens a volume, or makes it where the directory is empty, and counts this start. Rejects with a `VolumeError`, or the system's error. */
export async function openVolume(options: VolumeOptions, random: Random): Promise<Volume> {
  const { directory } = options;
  await makeFolder(directory, 0o700);
  await chmod(directory, 0o700);
  const lock = lockVolume(directory);
  try {
    return await openLocked(options, random, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(options: VolumeOptions, random: Random, lock: VolumeLock): Promise<Volume> {
  const { directory } = options;
  const markerPath = join(directory, "format.json");
  const marker = await readMarkerFile(markerPath);
  const node = await openNodeKey(join(directory, "node.key"), marker, random);
  const peerId = peerIdFromPublicKey(node.key.publicKey);
  checkOwner(marker, { peerId, networkId: options.networkId }, directory);
  const vaultKeys = await openVaultKeys(join(directory, "vaults"), options.vaults, random);
  const grantPath = join(directory, "grant");
  const desiredPath = join(directory, "desired");
  const scoresPath = join(directory, "scores.json");
  const grant = await readFileIfThere(grantPath);
  const desired = await readDesired(desiredPath);
  const next = markerOfNextStart(marker ?? newMarker(peerId, options.networkId));
  await writeFileAtomic(markerPath, `${JSON.stringify(next, undefined, 2)}\n`);
  return {
    peerId,
    nodeKey: node.key,
    nodeSeed: node.seed,
    vaultKeys,
    startCounter: next.startCounter,
    grant,
    desired,
    chunkDirectory: join(directory, "chunks"),
    pointersPath: (vault) => join(directory, "pointers", vault),
    peersCachePath: join(directory, "peers"),
    certificatePaths: { chain: join(directory, "certificates"), votes: join(directory, "votes") },
    scores: {
      load: async () => {
        const bytes = await readFileIfThere(scoresPath);
        return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
      },
      save: (text) => writeFileAtomic(scoresPath, text),
    },
    saveGrant: (bytes) => writeFileAtomic(grantPath, bytes),
    saveDesired: (state) => writeFileAtomic(desiredPath, `${state}\n`),
    close: () => lock.release(),
  };
}

async function readMarkerFile(path: string): Promise<FormatMarker | undefined> {
  const bytes = await readFileIfThere(path);
  return bytes === undefined ? undefined : readMarker(Buffer.from(bytes).toString("utf8"), path);
}

// The key is written before the marker that names it: without a marker, a key is that of a first start that was cut short.
async function openNodeKey(path: string, marker: FormatMarker | undefined, random: Random): Promise<SeededKey> {
  const known = await readSeedFile(path);
  if (known !== undefined) return known;
  if (marker !== undefined)
    throw new VolumeError("damaged", `${path}, the key of node ${marker.peerId}, is missing; restore it from a backup`);
  return createSeedFile(path, random);
}

function checkOwner(marker: FormatMarker | undefined, now: { peerId: PeerId; networkId: Address }, directory: string): void {
  if (marker === undefined) return;
  if (marker.peerId !== now.peerId)
    throw new VolumeError("damaged", `${directory} belongs to node ${marker.peerId}, but its key is that of ${now.peerId}`);
  if (marker.networkId !== now.networkId)
    throw new VolumeError(
      "wrong-network",
      `${directory} belongs to network ${marker.networkId}, the genesis file is that of ${now.networkId}; use that network's genesis, or an empty volume`,
    );
}

async function readDesired(path: string): Promise<DesiredState> {
  const bytes = await readFileIfThere(path);
  if (bytes === undefined) return "active";
  const text = Buffer.from(bytes).toString("utf8").trim();
  const state = desiredStates.find((known) => known === text);
  if (state === undefined) throw new VolumeError("damaged", `${path}: expected one of ${desiredStates.join(", ")}`);
  return state;
}
