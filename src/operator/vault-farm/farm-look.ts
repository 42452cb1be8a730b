// One look at a farm, as conditions and status are made from it.
import type { FarmReason } from "../api/conditions.ts";
import type { ManifestProblem } from "../api/problem.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import type { ObservedFarm } from "./observed.ts";
import type { RunningImage } from "./running-image.ts";

/** What was wanted and was refused; `lacksKind`: the cluster does not know its kind. */
export type Unmade = { readonly kind: string; readonly why: string; readonly lacksKind: boolean };

/** What became of the object that tells Prometheus of the farm. not-looked-at: the farm is paused. */
export type Monitoring = { readonly name: string; readonly state: "made" | "not-looked-at" | Unmade };

/** What was wanted, seen and decided. `gateways`: of the Deployment, `outdated` those of an earlier template; `refused`: why the newest spec is not carried out. */
export type FarmSeen = {
  readonly goal: FarmGoal;
  readonly observed: ObservedFarm;
  readonly actions: readonly FarmAction[];
  readonly gateways: { readonly ready: number; readonly wanted: number; readonly outdated: number; readonly unexposed?: Unmade };
  /** Absent: none is wanted. */
  readonly monitoring?: Monitoring;
  readonly selector: string;
  readonly zoneKey: string;
  readonly refused?: { readonly reason: FarmReason<"SpecAccepted">; readonly problems: readonly ManifestProblem[] };
  /** The call that the API server forbade at the look before, in its words. */
  readonly refusedCall?: string;
  /** Nodes whose status the API server refuses, and why. */
  readonly unshown?: readonly { readonly name: string; readonly why: string }[];
  /** What its pods run, and what the operator came with. */
  readonly images: { readonly runs: RunningImage; readonly offered: string };
  readonly nowMs: number;
};
