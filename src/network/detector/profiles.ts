// Profiles of the detector: how often a node says that it lives, and how long a watcher waits. `cluster` for machines of
// one network with quiet cores, `lan` for busy or shared ones, `wan` follows the path it sees. Pure.
import type { ProfileName } from "../../protocol/network-profile.ts";

/** Times in milliseconds. */
export type Profile = {
  readonly name: ProfileName;
  /** Between two heartbeats; for `wan` the shortest. */
  readonly intervalMs: number;
  /** Silence after which a watcher suspects; for `wan` the shortest. */
  readonly windowMs: number;
  /** Windows follow the path: see `adaptive-window.ts`. */
  readonly adaptive: boolean;
};

/**
 * With interval i and window w a silence is noticed w - i to w - i / 2 after the event (two beats an interval), and the timers of
 * Node and the word to the others add about 2 ms. Both leave room for one lost datagram and for stalls of w - i. Waking costs
 * more than a heartbeat, so that a node costs what it sends and hears a second: no finer interval than the window needs.
 */
const cluster: Profile = { name: "cluster", intervalMs: 8, windowMs: 18, adaptive: false };
const lan: Profile = { name: "lan", intervalMs: 20, windowMs: 50, adaptive: false };
const wan: Profile = { name: "wan", intervalMs: 100, windowMs: 350, adaptive: true };

const profiles: Readonly<Record<ProfileName, Profile>> = { cluster, lan, wan };

/** The profile of a name. */
export function profileOf(name: ProfileName): Profile {
  return profiles[name];
}
