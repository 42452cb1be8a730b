// The times of tests of keeping copies: the protocol's delays are 5 min, 30 s and 3 s; a fifth of them saves virtual time,
// which costs real time for every timer.
import { membershipLimits } from "../../src/network/membership/membership-limits.ts";
import { announcerLimits } from "../../src/vault-node/announcer.ts";
import { type RepairDelays, repairDelays, replicationLimits } from "../../src/vault-node/replication/replication-limits.ts";
import type { SimOptions } from "./sim-options.ts";

/** A minute of the protocol, in milliseconds of such a test. */
export const minute = 12_000;
export const delays: RepairDelays = repairDelays(5 * minute);

/** Timers that only decide how fast a second passes unseen are fewer, so that a virtual minute costs less. */
export const keepingTimes: Pick<SimOptions, "replication" | "membership" | "announcer"> = {
  replication: {
    ...replicationLimits,
    repairDelayMs: delays,
    tickMs: 300,
    turnMs: 6_000,
    pressingTurnMs: 1_000,
    trimAfterMs: minute,
    everythingEveryMs: 6 * minute,
  },
  membership: { ...membershipLimits, tickMs: 1_000, reconcileEveryMs: 20_000 },
  announcer: { ...announcerLimits, lookEveryMs: 2_000 },
};
