// The files a member finds when it starts: whom to dial first, and for a gateway its identity with the owner's grant.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { createGrant } from "../../protocol/grant.ts";
import { seedLength, signingKeyFromSeed } from "../../protocol/keys.ts";
import { peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { Random } from "../../runtime/random.ts";
import { FarmError } from "./farm-error.ts";
import type { FarmFolder } from "./farm-folder.ts";
import type { FarmKeys } from "./farm-keys.ts";
import type { FarmState } from "./farm-state.ts";
import { firstPeers, nodeAddressOf } from "./member-settings.ts";

/** Makes a member's folder and writes its peers file; resolves with the names of the nodes in it. */
export async function writePeersFile(
  folder: FarmFolder,
  state: FarmState,
  kind: "node" | "gateway",
  name: string,
): Promise<readonly string[]> {
  const { data, peers } = folder.member(kind, name);
  await mkdir(data, { recursive: true, mode: 0o700 });
  const first = firstPeers(state, name);
  await writeFileAtomic(peers, JSON.stringify(first.map(nodeAddressOf)));
  return first.map((node) => node.name);
}

/** Makes the identity of a gateway where it has none, and the grant with which it may store. */
export async function writeGatewayIdentity(folder: FarmFolder, keys: FarmKeys, name: string, random: Random): Promise<void> {
  const { data } = folder.member("gateway", name);
  const seedFile = join(data, "identity.seed");
  const text = await readFileIfThere(seedFile);
  const seed = text === undefined ? random.bytes(seedLength) : fromHex(Buffer.from(text).toString().trim());
  if (seed?.length !== seedLength)
    throw new FarmError("broken-data", `${seedFile} holds no key; remove it and the gateway gets a new identity`);
  if (text === undefined) await writeFileAtomic(seedFile, `${toHex(seed)}\n`);
  const grantFile = join(data, "grant");
  if (text !== undefined && (await readFileIfThere(grantFile)) !== undefined) return;
  const peerId = peerIdFromPublicKey(signingKeyFromSeed(seed).publicKey);
  await writeFileAtomic(grantFile, createGrant(keys.genesis, keys.owner, { peerId, notAfterMs: 0 }));
}
