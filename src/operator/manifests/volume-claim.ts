// The claim of a vault node's volume: it holds data, so nothing owns it, and a farm of the same name adopts it.
import type { StorageSpec } from "../api/storage-spec.ts";
import { type FarmIdentity, labels, type Manifest, objectLabels } from "./names.ts";

export type VolumeClaimParts = {
  readonly farm: FarmIdentity;
  /** Of the VaultNode. */
  readonly name: string;
  readonly storage: StorageSpec;
  /** Bytes: see `volumeBytesFor`. */
  readonly bytes: number;
};

const mib = 2 ** 20;

/** The claim. A volume grows by applying it with more bytes; it never shrinks. */
export function volumeClaim({ farm, name, storage, bytes }: VolumeClaimParts): Manifest {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: farm.namespace, labels: { ...objectLabels(farm, "node"), [labels.node]: name } },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(storage.storageClassName === undefined ? {} : { storageClassName: storage.storageClassName }),
      // In whole MiB: lists of claims and volumes show a size as it was written.
      resources: { requests: { storage: `${Math.ceil(bytes / mib)}Mi` } },
    },
  };
}
