// The files of a gateway: genesis, network key and peers that its settings name; and in its folder the identity, the
// grant with which it may store, and a place for what the client remembers.
import { readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fromHex, toHex } from "../protocol/bytes.ts";
import { type Genesis, readGenesis } from "../protocol/genesis.ts";
import { grantSizeMax, passOnGrant } from "../protocol/grant.ts";
import { seedLength, signingKeyFromSeed } from "../protocol/keys.ts";
import { type NodeAddress, nodeAddress } from "../protocol/node-record.ts";
import { peerIdFromPublicKey } from "../protocol/peer-id.ts";
import { readFileIfThere, writeFileAtomic } from "../runtime/atomic-file.ts";
import type { Log } from "../runtime/log.ts";
import { makeFolder } from "../runtime/make-folder.ts";
import type { Random } from "../runtime/random.ts";
import type { GatewayConfig } from "./config.ts";

/** A file that is missing or of no use; the message names the setting or the path, never the content. */
export class GatewayFileError extends Error {
  override readonly name = "GatewayFileError";
  readonly code = "bad-file";
}

/** What a gateway finds on its disk at the start. */
export type GatewayFiles = {
  readonly seed: Uint8Array;
  readonly genesis: Genesis;
  readonly networkKey?: Uint8Array;
  readonly grant?: Uint8Array;
  /** Holds a password. */
  readonly redisUrl?: string;
  readonly cacheDir: string;
};

/** Reads the files of a gateway, and makes its identity at the first start. Rejects with a GatewayFileError. */
export async function openGatewayFiles(config: GatewayConfig, random: Random): Promise<GatewayFiles> {
  const cacheDir = join(config.dataDir, "cache");
  await makeFolder(cacheDir, 0o700);
  await chmod(config.dataDir, 0o700);
  const genesis = readGenesis(await readNamed(config.genesisFile, "VAULTFARM_GENESIS_FILE"));
  if (!genesis.ok) throw new GatewayFileError(`VAULTFARM_GENESIS_FILE: ${config.genesisFile} is no genesis record: ${genesis.why}`);
  const redisUrl = config.redisUrlFile === undefined ? undefined : await readRedisUrl(config.redisUrlFile);
  const networkKey = config.networkKeyFile === undefined ? undefined : await readNetworkKey(config.networkKeyFile);
  const seed = await openSeed(join(config.dataDir, "identity.seed"), random);
  const grant = await readGrant(config, genesis.value, seed);
  return {
    seed,
    genesis: genesis.value,
    ...(networkKey === undefined ? {} : { networkKey }),
    ...(grant === undefined ? {} : { grant }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    cacheDir,
  };
}

/** The owner's grant in the gateway's folder; or one that it gives itself with a key that the owner granted. */
async function readGrant({ dataDir, grantDir }: GatewayConfig, genesis: Genesis, seed: Uint8Array): Promise<Uint8Array | undefined> {
  const folder = grantDir ?? dataDir;
  const grant = await readFileIfThere(join(folder, "grant"));
  if (grant !== undefined && grant.length > grantSizeMax) throw new GatewayFileError(`${join(folder, "grant")} is no grant`);
  if (grantDir === undefined) return grant;
  const key = hexKey(await readNamed(join(grantDir, "grant.seed"), "VAULTFARM_GRANT_DIR"));
  if (grant === undefined || key === undefined)
    throw new GatewayFileError(`VAULTFARM_GRANT_DIR: ${grantDir} holds no key (grant.seed) with the owner's grant for it (grant)`);
  return passOnGrant(genesis, signingKeyFromSeed(key), grant, peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey));
}

async function openSeed(path: string, random: Random): Promise<Uint8Array> {
  const known = await readFileIfThere(path);
  const seed = known === undefined ? random.bytes(seedLength) : hexKey(known);
  if (seed === undefined) throw new GatewayFileError(`${path} holds no key; remove it, and the gateway gets a new identity`);
  if (known === undefined) await writeFileAtomic(path, `${toHex(seed)}\n`, 0o600);
  return seed;
}

async function readNetworkKey(path: string): Promise<Uint8Array> {
  const key = hexKey(await readNamed(path, "VAULTFARM_NETWORK_KEY_FILE"));
  if (key === undefined) throw new GatewayFileError(`VAULTFARM_NETWORK_KEY_FILE: expected 64 lower-case hexadecimal digits in ${path}`);
  return key;
}

async function readRedisUrl(path: string): Promise<string> {
  const text = Buffer.from(await readNamed(path, "VAULTFARM_REDIS_URL_FILE"))
    .toString("utf8")
    .trim();
  if (URL.canParse(text) && /^rediss?:\/\/./.test(text)) return text;
  throw new GatewayFileError(`VAULTFARM_REDIS_URL_FILE: expected a URL that begins with redis:// or rediss:// in ${path}`);
}

function hexKey(bytes: Uint8Array): Uint8Array | undefined {
  const key = fromHex(Buffer.from(bytes).toString("utf8").trim());
  return key?.length === 32 ? key : undefined;
}

async function readNamed(path: string, setting: string): Promise<Uint8Array> {
  const bytes = await readFileIfThere(path).catch((cause: unknown) => {
    throw new GatewayFileError(`${setting}: ${path} cannot be read`, { cause });
  });
  if (bytes === undefined) throw new GatewayFileError(`${setting}: there is no file ${path}`);
  return bytes;
}

const peersSchema: z.ZodType<readonly NodeAddress[]> = z.array(nodeAddress).max(4096);

/** Reads the peers file anew at each call: whoever starts the farm may write it later. None, and a word in the log, where it is of no use. */
export function createPeersReader(path: string | undefined, log: Log): () => readonly NodeAddress[] {
  let complained = false;
  return () => {
    if (path === undefined) return [];
    try {
      const peers = peersSchema.parse(JSON.parse(readFileSync(path, "utf8")));
      complained = false;
      return peers;
    } catch (cause) {
      if (!complained) log.warn("the peers file is of no use (setting VAULTFARM_PEERS_FILE)", { path, cause });
      complained = true;
      return [];
    }
  };
}
