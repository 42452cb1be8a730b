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
 * cluster: with interval i and window w a silence is noticed w - i to w after the event, and the timers of Node and the
 * word to the others add about 2 ms; 5 and 15 leave room for one lost datagram and give a 99th percentile below 20 ms.
 */
const cluster: Profile = { name: "cluster", intervalMs: 5, windowMs: 15, adaptive: false };
const lan: Profile = { name: "lan", intervalMs: 15, windowMs: 50, adaptive: false };
const wan: Profile = { name: "wan", intervalMs: 100, windowMs: 350, adaptive: true };

const profiles: Readonly<Record<ProfileName, Profile>> = { cluster, lan, wan };

/** The profile of a name. */
export function profileOf(name: ProfileName): Profile {
  return profiles[name];
}
