// `kubectl vaultfarm destroy`: a farm and all that it keeps when it is only deleted: volumes, the network's keys, what was
// signed and accepted. Says what goes before anything does.
import { type ClaimObject, claims, configMaps, farms, leanClaim, secrets, volumes } from "../../operator/cluster/resources.ts";
import type { KubeObject, Resource } from "../../operator/kube/index.ts";
import { labels, objectNames } from "../../operator/manifests/names.ts";
import { CommandError } from "../command-error.ts";
import type { CommandWorld } from "../command-world.ts";
import { exitCodes } from "../exit-code.ts";
import type { Output } from "../output.ts";
import { type Cluster, type ClusterOptions, must, valueIfThere, withCluster } from "./cluster.ts";

export type DestroyOptions = ClusterOptions & { readonly yesDeleteData: boolean };

/** Between looks whether the farm is gone, and how long is waited for that, milliseconds. */
const lookEveryMs = 500;
const goneWithinMs = 60_000;

const farmName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Deletes a farm with its data, or says what that would be. Rejects with a `CommandError`. */
export async function destroy(world: CommandWorld, output: Output, name: string, options: DestroyOptions): Promise<void> {
  // It becomes part of a selector, in which a comma begins another condition, and what is selected is deleted.
  if (!farmName.test(name)) throw new CommandError(exitCodes.usage, "bad-name", `${JSON.stringify(name)} is no name of a VaultFarm`);
  await withCluster(world, options, "destroy", async (cluster) => {
    const { namespace, client } = cluster;
    const farm = valueIfThere(await client.get(farms, { namespace, name }));
    const kept = must(await client.listAll(claims, { namespace, labelSelector: `${labels.farm}=${name}` })).items.map((claim) =>
      leanClaim(claim),
    );
    // Also what one that was cut short left behind: keys without a farm, and without its claims.
    const objects = await keptObjects(cluster, name, farm !== undefined || kept.length > 0);
    if (farm === undefined && kept.length === 0 && objects.length === 0)
      throw new CommandError(
        exitCodes.notFound,
        "no-farm",
        `there is no VaultFarm ${name} in namespace ${namespace}, and no volume or key of one`,
      );
    const list = listText({ name, isThere: farm !== undefined, kept, objects, wide: options.output === "wide" });
    if (!options.yesDeleteData)
      throw new CommandError(
        exitCodes.usage,
        "not-confirmed",
        `${list}\nnothing was deleted; to delete it all for good: --yes-delete-data`,
      );
    if (!output.isJson) output.note(list);
    const uid = farm?.metadata.uid;
    if (farm !== undefined)
      valueIfThere(await client.remove(farms, { namespace, name }, uid === undefined ? {} : { preconditions: { uid } }));
    // While the farm is there, its operator makes anew what is deleted.
    await awaitGone(world, cluster, name, uid);
    // Looked for again: an operator may have written some of them while the farm went.
    await removeAll(cluster, [...kept.map((claim): Kept => [claims, claim]), ...(await keptObjects(cluster, name, true))]);
    const left = await keptVolumes(cluster, kept);
    output.json({ farm: name, namespace, claims: kept.map(({ metadata }) => metadata.name), volumesLeft: left });
    output.line(`${name} is destroyed`);
    if (left.length > 0 && !output.isJson)
      output.note(
        `these volumes are kept by their reclaim policy, and what is on them with them: ${left.join(", ")}; kubectl delete persistentvolume NAME`,
      );
  });
}

type Kept = readonly [Resource, KubeObject];

/**
 * What there is that holds data or keys beside the volumes, and has no owner. `known`: the farm or a claim of it is there; without
 * them an object counts by its label only, for its name alone may be somebody else's.
 */
async function keptObjects({ client, namespace }: Cluster, name: string, known: boolean): Promise<readonly Kept[]> {
  const found: Kept[] = [];
  for (const [resource, object] of [
    [secrets, objectNames.network(name)],
    [configMaps, objectNames.firstCertificate(name)],
    [configMaps, objectNames.acceptedSpec(name)],
  ] as const) {
    const there = valueIfThere(await client.get<KubeObject>(resource, { namespace, name: object }));
    if (there !== undefined && (known || there.metadata.labels?.[labels.farm] === name)) found.push([resource, there]);
  }
  return found;
}

type Listed = {
  readonly name: string;
  /** Whether the farm itself is there. */
  readonly isThere: boolean;
  readonly kept: readonly ClaimObject[];
  readonly objects: readonly Kept[];
  /** With the volume of each claim, and how the claim is. */
  readonly wide: boolean;
};

function listText({ name, isThere, kept, objects, wide }: Listed): string {
  const boundTo = ({ volumeName, phase }: ClaimObject): string =>
    wide ? `, volume ${volumeName ?? "-"}, ${phase ?? "phase not known"}` : "";
  return [
    `of the farm ${name}:`,
    ...(isThere ? [`  VaultFarm ${name}, with its VaultNodes, pods, Services and gateways`] : []),
    ...kept.map((claim) => {
      const size = claim.capacity ?? claim.requested ?? "size not known";
      return `  PersistentVolumeClaim ${claim.metadata.name} (${size}${boundTo(claim)}), and what is on its volume`;
    }),
    ...objects.map(
      ([{ kind }, { metadata }]) =>
        `  ${kind} ${metadata.name}${kind === "Secret" ? " (the keys of the network: without them no backup of a volume is of use)" : ""}`,
    ),
  ].join("\n");
}

async function awaitGone(
  { clock, interrupted }: CommandWorld,
  { client, namespace }: Cluster,
  name: string,
  uid: string | undefined,
): Promise<void> {
  const untilMs = clock.monotonicMs() + goneWithinMs;
  for (;;) {
    const farm = valueIfThere(await client.get(farms, { namespace, name }));
    if (farm === undefined) return;
    if (farm.metadata.uid !== uid)
      throw new CommandError(exitCodes.refused, "made-again", `a new VaultFarm ${name} was made meanwhile; its volumes are left alone`);
    if (clock.monotonicMs() > untilMs) {
      const why = (farm.metadata.finalizers ?? []).join(", ");
      throw new CommandError(
        exitCodes.refused,
        "not-gone",
        `VaultFarm ${name} is deleted and stays${why === "" ? "" : ` (finalizers: ${why})`}; its volumes are left alone`,
      );
    }
    await clock.sleep(lookEveryMs, interrupted);
  }
}

// The keys last: as long as a volume is there, what is on it can be read.
async function removeAll({ client, namespace }: Cluster, listed: readonly Kept[]): Promise<void> {
  for (const [resource, { metadata }] of listed) {
    const preconditions = metadata.uid === undefined ? {} : { preconditions: { uid: metadata.uid } };
    valueIfThere(await client.remove(resource, { namespace, name: metadata.name }, preconditions));
  }
}

type Volume = KubeObject & {
  readonly spec?: {
    readonly persistentVolumeReclaimPolicy?: string;
    readonly claimRef?: { readonly namespace?: string; readonly name?: string };
  };
};

/** Volumes of the claims that outlive them. None where they may not be listed. */
async function keptVolumes({ client, namespace }: Cluster, kept: readonly ClaimObject[]): Promise<readonly string[]> {
  const listed = await client.listAll(volumes);
  if (!listed.ok) return [];
  const names = new Set(kept.map(({ metadata }) => metadata.name));
  return listed.value.items.flatMap((object) => {
    const { metadata, spec } = object as Volume;
    const { claimRef } = spec ?? {};
    const ours = claimRef?.namespace === namespace && names.has(claimRef.name ?? "");
    return spec?.persistentVolumeReclaimPolicy === "Retain" && ours ? [metadata.name] : [];
  });
}
