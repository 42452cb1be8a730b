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

/** The claim, as it is made. Of one that is there only the size can change, see `grownVolume`. */
export function volumeClaim({ farm, name, storage, bytes }: VolumeClaimParts): Manifest {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: farm.namespace, labels: { ...objectLabels(farm, "node"), [labels.node]: name } },
    spec: {
      accessModes: storage.accessModes ?? ["ReadWriteOnce"],
      ...(storage.storageClassName === undefined ? {} : { storageClassName: storage.storageClassName }),
      resources: sizeOf(bytes),
    },
  };
}

/** What of a claim changes so that its volume grows to `bytes`: its class and access mode are its own for ever, whatever the farm says by now. */
export function grownVolume(bytes: number): Readonly<Record<string, unknown>> {
  return { spec: { resources: sizeOf(bytes) } };
}

// In whole MiB: lists of claims and volumes show a size as it was written.
function sizeOf(bytes: number): Readonly<Record<string, unknown>> {
  return { requests: { storage: `${Math.ceil(bytes / mib)}Mi` } };
}
