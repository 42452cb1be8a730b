// The files that the configuration names, read once at the start: genesis and network key; and the peers file, which may
// come and change later.
import { z } from "zod";
import { fromHex } from "../protocol/bytes.ts";
import { type Genesis, readGenesis } from "../protocol/genesis.ts";
import { type NodeAddress, nodeAddress } from "../protocol/node-record.ts";
import { readFileIfThere } from "../runtime/atomic-file.ts";
import { VaultNodeError } from "./errors.ts";

/** Bytes of a network key. */
const networkKeyLength = 32;
// The largest peers file that makes sense: a few hundred addresses.
const peersFileMax = 256 * 1024;

/** The genesis in a file. Rejects with a `VaultNodeError` bad-file. */
export async function readGenesisFile(path: string): Promise<Genesis> {
  const genesis = readGenesis(await readNamedFile(path, "VAULTFARM_GENESIS_FILE"));
  if (!genesis.ok) throw new VaultNodeError("bad-file", `VAULTFARM_GENESIS_FILE: ${path} is no genesis record: ${genesis.why}`);
  return genesis.value;
}

/** The network key in a file. Rejects with a `VaultNodeError` bad-file, whose message does not show the content. */
export async function readNetworkKeyFile(path: string): Promise<Uint8Array> {
  const text = Buffer.from(await readNamedFile(path, "VAULTFARM_NETWORK_KEY_FILE")).toString("utf8");
  const key = fromHex(text.trim());
  if (key?.length !== networkKeyLength)
    throw new VaultNodeError("bad-file", `VAULTFARM_NETWORK_KEY_FILE: expected 64 lower-case hexadecimal digits in ${path}`);
  return key;
}

const peersFile: z.ZodType<readonly NodeAddress[]> = z.array(nodeAddress);

/** The addresses in a peers file; none where there is no file yet. Rejects with a `VaultNodeError` bad-file. */
export async function readPeersFile(path: string): Promise<readonly NodeAddress[]> {
  const bytes = await readFileIfThere(path);
  if (bytes === undefined) return [];
  const parsed = bytes.length <= peersFileMax ? peersFile.safeParse(parseJson(bytes)) : undefined;
  if (parsed?.success !== true)
    throw new VaultNodeError("bad-file", `VAULTFARM_PEERS_FILE: expected a JSON array of {ip, libp2p, lane, heartbeat} in ${path}`);
  return parsed.data;
}

async function readNamedFile(path: string, variable: string): Promise<Uint8Array> {
  const bytes = await readFileIfThere(path).catch((cause: unknown) => {
    throw new VaultNodeError("bad-file", `${variable}: ${path} cannot be read`, cause);
  });
  if (bytes === undefined) throw new VaultNodeError("bad-file", `${variable}: there is no file ${path}`);
  return bytes;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
