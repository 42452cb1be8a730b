// Where things lie in the folder of a local farm. One place, so that `up`, `status`, `down` and people agree.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../runtime/make-folder.ts";
import { FarmError } from "./farm-error.ts";

export type FarmFolder = {
  readonly root: string;
  readonly state: string;
  /** How many nodes `vaultfarm scale` asked for. */
  readonly scale: string;
  /** What the running farm does about nodes that leave. */
  readonly plan: string;
  readonly run: string;
  readonly lock: string;
  readonly genesis: string;
  readonly ownerKey: string;
  readonly adminKey: string;
  readonly networkKey: string;
  /** The first membership certificate, as the owner signed it. */
  readonly firstCertificate: string;
  readonly nodes: string;
  readonly gateways: string;
  /** Folders of nodes that were taken away. */
  readonly kept: string;
  readonly compileCache: string;
  /** Folder, log and peers file of a member. */
  member(kind: "node" | "gateway", name: string): { readonly data: string; readonly log: string; readonly peers: string };
};

/** The folder of farm `name` below `dataDir`. */
export function farmFolder(dataDir: string, name: string): FarmFolder {
  const root = join(dataDir, name);
  const at = (...parts: readonly string[]): string => join(root, ...parts);
  return {
    root,
    state: at("farm.json"),
    scale: at("scale.json"),
    plan: at("plan.json"),
    run: at("run.json"),
    lock: at("lock.json"),
    genesis: at("network", "genesis"),
    ownerKey: at("network", "owner.key"),
    adminKey: at("network", "admin.key"),
    networkKey: at("network", "network.key"),
    firstCertificate: at("network", "first-certificate"),
    nodes: at("nodes"),
    gateways: at("gateways"),
    kept: at("kept"),
    compileCache: at("cache"),
    member: (kind, member) => ({
      data: at(`${kind}s`, member),
      log: at("logs", `${member}.log`),
      peers: at("peers", `${member}.json`),
    }),
  };
}

/** Makes the folders that every farm has, readable by their owner alone. Rejects with a `FarmError` where they cannot be made. */
export async function makeFarmFolder(folder: FarmFolder): Promise<void> {
  for (const part of ["", "network", "nodes", "gateways", "logs", "peers", "cache"])
    await makeFolder(join(folder.root, part), 0o700).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FarmError(
        "no-place",
        `the farm's data cannot lie in ${folder.root} (${why}); choose another folder with --data DIR`,
        cause,
      );
    });
  // Keys and data never belong into a repository, whoever's folder this is in.
  await writeFile(join(folder.root, ".gitignore"), "*\n");
}
