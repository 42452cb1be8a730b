// The owner's grant of this node, kept where it outlives the process.
import type { Volume } from "./volume/volume.ts";

/** The grant of this node: on its volume, and at hand for whoever puts. */
export type OwnGrant = { bytes(): Uint8Array | null; set(bytes: Uint8Array): Promise<void> };

/** The grant that lies on `volume`, or none yet. */
export function createOwnGrant(volume: Volume): OwnGrant {
  let held = volume.grant ?? null;
  return {
    bytes: () => held,
    set: async (bytes) => {
      await volume.saveGrant(bytes);
      held = new Uint8Array(bytes);
    },
  };
}
