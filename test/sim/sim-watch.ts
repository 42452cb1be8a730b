// The failure detector of a simulated node, from one start of it to its end: the real one beside real membership, on a clock
// that can stand still and a thread of the simulation.
import { createDetector, type Detector } from "../../src/network/detector/detector.ts";
import type { PulseEvent } from "../../src/network/detector/pulse.ts";
import { createSuspicionBoard } from "../../src/network/detector/suspicion-board.ts";
import type { Membership, MembershipParts } from "../../src/network/membership/membership.ts";
import type { Peers } from "../../src/network/peers.ts";
import type { Genesis } from "../../src/protocol/genesis.ts";
import type { ProfileName } from "../../src/protocol/network-profile.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { seededRandom } from "../../src/runtime/random.ts";
import { simThreads } from "./sim-detector.ts";
import type { SimLinks } from "./sim-links.ts";
import { createStandstill, type Standstill } from "./sim-standstill.ts";

export type SimWatchParts = {
  readonly clock: Clock;
  readonly links: SimLinks;
  readonly genesis: Genesis;
  readonly profile: ProfileName;
  readonly seed: number;
  /** How late the timers of the detector's thread come now, milliseconds. */
  readonly lateMs: () => number;
  readonly onPulse: (event: PulseEvent) => void;
};

export type SimWatch = {
  /** What the rest of the node is given in place of its clock and peers. */
  readonly clock: Clock;
  readonly peers: Peers;
  readonly standstill: Standstill;
  /** What membership is given. */
  readonly feed: Pick<MembershipParts, "feed" | "onPause">;
  /** Makes the detector; before the peers start. */
  watch(membership: Membership): Detector;
};

/** The detector of a node whose peers these are. */
export function createSimWatch({ clock, links, genesis, profile, seed, lateMs, onPulse }: SimWatchParts, base: Peers): SimWatch {
  const standstill = createStandstill(clock, links);
  const peers = standstill.peersOf(base);
  const board = createSuspicionBoard();
  let detector: Detector | undefined;
  return {
    clock: standstill.clock,
    peers,
    standstill,
    feed: { feed: board, onPause: () => detector?.forget() },
    watch: (membership) => {
      detector = createDetector({
        ...{ peers, board, profile, clock: standstill.clock, log: silentLog, onEvent: onPulse },
        directory: membership.directory,
        refresh: membership.refresh,
        offend: membership.offend,
        network: { id: genesis.networkId },
        listen: { ip: "127.0.0.1", port: 0 },
        random: seededRandom(seed),
        startThread: simThreads({ peer: base.self, standstill, links, random: seededRandom(seed + 1), lateMs }),
      });
      return detector;
    },
  };
}
