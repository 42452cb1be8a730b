// What a vault node runs with: the tools it is handed, and its parts once they are built.
import type { Detector } from "../network/detector/detector.ts";
import type { SuspicionBoard } from "../network/detector/suspicion-board.ts";
import type { Membership } from "../network/membership/membership.ts";
import type { Peers } from "../network/peers.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import type { VaultNodeConfig } from "./config.ts";
import type { VaultNodeCore } from "./core.ts";
import type { NodeIdentity } from "./core-parts.ts";
import type { NodePhases } from "./node-phases.ts";
import type { OwnGrant } from "./own-grant.ts";
import type { Leaving } from "./safe-to-stop/leaving.ts";
import type { Volume } from "./volume/volume.ts";

export type VaultNodeTools = { readonly clock: Clock; readonly random: Random; readonly log: Log };

/** The parts of a running node, as they are handed to whoever joins them. */
export type Organs = {
  readonly leaving: Leaving;
  readonly config: VaultNodeConfig;
  readonly tools: VaultNodeTools;
  readonly identity: NodeIdentity;
  readonly volume: Volume;
  readonly grant: OwnGrant;
  readonly store: ChunkStore;
  readonly peers: Peers;
  readonly membership: Membership;
  readonly board: SuspicionBoard;
  readonly detector: Detector;
  readonly core: VaultNodeCore;
  readonly phases: NodePhases;
};
