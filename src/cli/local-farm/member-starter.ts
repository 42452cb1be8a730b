// Starts a member: ports that are free now, the files it finds, its environment, its process.
import type { VaultFarmSpec } from "../../operator/api/vault-farm.ts";
import { memorySettings } from "../../runtime/memory-settings.ts";
import type { Random } from "../../runtime/random.ts";
import type { FarmBook } from "./farm-book.ts";
import type { FarmFolder } from "./farm-folder.ts";
import type { FarmKeys } from "./farm-keys.ts";
import { writeGatewayIdentity, writePeersFile } from "./member-files.ts";
import { withFreeGatewayPorts, withFreeNodePorts } from "./member-places.ts";
import type { MemberProcess } from "./member-process.ts";
import { localGatewayEnv, stopGraceMs, vaultNodeEnv } from "./member-settings.ts";

export type MemberStarterParts = {
  readonly folder: FarmFolder;
  readonly spec: VaultFarmSpec;
  readonly keys: FarmKeys;
  /** Port asked for the first gateway: never exchanged for another. */
  readonly port?: number;
  /** What every process on this machine needs to run at all. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly random: Random;
};

export type MemberStarter = {
  /** Starts a vault node; resolves with the names of the nodes that it was told of. */
  startNode(name: string, process: MemberProcess): Promise<readonly string[]>;
  startGateway(name: string, process: MemberProcess): Promise<void>;
};

// What this process waits beyond the member's own grace before it kills.
const stopMarginMs = 2000;

/** Starts members of the farm in `book`. */
export function createMemberStarter(parts: MemberStarterParts, book: FarmBook): MemberStarter {
  const { folder, keys, random, baseEnv } = parts;
  const startNode = async (name: string, member: MemberProcess): Promise<readonly string[]> => {
    const known = book.node(name);
    if (known === undefined) return [];
    const node = await withFreeNodePorts(book.state(), known, random);
    book.changeNode(name, { ports: node.ports });
    const told = await writePeersFile(folder, book.state(), "node", name);
    const chosen = { adminPublicKey: keys.admin.publicKey, spec: parts.spec };
    const env = { ...baseEnv, ...memorySettings, ...vaultNodeEnv(folder, book.state(), node, chosen) };
    start(member, "vault-node", { name, env, log: folder.member("node", name).log });
    return told;
  };
  const startGateway = async (name: string, member: MemberProcess): Promise<void> => {
    const known = book.gateway(name);
    if (known === undefined) return;
    const gateway = await withFreeGatewayPorts(book.state(), known, random, known.port === parts.port);
    book.changeGateway(name, gateway);
    await writePeersFile(folder, book.state(), "gateway", name);
    await writeGatewayIdentity(folder, keys, name, random);
    const env = { ...baseEnv, ...memorySettings, ...localGatewayEnv(folder, parts.spec, gateway) };
    start(member, "gateway", { name, env, log: folder.member("gateway", name).log });
  };
  return { startNode, startGateway };
}

type Launch = { readonly name: string; readonly env: Readonly<Record<string, string>>; readonly log: string };

function start(member: MemberProcess, program: string, { name, env, log }: Launch): void {
  member.start({ program: `${program}/main`, title: `vaultfarm ${program} ${name}`, env, log, stopMs: stopGraceMs + stopMarginMs });
}
